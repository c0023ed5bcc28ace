#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The stand-in server against what the description of the real one says."""
import contextlib
import os
import signal
import socket
import sys

sys.dont_write_bytecode = True
from harness import SOURCE, TreeTestCase, free_port, main  # noqa: E402

sys.path.insert(0, SOURCE)
import archives  # noqa: E402

MISSION = b'"mission" { "Name" "Yard" "modes" { "coop" { "1" { "Map" "yard01" } } } }'


class Start(TreeTestCase):
    def test_order_of_lines(self):
        self.cfg('server.cfg', 'log on\nexec nowhere.cfg\n')
        server = self.started('+exec', 'left4me.cfg')
        expected = ['Console initialized.', 'maxplayers set to 18',
                    f'Network: IP 127.0.0.1, mode MP, dedicated Yes, ports {self.port} SV / 27005 CL',
                    "exec: couldn't exec left4me.cfg", 'Executing dedicated server config file',
                    'Server logging enabled.', "exec: couldn't exec nowhere.cfg",
                    'Connection to Steam servers successful.', '   Public IP is 203.0.113.66.',
                    'VAC secure mode is activated.', 'Server is hibernating']
        self.assertEqual([line for line in server.lines if line in expected], expected)

    def test_offline_says_nothing_of_steam(self):
        server = self.started('-insecure')
        self.assertFalse([line for line in server.lines if 'Steam' in line or 'VAC' in line])

    def test_port_and_address_as_cvars(self):
        port = free_port()
        server = self.run_in_tree('./srcds_linux', '+ip', '127.0.0.1', '+hostport', str(port))
        server.wait_line(f'^Network: IP 127.0.0.1, .* ports {port} SV')

    def test_taken_port_is_refused(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(('127.0.0.1', 0))
            server = self.start(port=s.getsockname()[1])
            server.wait_line('^ERROR: Port .* was unavailable')
            self.assertEqual(server.wait_exit(), 100)

    def test_taken_port_moves_on_without_strictportbind(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
            server = self.run_in_tree('./srcds_linux', '-ip', '127.0.0.1', '-port', str(port))
            server.wait_line(f'^WARNING: Port {port} was unavailable - bound to port')

    def test_unknown_map_leaves_it_up(self):
        server = self.start('+map', 'nowhere')
        server.wait_line('^map load failed: nowhere not found or invalid$')
        self.assertEqual(self.settled_state(server)['map'], [''])
        server.wait_answer('map c1m2_streets', '^standin: map c1m2_streets starts=1')

    def test_missing_game_directory(self):
        server = self.run_in_tree('./srcds_linux', '-game', 'nothing')
        self.assertEqual(server.wait_exit(), 100)

    def test_mode_word(self):
        server = self.started('+map', 'c1m1_hotel', 'versus')
        server.wait_answer('mp_gamemode', '^"mp_gamemode" = "versus"')

    def test_tree_that_cannot_be_written(self):
        os.chmod(f'{self.tree}/left4dead2', 0o555)
        server = self.started()
        server.wait_line('^standin: addonlist.txt failed: ')
        os.chmod(f'{self.tree}/left4dead2', 0o755)

    def test_tickrate_needs_the_plugin(self):
        self.started('-tickrate', '60')
        self.assertEqual(self.state()['tickrate'], ['30'])
        self.unpack('plugin.tar.gz')
        server = self.started('-tickrate', '60')
        self.assertEqual(self.settled_state(server)['tickrate'], ['60'])


class Configuration(TreeTestCase):
    def test_server_cfg_at_each_map_start(self):
        self.cfg('server.cfg', 'standin_mark server\n')
        self.cfg('left4me.cfg', 'standin_mark once\n')
        server = self.started('+exec', 'left4me.cfg')
        server.wait_answer('changelevel c1m2_streets', '^standin: map c1m2_streets starts=2')
        server.wait_answer('map c2m1_highway', '^standin: map c2m1_highway starts=3')
        state = self.settled_state(server)
        self.assertEqual(state['mark'], ['once', 'server', 'server', 'server', 'settled'])
        self.assertEqual([e.split()[0] + ' ' + e.split()[-1] for e in state['exec']],
                         ['left4me.cfg count=1', 'server.cfg count=3'])

    def test_servercfgfile_is_ignored(self):
        self.cfg('server.cfg', 'standin_mark right\n')
        self.cfg('other.cfg', 'standin_mark wrong\n')
        self.started('+servercfgfile', 'other.cfg').wait_line('^standin: mark right$')

    def test_words(self):
        self.cfg('server.cfg', 'hostname "Ann; Bob // x" // comment "\n'
                               'sv_alltalk 1;sv_steamgroup  38347879 ; sv_tags "a,b"\r\n'
                               '// hostname no\n'
                               'sv_contact two words\n'
                               'mp_logdetail 3\n'
                               'exec more\n')
        self.cfg('more.cfg', 'z_difficulty Hard')
        server = self.started()
        state = self.state()
        self.assertEqual(state['cvar.hostname'], ['Ann; Bob // x'])
        self.assertEqual(state['cvar.sv_alltalk'], ['1'])
        self.assertEqual(state['cvar.sv_steamgroup'], ['38347879'])
        self.assertEqual(state['cvar.sv_tags'], ['a,b'])
        self.assertEqual(state['cvar.sv_contact'], ['two words'])
        self.assertEqual(state['cvar.z_difficulty'], ['Hard'])
        server.wait_line('^Unknown command "mp_logdetail"$')

    def test_command_line_in_order(self):
        server = self.started('+hostname', 'first', '+hostname', 'second', 'words', '+sv_region', '-1',
                              '+standin_mark', 'here')
        self.assertEqual(self.state()['cvar.hostname'], ['second" "words'])
        self.assertEqual(self.state()['cvar.sv_region'], ['-1'])
        server.wait_line('^standin: mark here$')

    def test_recursion_ends(self):
        self.cfg('server.cfg', 'exec server.cfg\n')
        self.started().wait_line('^exec: server.cfg is nested too deeply$')

    def test_no_way_out_of_cfg(self):
        self.write('secret', 'standin_mark out\n')
        self.started('+exec', '../../secret').wait_line("^exec: couldn't exec ../../secret$")

    def test_passwords_never_show(self):
        self.cfg('left4me.cfg', 'rcon_password "hunter2hunter2"\n')
        self.cfg('server.cfg', 'log on\nsv_password "swordfish"\n')
        server = self.started('+exec', 'left4me.cfg')
        server.wait_answer('rcon_password', r'^"rcon_password" = "\*\*\*PROTECTED')
        server.wait_answer('cvarlist sv_pass', r'^sv_password .*: \*\*\*PROTECTED')
        state = self.settled_state(server)
        self.assertEqual(state['rcon_password_length'], ['14'])
        log = self.read(f'left4dead2/{state["log"][0]}')
        for text in ('\n'.join(server.lines), self.read('left4dead2/logs/state.txt'), log):
            self.assertNotIn('hunter2', text)
            self.assertNotIn('swordfish', text)
        self.assertIn('server_cvar: "sv_password" "***PROTECTED***"', log)

    def test_password_hash_tells_them_apart(self):
        server = self.started('+rcon_password', 'one')
        first = server.wait_line('^standin: rcon_password length=3 hash=')
        second = server.wait_answer('rcon_password two', '^standin: rcon_password length=3 hash=')
        self.assertNotEqual(first, second)


class Logging(TreeTestCase):
    def test_console_and_file_agree(self):
        self.cfg('server.cfg', 'log on\n')
        server = self.started()
        server.wait_answer('say hello', 'Server say "hello"$')
        server.wait_answer('changelevel c1m2_streets', '^standin: map c1m2_streets')
        files = sorted(n for n in os.listdir(f'{self.tree}/left4dead2/logs') if n.endswith('.log'))
        first = self.read(f'left4dead2/logs/{files[0]}')
        for text in ('Log file started (file "logs/L127_000_000_001_', 'server cvars start',
                     'server cvars end', 'Started map "c1m1_hotel" (CRC "',
                     '-------- Mapchange to c1m2_streets --------', 'Loading map "c1m2_streets"', 'Log file closed'):
            self.assertIn(text, first)
        for line in first.splitlines():
            self.assertRegex(line, r'^L \d\d/\d\d/\d{4} - \d\d:\d\d:\d\d: .')
            self.assertIn(line, server.lines)
        # The second `log on`, at the second map, began a second file.
        self.assertEqual(len(files), 2)

    def test_no_echo(self):
        self.cfg('server.cfg', 'sv_logecho 0\nlog on\n')
        server = self.started()
        self.assertFalse([line for line in server.lines if line.startswith('L ')])
        self.assertIn('Started map', self.read('left4dead2/' + self.state()['log'][0]))

    def test_silent_without_log_on(self):
        self.cfg('server.cfg', 'sv_alltalk 1\n')
        server = self.started()
        self.assertFalse([line for line in server.lines if line.startswith('L ')])


class Content(TreeTestCase):
    def test_addons_and_addonlist(self):
        self.write('left4dead2/addons/yard.vpk', archives.write_vpk({'maps/yard01.bsp': b'VBSP',
                                                                     'missions/yard.txt': MISSION}))
        self.write('left4dead2/addons/off.vpk', archives.write_vpk({'maps/off01.bsp': b'VBSP'}))
        self.write('left4dead2/addons/torn.vpk', archives.write_vpk({'maps/torn01.bsp': b'VBSP'})[:40])
        self.write('left4dead2/addonlist.txt', '"AddonList"\n{\n\t"off.vpk"\t\t"0"\n}\n')
        if self.identity:
            self.own(self.tree)
        server = self.started('+map', 'yard01')
        server.wait_line('^WARNING: left4dead2/addons/torn.vpk is not a valid VPK$')
        self.assertEqual(self.state()['addon'], ['off.vpk disabled maps=0 missions=0',
                                                 'torn.vpk broken maps=0 missions=0',
                                                 'yard.vpk mounted maps=1 missions=1'])
        self.assertEqual(self.read('left4dead2/addonlist.txt'),
                         '"AddonList"\n{\n\t"off.vpk"\t\t"0"\n\t"torn.vpk"\t\t"1"\n\t"yard.vpk"\t\t"1"\n}\n')
        server.wait_answer('map off01', '^map load failed: off01 not found')

    def test_whole_content(self):
        for archive in ('plugin.tar.gz', 'maps.tar.gz'):
            self.unpack(archive)
        server = self.started('+map', 'brickyard02_kiln')
        state = self.settled_state(server)
        self.assertEqual(state['layer'], ['maps', 'plugin'])
        self.assertEqual(state['layer_top'], ['maps'])
        self.assertEqual(state['mark'], ['plugin-server.cfg', 'settled'])


class Ends(TreeTestCase):
    def dumps(self, server):
        if not os.path.isdir('/tmp/dumps'):
            return []
        return [f'/tmp/dumps/{n}' for n in os.listdir('/tmp/dumps') if n.endswith(f'_{server.pid}.dmp')]

    def remove_dumps(self, server):
        for path in self.dumps(server):
            os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir('/tmp/dumps')

    def start(self, *words, **kwargs):
        server = super().start(*words, **kwargs)
        self.addCleanup(self.remove_dumps, server)
        return server

    def ends(self, server, how):
        self.assertEqual(server.wait_exit(), how)

    def test_quit(self):
        server = self.started()
        server.say('quit')
        self.ends(server, 0)

    def test_signals(self):
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            server = self.started()
            server.child.send_signal(sig)
            self.ends(server, -sig)

    def test_hangup_is_ignored(self):
        server = self.started()
        server.child.send_signal(signal.SIGHUP)
        server.wait_answer('echo alive', '^alive$')

    def test_crash(self):
        for name, sig in (('SEGV', signal.SIGSEGV), ('ABRT', signal.SIGABRT)):
            self.ends(self.start('+standin_crash', name, '50'), -sig)

    def test_crash_now_leaves_a_minidump(self):
        server = self.started()
        server.child.send_signal(signal.SIGUSR1)
        self.ends(server, -signal.SIGSEGV)
        self.assertEqual(len(self.dumps(server)), 1)
        with open(self.dumps(server)[0], 'rb') as f:
            self.assertEqual(f.read(4), b'MDMP')

    def test_exit_code(self):
        self.ends(self.start('+standin_exit', '42'), 42)

    def test_hang(self):
        server = self.start('+standin_hang')
        server.wait_line('^standin: hangs$')
        server.child.send_signal(signal.SIGINT)
        server.say('quit')
        server.child.send_signal(signal.SIGTERM)
        self.ends(server, -signal.SIGTERM)

    def test_ignores_sigint_on_request(self):
        self.cfg('server.cfg', 'standin_ignore_sigint\n')
        server = self.started()
        server.child.send_signal(signal.SIGINT)
        server.wait_answer('echo alive', '^alive$')


class Requests(TreeTestCase):
    def test_map_by_signal_and_by_time(self):
        server = self.started()
        server.child.send_signal(signal.SIGUSR2)
        server.wait_line('^standin: map c1m2_streets starts=2')
        server.wait_answer('standin_mapcycle 20', '^standin: map c1m1_hotel starts=4')
        server.say('standin_mapcycle 0')

    def test_control_fifo(self):
        fifo = f'{self.tree}/control'
        server = self.started('+standin_control', fifo)
        for text in ('one', 'two'):
            with open(fifo, 'w', encoding='ascii') as f:
                f.write(f'echo {text}\n')
            server.wait_line(f'^{text}$')

    def test_flood(self):
        server = self.started()
        server.say('standin_flood 5000')
        server.wait_line('^standin: flood 2000 ')
        server.say('standin_flood 0')
        server.wait_answer('echo quiet', '^quiet$')

    def test_write(self):
        server = self.started()
        server.wait_answer('standin_write left4dead2/new.txt "a line"', '^standin: write left4dead2/new.txt ok')
        self.assertEqual(self.read('left4dead2/new.txt'), 'a line\n')
        server.wait_answer('standin_write /proc/version x', '^standin: write /proc/version failed: ')

    def timer_is_armed(self, server):
        for name in os.listdir(f'/proc/{server.pid}/fdinfo'):
            with open(f'/proc/{server.pid}/fdinfo/{name}', encoding='ascii') as f:
                text = f.read()
            if 'it_value' in text:
                return 'it_value: (0, 0)' not in text
        raise AssertionError('no timer')

    def test_hibernates_without_a_timer(self):
        server = self.started()
        self.assertFalse(self.timer_is_armed(server))
        server.wait_answer('sv_hibernate_when_empty 0', '^Server waking up from hibernation$')
        # It is not for the moment between its end and the next tick.
        self.assertTrue(any(self.timer_is_armed(server) for _ in range(1000)))
        server.wait_answer('sv_hibernate_when_empty 1', '^Server is hibernating$')
        self.assertFalse(self.timer_is_armed(server))

    def test_rcon_port_only_with_a_password(self):
        server = self.started()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', self.port), 5)
        for i in range(3):  # and gone with it, again and again
            server.wait_answer('rcon_password x', '^standin: rcon_password')
            with socket.create_connection(('127.0.0.1', self.port), 5) as s:
                server.wait_answer('rcon_password ""', '^standin: rcon_password length=0')
                self.assertEqual(s.recv(1), b'')
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(('127.0.0.1', self.port), 5)


if __name__ == '__main__':
    main()
