#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The stand-in's remote console: what it answers, when it hangs up, whom it bans."""
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
from harness import TreeTestCase, main  # noqa: E402
from network import ALICE, BOB, SERVER, Rcon  # noqa: E402

IDLE = '''hostname: Left 4 Dead 2
version : 2.2.4.3 10097 secure  (unknown)
udp/ip  : 0.0.0.0:{port} [ public 203.0.113.66:{port} ]
os      : Linux Dedicated
map     : c1m1_hotel
players : 0 humans, 0 bots (4 max) (hibernating) (unreserved)

# userid name uniqueid connected ping loss state rate adr
#end
'''


class RconTestCase(TreeTestCase):
    ip = '0.0.0.0'

    def setUp(self):
        super().setUp()
        self.write('left4dead2/steam.inf', 'PatchVersion=2.2.4.3\n')

    def serve(self, *words):
        return self.started('+rcon_password', 'swordfish', '+log', 'on', *words)

    def connect(self, address=ALICE):
        rcon = Rcon(self.port, address)
        self.addCleanup(rcon.socket.close)
        return rcon

    def login(self, address=ALICE):
        rcon = self.connect(address)
        self.assertTrue(rcon.authenticate('swordfish'))
        return rcon


class Answers(RconTestCase):
    def test_status(self):
        self.serve()
        self.assertEqual(self.login().run('status'), IDLE.format(port=self.port))

    def test_wrong_password(self):
        server = self.serve()
        rcon = self.connect()
        self.assertFalse(rcon.authenticate('wrong'))
        server.wait_line(r'^L .*: rcon from "192\.0\.2\.11:\d+": Bad Password$')
        # Not refused but empty, whatever is asked.
        rcon.send(Rcon.EXEC, 7, b'status')
        self.assertEqual(rcon.receive(), (7, Rcon.VALUE, b''))
        self.assertTrue(rcon.authenticate('swordfish'))
        self.assertIn('#end', rcon.run('status'))

    def test_a_prefix_is_no_password(self):
        self.serve()
        for word in ('swordfis', 'swordfishh', 'Swordfish', ''):
            self.assertFalse(self.connect().authenticate(word))

    def test_output_goes_to_who_asked(self):
        server = self.serve()
        rcon = self.login()
        self.assertEqual(rcon.run('echo "only here"'), 'only here\n')
        self.assertEqual(rcon.run('mp_gamemode'), '"mp_gamemode" = "coop"\n')
        self.assertEqual(rcon.run('z_difficulty Hard; z_difficulty').splitlines()[-1],
                         '"z_difficulty" = "Hard" ( def. "Normal" )')
        self.assertEqual(rcon.run('mp_logdetail 3'), 'Unknown command "mp_logdetail"\n')
        server.wait_answer('echo there', '^there$')
        self.assertNotIn('only here', server.lines)
        server.wait_line(r'^L .*: rcon from "192\.0\.2\.11:\d+": command "mp_gamemode"$')

    def test_the_log_can_be_silent_about_it(self):
        server = self.serve('+sv_rcon_log', '0')
        self.login().run('status')
        server.wait_answer('echo there', '^there$')
        self.assertFalse([line for line in server.lines if 'rcon from' in line])

    def test_empty_answers(self):
        self.serve()
        rcon = self.login()
        for command in ('', 'sv_alltalk 0', 'sv_cheats 0'):
            self.assertEqual(rcon.packets(command), [b''])

    def test_long_answers_come_in_parts(self):
        self.write('left4dead2/cfg/long.cfg', ''.join(f'echo line {i} of a long answer\n' for i in range(1000)))
        self.serve()
        bodies = self.login().packets('exec long.cfg')
        self.assertGreater(len(bodies), 5)
        self.assertTrue(all(len(b) <= 4096 - 10 for b in bodies))
        lines = [line for line in b''.join(bodies).decode().splitlines() if line.startswith('line')]
        self.assertEqual(lines, [f'line {i} of a long answer' for i in range(1000)])

    def test_no_mirror(self):
        self.serve('+standin_rcon_mirror', '0')
        rcon = self.login()
        rcon.send(Rcon.VALUE, 5)
        rcon.send(Rcon.EXEC, 6, b'')
        self.assertEqual(rcon.receive(), (6, Rcon.VALUE, b''))

    def test_split_and_joined_packets(self):
        self.serve()
        rcon = self.login()
        data = b''.join(struct.pack('<iii', 16, i, 2) + b'echo ' + str(i).encode() + b'\0\0' for i in range(3))
        for i in range(0, len(data), 5):
            rcon.socket.send(data[i:i + 5])
        self.assertEqual([rcon.receive() for _ in range(3)], [(i, 0, f'{i}\n'.encode()) for i in range(3)])

    def test_a_reader_that_does_not_read(self):
        self.write('left4dead2/cfg/long.cfg', f'echo {"x" * 3000}\n' * 200)
        server = self.serve()
        rcon = self.login()
        rcon.socket.settimeout(None)
        # Some 600 kB each: more than the server keeps for one who does not take it.
        for i in range(60):
            try:
                rcon.send(Rcon.EXEC, i, b'exec long.cfg')
            except OSError:
                break
        self.assertIn('#end', self.login(BOB).run('status'))
        self.assertTrue(rcon.is_closed())
        server.wait_answer('echo alive', '^alive$')

    def test_many_connections(self):
        self.serve()
        connections = [self.login() for _ in range(64)]
        self.assertTrue(self.connect().is_closed())
        self.assertEqual(connections[63].run('echo x'), 'x\n')
        connections[0].socket.close()
        self.assertEqual(connections[1].run('echo x'), 'x\n')
        self.login()


    def test_sourcemod(self):
        self.serve()
        self.assertEqual(self.login().run('sm version'), 'Unknown command "sm"\n')
        self.unpack('plugin.tar.gz')
        self.serve()
        rcon = self.login()
        self.assertEqual(rcon.run('sm plugins list'), '[SM] Listing 1 plugin:\n  01 "readyup" (1.0) by Somebody\n')
        self.assertIn('SourceMod Version: 1.12', rcon.run('sm version'))
        self.assertIn('SourceMod (1.12', rcon.run('meta list'))
        self.assertEqual(rcon.run('sm_cvar mp_gamemode'), '[SM] Value of cvar "mp_gamemode": "coop"\n')
        self.assertEqual(rcon.run('sm_cvar nb_update_frequency .014; nb_update_frequency').splitlines()[-1],
                         '"nb_update_frequency" = ".014" ( def. ".1" )')


class HangingUp(RconTestCase):
    def test_a_new_password(self):
        server = self.serve()
        rcon, other = self.login(), self.connect(BOB)
        server.say('rcon_password swordfish')
        self.assertTrue(rcon.is_closed())
        self.assertTrue(other.is_closed())
        rcon = self.login()
        rcon.send(Rcon.EXEC, 5, b'rcon_password other')
        self.assertTrue(rcon.is_closed())
        self.assertTrue(self.connect().authenticate('other'))

    def test_map_change_with_the_password_in_server_cfg(self):
        self.cfg('server.cfg', 'rcon_password swordfish\n')
        server = self.serve()
        rcon = self.login()
        rcon.send(Rcon.EXEC, 5, b'changelevel c1m2_streets')
        self.assertEqual(rcon.receive(), (5, 0, b''))
        self.assertTrue(rcon.is_closed())
        server.wait_line('^standin: map c1m2_streets')
        self.assertIn('c1m2_streets', self.login().run('status'))

    def test_map_change_without(self):
        self.serve()
        rcon = self.login()
        self.assertEqual(rcon.run('changelevel c1m2_streets'), '')
        self.assertIn('map     : c1m2_streets', rcon.run('status'))

    def test_quit(self):
        server = self.serve()
        rcon = self.login()
        rcon.send(Rcon.EXEC, 5, b'quit')
        self.assertTrue(rcon.is_closed())
        self.assertEqual(server.wait_exit(), 0)

    def test_broken_packets(self):
        self.serve('+sv_rcon_maxpacketbans', '0')
        for data in (struct.pack('<i', 9), struct.pack('<i', -1), struct.pack('<iii', 20, 1, 77),
                     struct.pack('<i', 1025), struct.pack('<i', 1 << 30), b'GET / HTTP/1.1\r\n\r\n'):
            rcon = self.login()
            rcon.socket.send(data)
            self.assertTrue(rcon.is_closed(), data)

    def test_nothing_is_answered_while_a_map_loads(self):
        self.serve('+standin_map_load_ms', '300')
        rcon = self.login()
        start = time.monotonic()
        rcon.send(Rcon.EXEC, 5, b'changelevel c1m2_streets')
        self.assertEqual(rcon.receive(), (5, 0, b''))
        self.login(BOB)  # is let in by the kernel and answered later
        self.assertGreaterEqual(time.monotonic() - start, 0.3)


class Bans(RconTestCase):
    def fail(self, times, address=ALICE):
        """Each on a connection of its own, as clients do it."""
        for _ in range(times):
            with Rcon(self.port, address) as rcon:
                self.assertFalse(rcon.authenticate('wrong'))

    def banned(self, address=ALICE):
        with Rcon(self.port, address) as rcon:
            return rcon.is_closed()

    def test_five_failures_in_thirty_seconds(self):
        server = self.serve()
        other, mine = self.login(BOB), self.login()
        self.fail(4)
        self.assertTrue(mine.run('status'))
        self.fail(1)
        server.wait_line(r'^Banning 192\.0\.2\.11 for rcon hacking attempts$')
        self.assertTrue(mine.is_closed())  # those that were in already are sent away as well
        self.assertTrue(self.banned())
        self.assertEqual(other.run('listip'), 'IP filter list: 1 entry\n1 192.0.2.11 : permanent\n')
        self.assertEqual(other.run('removeip 192.0.2.11'), 'removeip:  filter removed for 192.0.2.11\n')
        self.assertEqual(other.run('listip'), 'IP filter list: empty\n')
        self.login()

    def test_failures_in_all(self):
        self.serve('+sv_rcon_minfailuretime', '0', '+sv_rcon_minfailures', '100', '+sv_rcon_maxfailures', '7')
        self.fail(6)
        self.login()
        self.fail(1)
        self.assertTrue(self.banned())

    def test_penalty_ends(self):
        server = self.serve('+sv_rcon_banpenalty', '0.005')
        self.fail(5)
        server.wait_line('^Banning')
        deadline = time.monotonic() + 20
        # The end of a ban is no event that anybody is told of.
        while True:
            with socket.create_connection((SERVER, self.port), 20, (ALICE, 0)) as s:
                s.sendall(struct.pack('<iii', 19, 5, 3) + b'swordfish\0\0')
                try:
                    if s.recv(100):
                        break
                except ConnectionResetError:
                    pass
            self.assertLess(time.monotonic(), deadline)

    def test_oversized_packet(self):
        server = self.serve()
        rcon = self.login()
        rcon.send(Rcon.EXEC, 5, b'x' * (1024 - 10))
        self.assertIn(b'Unknown command', rcon.receive()[2])
        rcon.send(Rcon.EXEC, 5, b'x' * (1025 - 10))
        self.assertTrue(rcon.is_closed())
        server.wait_line(r'^Banning 192\.0\.2\.11 ')
        self.assertTrue(self.banned())
        self.login(BOB)

    def test_lists(self):
        self.serve()
        rcon = self.login(BOB)
        rcon.run('addip 0 192.0.2.11; addip 5 198.51.100.0; addip 0 nonsense; banid 0 STEAM_1:1:42; banid 30 STEAM_1:0:7')
        self.assertTrue(self.banned())
        self.assertRegex(rcon.run('listip'), r'^IP filter list: 2 entries\n1 192\.0\.2\.11 : permanent\n'
                                             r'2 198\.51\.100\.0 : [45]\.\d+ min\n$')
        self.assertRegex(rcon.run('listid'), r'^ID filter list: 2 entries\n1 STEAM_1:1:42 : permanent\n'
                                             r'2 STEAM_1:0:7 : (29|30)\.\d+ min\n$')
        rcon.run('writeip; writeid')
        self.assertEqual(self.read('left4dead2/cfg/banned_ip.cfg'), 'addip 0 192.0.2.11\n')
        self.assertEqual(self.read('left4dead2/cfg/banned_user.cfg'), 'banid 0 STEAM_1:1:42\n')
        self.assertEqual(rcon.run('removeid STEAM_1:1:42'), 'removeid:  filter removed for STEAM_1:1:42\n')
        self.assertEqual(rcon.run('removeid STEAM_1:1:42'), "removeid:  couldn't find STEAM_1:1:42\n")
        self.assertEqual(rcon.run('removeip 192.0.2.99'), "removeip:  couldn't find 192.0.2.99\n")


if __name__ == '__main__':
    main()
