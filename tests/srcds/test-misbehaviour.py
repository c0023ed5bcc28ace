#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Misbehaviour on request: each by the console, by RCON or from the command line, as what uses it will ask for it."""
import os
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
from harness import TreeTestCase, main  # noqa: E402
from network import SERVER, Query, Rcon, info  # noqa: E402


class MisbehaviourTestCase(TreeTestCase):
    ip = SERVER

    def serve(self, *words):
        return self.started('+rcon_password', 'x', *words)

    def login(self):
        rcon = Rcon(self.port)
        self.addCleanup(rcon.socket.close)
        self.assertTrue(rcon.authenticate('x'))
        return rcon


class Ends(MisbehaviourTestCase):
    def test_refuses_the_port(self):
        server = self.start('+standin_refuse_port')
        server.wait_line(f'^ERROR: Port {self.port} was unavailable - quitting due to "-strictportbind"')
        self.assertEqual(server.wait_exit(), 100)
        server = self.serve()
        self.login().send(Rcon.EXEC, 1, b'standin_refuse_port')
        self.assertEqual(server.wait_exit(), 100)

    def test_crash_by_rcon(self):
        server = self.serve()
        rcon = self.login()
        rcon.send(Rcon.EXEC, 1, b'standin_crash ABRT')
        self.assertTrue(rcon.is_closed())
        self.assertEqual(server.wait_exit(), -signal.SIGABRT)

    def test_deaf(self):
        server = self.serve()
        self.login().run('standin_ignore_sigint SIGTERM')
        server.child.send_signal(signal.SIGINT)
        server.child.send_signal(signal.SIGTERM)
        self.assertIn('#end', self.login().run('status'))


class Floods(MisbehaviourTestCase):
    def test_as_fast_as_it_goes(self):
        server = self.serve()
        server.say('standin_flood max')
        server.wait_line('^standin: flood 200000 ')
        # Everything else is served meanwhile.
        server.say('standin_flood 0')
        server.wait_answer('echo quiet', '^quiet$')
        numbers = [int(line.split()[2]) for line in server.lines if line.startswith('standin: flood')]
        self.assertEqual(numbers, list(range(len(numbers))))

    def test_at_a_rate(self):
        server = self.serve()
        start = time.monotonic()
        server.say('standin_flood 2000')
        server.wait_line('^standin: flood 1000 ')
        self.assertGreaterEqual(time.monotonic() - start, 0.45)

    def test_bad_words(self):
        server = self.serve()
        for word in ('flood', 'leak', 'stall', 'garbage'):
            server.wait_answer(f'standin_{word} much', f'^standin: standin_{word}: not .*much$')


class Leaks(MisbehaviourTestCase):
    def resident(self, server):
        with open(f'/proc/{server.pid}/status', encoding='ascii') as f:
            return int(re.search(r'VmRSS:\s+(\d+) kB', f.read())[1])

    def test_leak(self):
        server = self.serve()
        before = self.resident(server)
        server.say('standin_leak 200')
        deadline = time.monotonic() + 20
        # Nobody tells when memory grows.
        while self.resident(server) < before + 60 * 1024:
            self.assertLess(time.monotonic(), deadline)
        server.say('standin_leak 0')
        server.wait_answer('echo enough', '^enough$')


class Stalls(MisbehaviourTestCase):
    def test_stall(self):
        server = self.serve()
        with Query(self.port) as query:
            info(query)
            start = time.monotonic()
            server.wait_answer('standin_stall 400', '^standin: stalls 400 ms$')
            info(query)
            self.assertGreaterEqual(time.monotonic() - start, 0.4)
        server.wait_line('^standin: goes on$')

    def test_stall_at_start(self):
        server = self.start('+standin_stall', '200')
        server.wait_line('^standin: goes on$')
        server.wait_line('^Server is hibernating$')

    def test_signals_end_it(self):
        server = self.serve()
        server.wait_answer('standin_stall 60000', '^standin: stalls')
        server.child.send_signal(signal.SIGINT)
        self.assertEqual(server.wait_exit(), -signal.SIGINT)


class Burns(MisbehaviourTestCase):
    def seconds(self, server):
        """Of the processor, used so far."""
        with open(f'/proc/{server.pid}/stat', encoding='ascii') as f:
            return sum(map(int, f.read().rsplit(')', 1)[1].split()[11:13])) / os.sysconf('SC_CLK_TCK')

    def test_burn(self):
        server = self.serve('+standin_burn', '50')
        rcon = self.login()
        self.assertIn('   10.00       0', rcon.run('stats'))  # empty: nothing to do
        rcon.run('standin_join Ann')
        before = self.seconds(server)
        deadline = time.monotonic() + 20
        # Used up is what nobody tells of.
        while self.seconds(server) < before + 0.3:
            self.assertLess(time.monotonic(), deadline)
        self.assertLess(float(rcon.run('stats').splitlines()[1].split()[5]), 33)
        rcon.run('standin_burn 0')

    def test_frames_are_counted(self):
        self.serve('+standin_stall', '1')
        rcon = self.login()
        rcon.run('standin_join Ann')
        rcon.run('standin_stall 2000')
        deadline = time.monotonic() + 20
        # The frames of the stall are missing from the second that holds it.
        while not float(rcon.run('stats').splitlines()[1].split()[5]) < 20:
            self.assertLess(time.monotonic(), deadline)


class Garbage(MisbehaviourTestCase):
    def test_queries(self):
        server = self.serve('+standin_garbage', 'a2s', '+sv_max_queries_sec', '100')
        with Query(self.port) as query:
            answers = [query.ask(Query.INFO) for _ in range(24)]
            self.assertGreater(len(set(answers)), 12)
            self.assertEqual(answers[0], b'\xff\xff\xff')
            self.assertEqual(answers[12], answers[0])
            server.wait_answer('standin_garbage a2s 5', '^standin: garbage a2s$')
            self.assertEqual(query.ask(Query.INFO)[:6], b'\xff\xff\xff\xffD\xff')
            server.wait_answer('standin_garbage off', '^standin: garbage off$')
            self.assertEqual(info(query)['app'], 550)

    def test_the_same_seed_gives_the_same(self):
        answers = []
        for _ in range(2):
            self.serve('+standin_seed', '3', '+standin_garbage', 'a2s', '1')
            with Query(self.port) as query:
                answers.append([query.ask(Query.INFO) for _ in range(3)])
        self.assertEqual(answers[0], answers[1])

    def test_rcon(self):
        server = self.serve()
        for kind in range(10):
            server.wait_answer(f'standin_garbage rcon {kind}', '^standin: garbage rcon$')
            rcon = self.login()
            rcon.send(Rcon.EXEC, 5, b'status')
            self.assertNotIn(b'hostname: Left', rcon.exactly(12))
        server.wait_answer('standin_garbage off', '^standin: garbage off$')
        self.assertIn('#end', self.login().run('status'))


if __name__ == '__main__':
    main()
