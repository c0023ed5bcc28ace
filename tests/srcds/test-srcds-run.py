#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The start script: which words it takes, what it adds, how it starts, restarts and fails."""
import os
import signal
import sys

sys.dont_write_bytecode = True
from harness import TreeTestCase, free_port, main  # noqa: E402


class StartScript(TreeTestCase):
    def run_script(self, *words, **kwargs):
        return self.run_in_tree('./srcds_run', '-port', str(free_port()), *words, **kwargs)

    def serve(self, *words):
        return self.run_script('-norestart', '-strictportbind', '-ip', '127.0.0.1', *words)

    def test_becomes_the_server(self):
        server = self.serve('+map', 'c1m2_streets')
        server.wait_line('^Server is hibernating$')
        state = self.state()
        self.assertEqual(state['pid'], [str(server.pid)])
        self.assertTrue(state['env.LD_LIBRARY_PATH'][0].startswith('.:bin:'))
        self.assertFalse([line for line in server.lines if 'WARNING' in line])
        server.child.send_signal(signal.SIGINT)
        self.assertEqual(server.wait_exit(), -signal.SIGINT)

    def test_own_words_are_taken(self):
        server = self.serve('-game', 'left4dead2', '-timeout', '3', '-consolelog', 'f', '-nodefaultmap',
                            '-tickrate', '60', '+hostname', 'two words', '+map', 'c1m1_hotel')
        server.wait_line('^Server is hibernating$')
        argv = self.state()['argv']
        self.assertEqual(argv[:3], ['./srcds_linux', '-game', 'left4dead2'])
        self.assertEqual(argv[-7:], ['-tickrate', '60', '+hostname', 'two', 'words', '+map', 'c1m1_hotel'])
        self.assertFalse({'-norestart', '-timeout', '3', '-consolelog', 'f', '-nodefaultmap'} & set(argv))

    def test_default_map(self):
        server = self.serve()
        server.wait_line('^WARNING: .*c1m1_hotel')
        server.wait_line('^standin: map c1m1_hotel starts=1')

    def test_no_default_map(self):
        server = self.serve('-nodefaultmap')
        server.wait_answer('echo up', '^up$')
        self.assertFalse([line for line in server.lines if 'c1m1_hotel' in line])

    def test_starts_from_elsewhere(self):
        server = self.run_in_tree('sh', '-c', 'cd / && exec "$0" -norestart -port $1 +standin_exit 7',
                                  f'{self.tree}/srcds_run', str(free_port()))
        self.assertEqual(server.wait_exit(), 7)

    def test_missing_binary(self):
        os.unlink(f'{self.tree}/srcds_linux')
        server = self.serve()
        server.wait_line(r"^ERROR: Source Engine binary '\./srcds_linux' not found, exiting$")
        server.wait_line(': Server Failed$')
        self.assertEqual(server.wait_exit(), 1)

    def test_restarts_until_it_ends_well(self):
        self.cfg('server.cfg', 'standin_exit 3\n')
        server = self.run_script('-timeout', '0', '-ip', '127.0.0.1')
        server.wait_line(': Server restart in 0 seconds$')
        self.cfg('server.cfg', 'quit\n')
        self.assertEqual(server.wait_exit(), 0)

    def test_interrupted_between_restarts(self):
        # A sleep that says when it has begun: only then is it sure to get the signal as well.
        os.mkdir(f'{self.tree}/tools')
        self.write('tools/sleep', '#!/bin/sh\necho asleep\nexec /bin/sleep "$@"\n')
        os.chmod(f'{self.tree}/tools/sleep', 0o755)
        server = self.run_script('-timeout', '600', '-pidfile', 'pid', '+standin_exit', '3',
                                 env={'PATH': f'{self.tree}/tools:{os.environ["PATH"]}'})
        server.wait_line(': Server restart in 600 seconds$')
        server.wait_line('^asleep$')
        self.assertTrue(os.path.exists(f'{self.tree}/pid'))
        os.killpg(server.pid, signal.SIGINT)
        server.wait_line(': Server Quit$')
        self.assertEqual(server.wait_exit(), -signal.SIGINT)
        self.assertFalse(os.path.exists(f'{self.tree}/pid'))


if __name__ == '__main__':
    main()
