#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Players, bots, maps: what the stand-in's log, status and queries tell of them, and that a seed repeats it."""
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import BUILD, TreeTestCase, main  # noqa: E402
from network import ALICE, SERVER, Query, Rcon, info, players  # noqa: E402

HUMAN = re.compile(r'^# (\d+) (\d+) "(.*)" (STEAM_1:[01]:\d+) (\d\d:\d\d) (\d+) (\d+) (\w+) (\d+) (198\.51\.100\.\d+:\d+)$')
BOT = re.compile(r'^#(\d+) "(.*)" BOT active$')
TAG = r'".*<\d+><(?:BOT|STEAM_1:[01]:\d+)><(?:|Survivor|Infected)>"'
LONG = r'".*<\d+><(?:BOT|STEAM_1:[01]:\d+|)><\w+><\w+><(?:ALIVE|DEAD)><\d+(?:\+0)?>' \
       r'<setpos_exact -?\d+\.\d\d -?\d+\.\d\d -?\d+\.\d\d; setang 0\.00 -?\d+\.\d\d 0\.00><Area \d+>"'
KNOWN = [re.compile(f'^{p}$') for p in (
    TAG + r' connected, address "(none|198\.51\.100\.\d+:\d+)"', TAG + ' STEAM USERID validated',
    TAG + ' entered the game', TAG + r' joined team "(Survivor|Infected)"', TAG + r' changed name to ".*"',
    TAG + r' say(_team)? ".*"', TAG + r' disconnected \(reason ".*"\)',
    rf'\(DEATH\){LONG} killed {LONG} with "\w+"( \(headshot\))?', rf'\(INCAP\){LONG} was incapped by {LONG} with "\w+"',
    rf'\(TONGUE\) Tongue grab starting\.  Smoker:{LONG}\. Victim:{LONG}\.')]
GAME = re.compile(r'^(World triggered|Loading map|Started map|-------- Mapchange|server cvars|"\w+" = |Log file|server_cvar)')


def told(server):
    """The log, without times."""
    return [line.split(': ', 1)[1] for line in server.lines if line.startswith('L ')]


class PlayerTestCase(TreeTestCase):
    ip = SERVER

    def serve(self, *words, **kwargs):
        return self.started('+rcon_password', 'swordfish', '+log', 'on', *words, **kwargs)

    def status(self):
        with Rcon(self.port) as rcon:
            self.assertTrue(rcon.authenticate('swordfish'))
            lines = rcon.run('status').splitlines()
        self.assertEqual(lines[6:8], ['', '# userid name uniqueid connected ping loss state rate adr'])
        self.assertEqual(lines[-1], '#end')
        head = dict(line.split(': ', 1) for line in lines[:6])
        return head['players '], lines[8:-1]

    def log_file(self):
        return 'left4dead2/' + self.state()['log'][0]

    def command(self, text):
        with Rcon(self.port) as rcon:
            self.assertTrue(rcon.authenticate('swordfish'))
            return rcon.run(text)


class ByHand(PlayerTestCase):
    def test_a_visit(self):
        server = self.serve()
        server.wait_answer('standin_join Player Six', '^Server waking up from hibernation$')
        server.wait_answer('standin_chat "Player Six" hello there', 'say "hello there"$')
        server.wait_answer('standin_die "Player Six"', r'\(DEATH\)')
        count, rows = self.status()
        self.assertEqual(count, '1 humans, 3 bots (4 max) (not hibernating) (unreserved)')
        self.assertEqual((self.state()['players'], self.state()['bots']), (['1'], ['3']))
        self.assertEqual([m[2] for m in map(BOT.match, rows) if m], ['Nick', 'Ellis', 'Rochelle'])
        self.assertEqual([m[3] for m in map(HUMAN.match, rows) if m], ['Player Six'])
        server.wait_answer('standin_leave "Player Six"', '^Server is hibernating$')
        self.assertEqual(self.status(), ('0 humans, 0 bots (4 max) (hibernating) (unreserved)', []))
        tag = r'"Player Six<1><STEAM_1:\d:\d+><{}>"'
        patterns = [tag.format('') + r' connected, address "198\.51\.100\.\d+:\d+"', tag.format('') + ' STEAM USERID validated',
                    tag.format('') + ' entered the game', tag.format('') + ' joined team "Survivor"',
                    r'"Nick<2><BOT><>" entered the game', tag.format('Survivor') + ' say "hello there"',
                    r'\(INCAP\)"Player Six<1><STEAM_1:\d:\d+><Survivor><Coach><ALIVE><1\+0><setpos',
                    tag.format('Survivor') + r' disconnected \(reason "Disconnect by user\."\)',
                    r'"Nick<2><BOT><Survivor>" disconnected \(reason "Punting bot, server is hibernating"\)']
        at = 0
        for line in told(server):
            if at < len(patterns) and re.match(patterns[at], line):
                at += 1
        self.assertEqual(at, len(patterns), patterns[at:])

    def test_full_kicked_banned(self):
        server = self.serve()
        for name in 'Ann', 'Ben', 'Cleo', 'Dora':
            server.wait_answer(f'standin_join {name}', f'"{name}<.*joined team')
        server.wait_answer('standin_join Emil', '^standin: join Emil failed')
        self.assertEqual(self.status()[0], '4 humans, 0 bots (4 max) (not hibernating) (unreserved)')
        rows = {m[3]: m for m in map(HUMAN.match, self.status()[1])}
        self.command(f'kickid {rows["Ann"][1]} be nice')
        server.wait_line(r'"Ann<.*disconnected \(reason "Kicked by Console : be nice"\)')
        self.command('kick Ben')
        server.wait_line(r'"Ben<.*disconnected \(reason "Kicked by Console"\)')
        self.command(f'banid 0 {rows["Cleo"][4]} kick')
        server.wait_line(r'"Cleo<.*disconnected \(reason "Banned by server"\)')
        server.wait_answer('standin_join Cleo', '^standin: join Cleo failed')
        self.assertEqual(self.command('kickid 4711'), 'userid "4711" not found\n')
        self.assertEqual(self.command('users').splitlines()[0], '<slot:userid:"name">')
        self.assertRegex(self.command('users'), fr'\n\d:{rows["Dora"][1]}:"Dora"\n')
        self.assertEqual(self.command('users').splitlines()[-1], '4 users')

    def test_stats(self):
        server = self.serve()
        server.wait_answer('standin_join Ann', 'joined team')
        names, values = self.command('stats').splitlines()
        self.assertEqual(names, 'CPU   In    Out   Uptime  Users   FPS    Players')
        cpu, into, out, uptime, users, fps, count = map(float, values.split())
        self.assertEqual((into, out, uptime, users, count), (1.5, 3, 0, 1, 1))
        self.assertTrue(0 <= fps <= 33, fps)  # fewer on a machine that has no time
        self.assertTrue(0 <= cpu <= 100, cpu)

    def test_reserved_by_a_lobby(self):
        server = self.serve('+standin_reserve', '186000012ab4c')
        self.assertTrue(self.status()[0].endswith('(reserved 186000012ab4c)'), self.status()[0])
        server.say('standin_reserve')
        server.wait_answer('echo set', '^set$')
        self.assertTrue(self.status()[0].endswith('(unreserved)'))

    def test_changelevel_keeps_players_and_map_does_not(self):
        server = self.serve()
        server.wait_answer('standin_join Ann', 'joined team')
        server.wait_answer('changelevel c1m2_streets', '^standin: map c1m2_streets')
        count, rows = self.status()
        self.assertEqual(count.split(' (')[0], '1 humans, 3 bots')
        self.assertEqual([m[8] for m in map(HUMAN.match, rows) if m], ['spawning'])
        start = server.say('map c2m1_highway')
        server.wait_line(r'"Ann<.*disconnected \(reason "Server shutting down"\)', start)
        server.wait_line('^Server is hibernating$', start)
        self.assertEqual(self.status()[0].split(' (')[0], '0 humans, 0 bots')

    def test_old_cast(self):
        self.write('left4dead2/maps/c8m1_apartment.bsp', 'VBSP')
        server = self.serve('+map', 'c8m1_apartment')
        server.wait_answer('standin_join Ann', 'joined team')
        self.assertEqual([m[2] for m in map(BOT.match, self.status()[1]) if m], ['Zoey', 'Louis', 'Francis'])


class BySeed(PlayerTestCase):
    def story(self, seed, lines, *words, speed=3000):
        """The first lines that the players cause."""
        server = self.serve('+standin_seed', str(seed), '+standin_speed', str(speed), '+standin_players', '4', *words)
        while True:
            found = [line for line in told(server) if not GAME.match(line)]
            if len(found) >= lines:
                server.close()
                return found[:lines]
            server.wait_line('^L ', len(server.lines))

    def test_the_same_seed_tells_the_same(self):
        first = self.story(7, 1500)
        self.assertEqual(self.story(7, 1500, speed=20000), first)
        self.assertNotEqual(self.story(8, 200), first[:200])
        for line in first:
            self.assertTrue(any(p.match(line) for p in KNOWN), line)
        for what in ('connected, address', 'validated', 'entered the game', 'joined team', ' say "', ' say_team "',
                     'changed name', r'disconnected (reason "', '(DEATH)', '(INCAP)', '(TONGUE)', '(headshot)'):
            self.assertTrue([line for line in first if what in line], what)

    def test_the_product_reads_the_log(self):
        """Names that look like something else are taken for what they are, wherever the line lets them."""
        server = self.serve('+sv_maxplayers', '31', '+standin_speed', '3000', '+standin_players', '31')
        for what in (r'\(TONGUE\)', r'\(INCAP\)', 'changed name', 'say_team', 'disconnected .reason "(?!Kick)'):
            server.wait_line('^L .*' + what)
        for _ in range(500):
            server.wait_line(r'\(DEATH\)', len(server.lines))
        server.say('quit')
        server.wait_exit()
        log = self.read(self.log_file(), errors='surrogateescape')
        out = subprocess.run([f'{BUILD}/srcds_read_log'], input=log.encode(errors='surrogateescape'), stdout=subprocess.PIPE, check=True)
        read = [line.split('\t') for line in out.stdout.decode().splitlines()]
        self.assertEqual(len(read), len(log.splitlines()))
        other = [line for line, (event, *_) in zip(log.splitlines(), read) if event == 'other']
        self.assertFalse([line for line in other if '(TONGUE)' not in line][:10])
        events = {event for event, *_ in read}
        self.assertLessEqual({'connected', 'validated', 'entered', 'joined-team', 'renamed', 'said', 'said-team', 'disconnected',
                              'killed', 'incapacitated', 'world', 'map-started'}, events)
        for name in ('Ann', 'a "quoted" name', '<2><BOT><Survivor>', '楽しい', 'Mr. 100%s', '; quit', '[clan] Otto'):
            self.assertIn(['connected', name], [fields[:2] for fields in read])

    def test_campaign_in_order(self):
        server = self.serve('+standin_speed', '20000', '+standin_chapters', '1', '+standin_players', '4', 'stay')
        server.wait_line('^standin: map c1m2_streets starts=2')
        server.wait_line('^standin: map c2m1_highway starts=3')
        server.wait_line('^standin: map c1m1_hotel starts=4')
        server.say('standin_players 0')
        self.assertFalse([line for line in told(server)[:-20] if 'STEAM' in line and 'disconnected' in line])

    def test_campaigns_of_missions(self):
        """The game's own in their order, then those of add-ons, then the first again."""
        self.unpack('game.tar.zst')
        self.unpack('maps.tar.gz')
        server = self.serve('+map', 'c9m2_lots')
        for name in ('c10m1_caves', 'c10m2_drainage'):
            server.wait_answer('standin_changelevel', f'^standin: map {name} ')
        for before, after in (('c14m2_lighthouse', 'brickyard01_gate'), ('brickyard03_river', 'coldharbour01_pier'),
                              ('coldharbour02_dock', 'c1m1_hotel')):
            server.wait_answer(f'changelevel {before}', f'^standin: map {before} ')
            server.wait_answer('standin_changelevel', f'^standin: map {after} ')

    def test_numbers_follow(self):
        server = self.serve('+standin_speed', '5000', '+map', 'c1m1_hotel', 'versus', '+standin_players', '8', 'stay')
        for i in range(8):
            server.wait_line(fr'address "198\.51\.100\.{i + 1}:\d+"$')
        server.say('standin_speed 0.01')
        server.wait_answer('echo slow', '^slow$')
        count, rows = self.status()
        humans = [m for m in map(HUMAN.match, rows) if m]
        self.assertEqual(len(humans) + len([r for r in rows if BOT.match(r)]), len(rows))
        self.assertEqual(count.split(' (')[0], f'8 humans, {len(rows) - 8} bots')
        names = {m[3].rstrip('^') for m in humans}  # some had the time for a new one, or have it before the next question
        self.assertIn('a "quoted" name', names)
        teams = [line.rsplit('"', 2)[1] for line in told(server) if 'STEAM' in line and 'joined team' in line]
        self.assertLessEqual(max(teams.count('Survivor'), teams.count('Infected')), 4)
        with Query(self.port, ALICE) as query:
            self.assertEqual(info(query)['players'], 8)
            self.assertLessEqual({n.rstrip('^') for n, _, _ in players(query)}, names | {''})
        server.say('standin_players 3 stay')
        server.wait_answer('echo fewer', '^fewer$')
        self.assertEqual(self.status()[0].split(', ')[0], '3 humans')
        server.wait_answer('standin_players 0', '^Server is hibernating$')
        self.assertEqual(self.status()[1], [])

    def test_who_is_kicked_comes_back_and_who_is_banned_does_not(self):
        server = self.serve('+standin_speed', '5000', '+standin_players', '2', 'stay')
        first = server.wait_line('"Ann<.*joined team')
        account = re.search(r'<(STEAM_1:\d:\d+)>', first)[1]
        start = server.say('kick Ann')
        server.wait_line('"Ann<.*connected, address', start)
        start = server.say(f'banid 0 {account} kick')
        server.wait_line('disconnected .reason "Banned', start)
        again = server.say('echo begin')
        server.wait_line('^begin$', again)
        for _ in range(300):
            server.wait_line(r'\(DEATH\)', len(server.lines))
        self.assertFalse([line for line in server.lines[again:] if account in line])

    def test_bad_words(self):
        server = self.serve()
        server.wait_answer('standin_players many', '^standin: standin_players: not a number of players: many$')
        server.wait_answer('standin_players 32', '^standin: standin_players: not a number of players: 32$')
        server.wait_answer('standin_speed 0', '^standin: standin_speed: not a speed: 0$')
        server.wait_answer('standin_seed -1', '^standin: standin_seed: not a seed: -1$')
        server.say('standin_players 1')
        server.wait_answer('standin_seed 2', '^standin: standin_seed: there are players already')
        server.wait_answer('standin_players', '^standin: players 1 seed=1 speed=1$')


if __name__ == '__main__':
    main()
