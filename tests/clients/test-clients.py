#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The stand-in server and clients that others wrote: gamedig and rcon-srcds (npm; NODE_PATH leads to them) and Debian's
qstat. They know the real game's servers, so what they accept is what the game says.

deploy/check --tier clients prepares what this needs and runs it."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'srcds'))
from harness import TreeTestCase, main  # noqa: E402
from network import SERVER  # noqa: E402

TIMEOUT = 60
PLUGINS = 120


class ClientTestCase(TreeTestCase):
    ip = SERVER

    def setUp(self):
        super().setUp()
        self.write('left4dead2/steam.inf', 'PatchVersion=2.2.4.3\n')

    def output(self, *argv):
        return subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT).stdout

    def players(self, server, n):
        """So many players are there, and nothing moves any more."""
        server.say('standin_speed 3000')
        server.say(f'standin_players {n} stay')
        for i in range(n):
            server.wait_line(fr'connected, address "198\.51\.100\.{i + 1}:')
        server.wait_line(r'<Survivor><\w+><ALIVE>')
        server.say('standin_speed 0.01')
        server.wait_answer('echo still', '^still$')


class Gamedig(ClientTestCase):
    def query(self, *words, host=SERVER):
        return json.loads(self.output('node', f'{HERE}/query.js', host, str(self.port), *words))

    def test_idle(self):
        self.started('+hostname', 'Jörg & Söhne', '+sv_tags', 'loot,rank')
        state = self.query()
        self.assertEqual((state['name'], state['map'], state['password'], state['version']),
                         ('Jörg & Söhne', 'c1m1_hotel', False, '2.2.4.3'))
        self.assertEqual((state['numplayers'], state['maxplayers'], state['players'], state['bots']), (0, 4, [], []))
        raw = state['raw']
        self.assertEqual((raw['protocol'], raw['folder'], raw['game'], raw['appId'], raw['numbots'], raw['listentype'],
                          raw['environment'], raw['secure']), (17, 'left4dead2', 'Left 4 Dead 2', 550, 0, 'd', 'l', 1))
        self.assertEqual(raw['tags'], ['coop', 'empty', 'loot', 'rank', 'secure'])
        self.assertEqual(state['connect'], f'{SERVER}:{self.port}')
        self.assertEqual(raw['rules']['mp_gamemode'], 'coop')
        self.assertLess(state['ping'], 1000)

    def test_players_and_rules_in_parts(self):
        os.makedirs(f'{self.tree}/left4dead2/addons/sourcemod/plugins')
        self.write('left4dead2/addons/metamod.vdf', '"Plugin"')
        for i in range(PLUGINS):
            self.write(f'left4dead2/addons/sourcemod/plugins/plugin_{i}.smx', '')
        server = self.started('+map', 'c1m1_hotel', 'versus', '+sv_password', 'x', '+log', 'on')
        self.players(server, 8)
        state = self.query()
        self.assertEqual((state['numplayers'], state['maxplayers'], state['password']), (8, 8, True))
        names = {player['name'].rstrip('^') for player in state['players']}  # some had the time for a new one
        self.assertLessEqual(names, {'', 'Ann', 'a "quoted" name', 'Player Six', '<2><BOT><Survivor>', 'Jörg', 'Зоя', '楽しい',
                                     'Mr. 100%s'})
        self.assertGreaterEqual(len(state['players']), 1)
        for player in state['players']:
            self.assertGreaterEqual(player['raw']['score'], 0)
            self.assertLess(player['raw']['time'], TIMEOUT)
        self.assertEqual([state['raw']['rules'][f'plugin_{i}_version'] for i in range(PLUGINS)], ['1.0'] * PLUGINS)

    def test_an_old_server_without_challenge(self):
        self.started('+standin_a2s_challenge', '0')
        self.assertEqual(self.query()['map'], 'c1m1_hotel')

    def test_no_answer_on_loopback(self):
        self.ip = '0.0.0.0'
        server = self.started()
        self.assertIn('error', self.query('200', host='127.0.0.1'))
        self.assertRegex(server.wait_answer('standin_queries', '^standin: queries'), 'answered=0 .*loopback=[1-9]')

    def test_asking_too_often(self):
        server = self.started('+sv_max_queries_sec', '0.2')
        self.assertEqual(self.query()['map'], 'c1m1_hotel')
        self.query('200')
        self.assertIn('error', self.query('200'))
        self.assertRegex(server.wait_answer('standin_queries', '^standin: queries'), 'limited=[1-9]')

    def test_nonsense(self):
        server = self.started('+sv_max_queries_sec', '1000')
        for kind in range(12):
            server.wait_answer(f'standin_garbage a2s {kind}', '^standin: garbage a2s$')
            # It makes a server of some of it, but not this one.
            self.assertNotEqual(self.query('200').get('name'), 'Left 4 Dead 2')
        server.wait_answer('standin_garbage off', '^standin: garbage off$')
        self.assertEqual(self.query().get('name'), 'Left 4 Dead 2')


class RconSrcds(ClientTestCase):
    """It takes each read for one packet, which servers at the other end of a network mostly make true."""

    def serve(self, *words):
        return self.started('+rcon_password', 'sword fish', '+standin_rcon_gap_ms', '20', *words)

    def rcon(self, *commands, password='sword fish'):
        return json.loads(self.output('node', f'{HERE}/rcon.js', SERVER, str(self.port), password, *commands))

    def test_answers(self):
        server = self.serve('+log', 'on')
        server.wait_answer('standin_join Ann', 'joined team')
        status, users, nothing, unknown = self.rcon('status', 'users', 'sv_alltalk 1', 'mp_logdetail')
        self.assertIn('players : 1 humans, 3 bots (4 max) (not hibernating) (unreserved)\n', status)
        self.assertRegex(status, r'\n# 1 1 "Ann" STEAM_1:[01]:\d+ 00:\d\d \d+ 0 active 30000 198\.51\.100\.\d+:\d+\n')
        self.assertTrue(status.endswith('#end\n'))
        self.assertEqual(users.splitlines()[0], '<slot:userid:"name">')
        self.assertIn('server_cvar: "sv_alltalk" "1"', nothing)
        self.assertEqual(unknown, 'Unknown command "mp_logdetail"\n')

    def test_long_answer(self):
        self.write('left4dead2/cfg/long.cfg', ''.join(f'echo line {i} of a long answer\n' for i in range(1000)))
        self.serve()
        lines = [line for line in self.rcon('exec long.cfg')[0].splitlines() if line.startswith('line')]
        self.assertEqual(lines, [f'line {i} of a long answer' for i in range(1000)])

    def test_wrong_password_and_ban(self):
        server = self.serve()
        for _ in range(4):
            self.assertEqual(self.rcon(password='wrong'), {'error': 'Error: Unable to authenticate'})
        self.assertEqual(self.rcon(password='wrong'), {'error': 'Error: The server has hung up'})
        server.wait_line(f'^Banning {SERVER} ')
        self.assertIn('error', self.rcon('status'))
        server.wait_answer(f'removeip {SERVER}', '^removeip:  filter removed')
        self.assertEqual(self.rcon(), [True])

    def test_hung_up(self):
        server = self.serve()
        self.assertEqual(self.rcon('rcon_password other'), {'error': 'Error: The server has hung up'})
        self.assertEqual(self.rcon('echo hello', password='other'), ['hello\n'])
        self.assertEqual(self.rcon('quit', password='other'), {'error': 'Error: The server has hung up'})
        self.assertEqual(server.wait_exit(), 0)


class Qstat(ClientTestCase):
    def query(self):
        output = self.output('quakestat', '-utf8', '-xml', '-retry', '1', '-P', '-R', '-a2s', f'{SERVER}:{self.port}')
        return xml.etree.ElementTree.fromstring(output).find('server')

    def test_players(self):
        server = self.started('+hostname', 'A & B', '+log', 'on')
        self.players(server, 3)
        found = self.query()
        self.assertEqual(found.get('status'), 'UP')
        self.assertEqual((found.find('name').text, found.find('map').text, found.find('gametype').text),
                         ('A & B', 'c1m1_hotel', 'left4dead2'))
        self.assertEqual((found.find('numplayers').text, found.find('maxplayers').text), ('3', '4'))
        self.assertEqual(len(found.find('players')), 3)
        rules = {rule.get('name'): rule.text for rule in found.find('rules')}
        self.assertEqual((rules['z_difficulty'], rules['sv_gravity']), ('Normal', '800'))

    def test_nobody_there(self):
        server = self.started()
        server.say('quit')
        self.assertEqual(server.wait_exit(), 0)
        self.assertNotEqual(self.query().get('status'), 'UP')


if __name__ == '__main__':
    main()
