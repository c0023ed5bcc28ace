#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Connected players as the network sees them, and how late ticks are."""
import re
import socket
import struct
import sys

sys.dont_write_bytecode = True
from harness import TIMEOUT, TreeTestCase, main  # noqa: E402

OUT = b'\xff\xff\xff\xff'
SNAPSHOT = struct.Struct('<IIIQ')


class Channels(TreeTestCase):
    def socket(self, family, address):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.settimeout(TIMEOUT)
        sock.connect((address, self.port))
        return sock

    def ask_in(self, sock):
        sock.send(OUT + b'q0x00000000\0')
        answer = sock.recv(2048)
        self.assertEqual((answer[:5], len(answer)), (OUT + b'A', 9))
        return answer[5:]

    def let_in(self, sock):
        sock.send(OUT + b'k' + self.ask_in(sock) + b'name\0')
        self.assertTrue(sock.recv(2048).startswith(OUT + b'B'))

    def play(self, server, sock):
        self.let_in(sock)
        server.wait_line('^Server waking up from hibernation$')
        for number in range(1, 6):
            sock.send(struct.pack('<II', number, 0) + bytes(50))
        numbers = []
        while True:
            at, last, count, _ = SNAPSHOT.unpack_from(sock.recv(2048))
            numbers.append(at)
            if count == 5:
                break
        self.assertEqual(last, 5)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_player(self):
        server = self.started()
        self.play(server, self.socket(socket.AF_INET, self.ip))
        server.wait_answer('standin_channels', '^standin: channels 1$')

    def test_player_on_ipv6(self):
        server = self.started('+standin_ipv6')
        self.play(server, self.socket(socket.AF_INET6, '::1'))

    def test_wrong_challenge(self):
        server = self.started()
        sock = self.socket(socket.AF_INET, self.ip)
        challenge = self.ask_in(sock)
        sock.send(OUT + b'k' + bytes(b ^ 0xFF for b in challenge) + b'name\0')
        self.ask_in(sock)
        server.wait_answer('standin_channels', '^standin: channels 0$')

    def test_jitter(self):
        server = self.start('+sv_hibernate_when_empty', '0')
        server.wait_line('^standin: map ')
        pattern = r'^standin: jitter ticks=(\d+) missed=\d+ mean=(\d+) p50=(\d+) p95=(\d+) p99=(\d+) max=(\d+)$'
        while True:
            found = re.match(pattern, server.wait_answer('standin_jitter', '^standin: jitter'))
            ticks, mean, *percentiles = map(int, found.groups())
            if ticks:
                break
        self.assertEqual(percentiles, sorted(percentiles))
        self.assertLessEqual(mean, percentiles[-1])


if __name__ == '__main__':
    main()
