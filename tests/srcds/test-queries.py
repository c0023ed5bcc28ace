#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The stand-in's answers to server queries (A2S): their bytes, challenges, parts, limits, and when there are none."""
import os
import socket
import sys

sys.dont_write_bytecode = True
from harness import TreeTestCase, main  # noqa: E402
from network import ALICE, BOB, CAROL, SERVER, Query, info, players, rules  # noqa: E402


class QueryTestCase(TreeTestCase):
    ip = SERVER

    def setUp(self):
        super().setUp()
        self.write('left4dead2/steam.inf', 'PatchVersion=2.2.4.3\n')

    def query(self, address=ALICE, **kwargs):
        query = Query(self.port, address, **kwargs)
        self.addCleanup(query.socket.close)
        return query

    def counts(self, server):
        """What the server has done with the datagrams so far. The console is served after them."""
        line = server.wait_answer('standin_queries', '^standin: queries ')
        return {k: int(v) for k, v in (word.split('=') for word in line.split()[2:])}


class Replies(QueryTestCase):
    def test_idle_server(self):
        self.started('+hostname', 'Jörg')
        self.assertEqual(info(self.query()), {
            'protocol': 17, 'name': 'Jörg', 'map': 'c1m1_hotel', 'folder': 'left4dead2', 'game': 'Left 4 Dead 2',
            'app': 550, 'players': 0, 'max': 4, 'bots': 0, 'kind': b'd', 'os': b'l', 'password': 0, 'vac': 1,
            'version': '2.2.4.3', 'port': self.port, 'steamid': 90090903374088000 + self.port,
            'keywords': 'coop,empty,secure', 'game id': 550})
        self.assertEqual(players(self.query()), [])

    def test_what_settings_change(self):
        server = self.started('+map', 'c1m1_hotel', 'versus', '+sv_tags', 'loot,rank', '+sv_steamgroup', '38347879',
                              '+sv_password', 'x', '+sv_maxplayers', '18', '+log', 'on')
        server.wait_answer('standin_join Ann', 'joined team')
        found = info(self.query())
        self.assertEqual(found['keywords'], 'versus,increased_maxplayers,loot,rank,*grp:38347879i,secure')
        self.assertEqual((found['password'], found['players'], found['max']), (1, 1, 18))
        server.say('sv_visiblemaxplayers 6')
        server.wait_answer('echo set', '^set$')
        self.assertEqual(info(self.query())['max'], 6)

    def test_bots_are_counted_on_request(self):
        server = self.started('+log', 'on')
        server.wait_answer('standin_join Ann', 'joined team')
        self.assertEqual([(n, s) for n, s, _ in players(self.query())], [('Ann', 0)])
        self.assertEqual(info(self.query())['bots'], 0)
        server.say('standin_a2s_bots 1')
        server.wait_answer('echo set', '^set$')
        found = info(self.query())
        self.assertEqual((found['players'], found['bots']), (4, 3))
        self.assertEqual([n for n, _, _ in players(self.query())][0], 'Ann')
        self.assertEqual(len(players(self.query())), 4)

    def test_stock_rules_are_one_datagram(self):
        self.started()
        query = self.query()
        self.assertEqual(len(query.parts(Query.RULES)), 1)
        self.assertEqual(rules(query)['mp_gamemode'], 'coop')

    def test_rules_in_parts(self):
        os.makedirs(f'{self.tree}/left4dead2/addons/sourcemod/plugins')
        self.write('left4dead2/addons/metamod.vdf', '"Plugin"')
        for i in range(60):
            self.write(f'left4dead2/addons/sourcemod/plugins/plugin_{i}.smx', '')
        server = self.started('+z_difficulty', 'Hard', '+sv_password', 'swordfish')
        query = self.query()
        parts = query.parts(Query.RULES)
        self.assertGreater(len(parts), 1)
        for i, part in enumerate(parts):
            self.assertEqual(part[:4] + part[8:12], b'\xfe\xff\xff\xff' + bytes([len(parts), i]) + b'\xa4\x04')
            self.assertLessEqual(len(part), 1200)
        found = rules(query)
        self.assertEqual(found['z_difficulty'], 'Hard')
        self.assertEqual(found['sv_password'], '1')
        self.assertEqual(found['plugin_59_version'], '1.0')
        self.assertNotIn('rcon_password', found)
        self.assertNotEqual(query.parts(Query.RULES)[0][4:8], parts[0][4:8])
        server.say('net_maxroutable 600')
        server.wait_answer('echo set', '^set$')
        self.assertEqual({len(p) for p in query.parts(Query.RULES)[:-1]}, {600})

    def test_connecting_players_have_no_name(self):
        server = self.started('+log', 'on', '+standin_players', '1', '+standin_speed', '20')
        server.wait_line('connected, address')
        server.say('standin_speed 0.01')
        server.wait_answer('echo slow', '^slow$')
        self.assertEqual([n for n, _, _ in players(self.query())], [''])


class Challenges(QueryTestCase):
    def test_info(self):
        self.started()
        query = self.query()
        challenge = query.challenge()
        self.assertEqual(query.ask(Query.INFO + challenge)[:6], b'\xff\xff\xff\xffI\x11')
        wrong = bytes([challenge[0] ^ 1]) + challenge[1:]
        self.assertEqual(query.ask(Query.INFO + wrong), b'\xff\xff\xff\xffA' + challenge)

    def test_one_for_all_requests(self):
        self.started()
        query = self.query()
        challenge = query.challenge(Query.RULES)
        self.assertEqual(query.ask(Query.PLAYER + challenge)[:5], b'\xff\xff\xff\xffD')
        self.assertEqual(query.ask(Query.INFO + challenge)[:5], b'\xff\xff\xff\xffI')
        self.assertEqual(query.challenge(Query.PLAYER), challenge)

    def test_it_is_the_address_that_counts(self):
        self.started()
        challenge = self.query().challenge()
        self.assertEqual(self.query().challenge(), challenge)
        self.assertNotEqual(self.query(BOB).challenge(), challenge)
        self.assertEqual(self.query(BOB).ask(Query.PLAYER + challenge)[:5], b'\xff\xff\xff\xffA')

    def test_without(self):
        self.started('+standin_a2s_challenge', '0')
        self.assertEqual(self.query().ask(Query.INFO)[:5], b'\xff\xff\xff\xffI')
        self.query().challenge(Query.PLAYER)


class Silence(QueryTestCase):
    def test_loopback(self):
        self.ip = '0.0.0.0'
        server = self.started()
        for address, to in (('127.0.0.1', '127.0.0.1'), (ALICE, '127.0.0.2'), ('127.0.0.3', '192.0.2.1')):
            query = self.query(address, server=to)
            query.socket.send(Query.INFO)
        self.assertEqual(self.counts(server), {'received': 3, 'answered': 0, 'limited': 0, 'loopback': 3})
        info(self.query(SERVER))

    def test_without_steam(self):
        server = self.started('-insecure')
        self.query().socket.send(Query.INFO)
        self.assertEqual(self.counts(server), {'received': 1, 'answered': 0, 'limited': 0, 'loopback': 0})

    def test_before_the_first_map(self):
        server = self.start(default_map=False)
        server.wait_line('^Network:')
        self.query().socket.send(Query.INFO)
        self.assertEqual(self.counts(server)['answered'], 0)
        server.wait_answer('map c1m1_hotel', '^Server is hibernating$')
        info(self.query())

    def test_banned(self):
        server = self.started('+addip', '0', ALICE)
        self.query().socket.send(Query.INFO)
        self.assertEqual(self.counts(server)['answered'], 0)
        info(self.query(BOB))

    def test_what_is_no_query(self):
        server = self.started()
        for data in (b'', b'\xff\xff\xff\xff', b'\xff\xff\xff\xffi', b'\xff\xff\xff\xffTSource Engine Quer',
                     b'\xff\xff\xff\xffU\1\2\3', b'\xff\xff\xff\xffW', b'\xfe\xff\xff\xffU' + b'\xff' * 4, b'x' * 1400):
            self.query().socket.send(data)
        self.assertEqual(self.counts(server)['answered'], 0)
        info(self.query())


class Limits(QueryTestCase):
    def send(self, times, address):
        query = self.query(address)
        for _ in range(times):
            query.socket.send(Query.INFO)

    def test_defaults(self):
        """3 a second, as the mean of 30 seconds, so 90 at once; the others have theirs still."""
        server = self.started()
        self.send(60, ALICE)
        self.assertEqual(self.counts(server)['limited'], 0)
        self.send(60, ALICE)
        self.assertEqual(self.counts(server), {'received': 120, 'answered': 90, 'limited': 30, 'loopback': 0})
        self.assertEqual(info(self.query(BOB))['app'], 550)

    def test_of_all_together(self):
        server = self.started('+sv_max_queries_sec_global', '1')
        for address in (ALICE, BOB, CAROL):
            self.send(11, address)
        self.assertEqual(self.counts(server), {'received': 33, 'answered': 30, 'limited': 3, 'loopback': 0})

    def test_window_ends(self):
        server = self.started('+sv_max_queries_window', '0.2', '+sv_max_queries_sec', '10')
        self.send(5, ALICE)
        limited = self.counts(server)['limited']
        self.assertGreaterEqual(limited, 1)
        # Dropped without a word: the one that is answered is one of the next window.
        query = self.query()
        query.socket.settimeout(0.05)
        for _ in range(200):
            try:
                query.ask(Query.INFO)
                break
            except TimeoutError:
                pass
        else:
            self.fail('the window did not end')


class LogAddress(QueryTestCase):
    """The log as datagrams from the game port."""

    def listener(self, server, address=BOB):
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.settimeout(20)
        listener.bind((address, 0))
        self.name = f'{address}:{listener.getsockname()[1]}'
        server.wait_answer(f'logaddress_add {self.name}', f'^logaddress_add:  {self.name}$')
        return listener

    def test_lines_and_secret(self):
        server = self.started('+log', 'on')
        listener = self.listener(server)
        server.wait_answer('say "hello"', 'hello')
        data, source = listener.recvfrom(4096)
        self.assertEqual(source, (SERVER, self.port))
        self.assertRegex(data, rb'^\xff\xff\xff\xffRL \d\d/\d\d/\d{4} - \d\d:\d\d:\d\d: Server say "hello"\n\0$')
        server.say('sv_logsecret 4711')
        server.say('say again')
        self.assertRegex(listener.recv(4096), rb'^\xff\xff\xff\xffS4711L .*: Server say "again"\n\0$')

    def test_list(self):
        server = self.started('+log', 'on')
        server.wait_answer('log', '^currently logging to: file, console$')
        server.wait_answer('logaddress_list', '^logaddress_list:  no addresses in the list$')
        listener = self.listener(server)
        server.wait_answer('log', '^currently logging to: file, console, udp$')
        server.wait_answer(f'logaddress_add {self.name}', 'already in list$')
        server.wait_answer('logaddress_add nowhere', '^logaddress_add:  unable to resolve nowhere$')
        server.wait_answer('logaddress_list', f'^{self.name}$')
        server.wait_answer(f'logaddress_del {self.name}', f'^deleting:  {self.name}$')
        server.wait_answer(f'logaddress_del {self.name}', 'not found in the list$')
        server.wait_answer('say nobody hears', 'nobody hears')
        listener.setblocking(False)
        self.assertRaises(BlockingIOError, listener.recv, 4096)

    def test_never_to_loopback(self):
        self.ip = '0.0.0.0'
        server = self.started('+log', 'on')
        near, far = self.listener(server, '127.0.0.1'), self.listener(server)
        server.say('say "hello"')
        self.assertIn(b'hello', far.recv(4096))
        near.setblocking(False)
        self.assertRaises(BlockingIOError, near.recv, 4096)


if __name__ == '__main__':
    main()
