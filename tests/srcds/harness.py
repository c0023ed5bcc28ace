# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts the stand-in in a tree of its own and waits for its lines. Nothing here sleeps."""
import io
import itertools
import os
import re
import select
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import unittest

from network import own_network

BUILD = os.environ.get('SRCDS_BUILD_DIR', '.')
SOURCE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 20
NOBODY = 65534


# The network is the test's own, so that nobody else takes one of these; below those that the kernel gives to clients, and so far apart that
# one that moves on from a taken port finds another.
PORTS = itertools.count(27015, 20)


def free_port():
    return next(PORTS)


def main():
    own_network()
    unittest.main(verbosity=2)


class Process:
    """A program with its output as lines; `wait_line` reads on until one matches."""

    def __init__(self, argv, cwd, **kwargs):
        self.child = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, start_new_session=True, **kwargs)
        self.lines = []
        self.rest = b''

    @property
    def pid(self):
        return self.child.pid

    def read_more(self, deadline):
        fd = self.child.stdout.fileno()
        ready, _, _ = select.select([fd], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise AssertionError('nothing came in time; so far:\n' + '\n'.join(self.lines[-60:]))
        data = os.read(fd, 65536)
        self.rest += data
        *whole, self.rest = self.rest.split(b'\n')
        self.lines += [w.decode(errors='replace') for w in whole]
        return bool(data)

    def wait_line(self, pattern, start=0):
        """The first line that matches, from the one numbered `start` on."""
        deadline, at = time.monotonic() + TIMEOUT, start
        while True:
            while at < len(self.lines):
                if re.search(pattern, self.lines[at]):
                    return self.lines[at]
                at += 1
            if not self.read_more(deadline):
                raise AssertionError(f'ended without a line like {pattern!r}:\n' + '\n'.join(self.lines[-60:]))

    def say(self, text):
        """Types a line at the console; returns where the lines that answer it begin."""
        start = len(self.lines)
        self.child.stdin.write(text.encode() + b'\n')
        self.child.stdin.flush()
        return start

    def wait_answer(self, text, pattern):
        return self.wait_line(pattern, self.say(text))

    def wait_exit(self):
        deadline = time.monotonic() + TIMEOUT
        while self.read_more(deadline):
            pass
        return self.child.wait(TIMEOUT)

    def close(self):
        if self.child.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


class TreeTestCase(unittest.TestCase):
    """Each test has a small game tree; as root everything runs as nobody, who owns it."""

    maps = ['c1m1_hotel', 'c1m2_streets', 'c2m1_highway']
    binary = 'srcds_linux'
    ip = '127.0.0.1'

    def setUp(self):
        self.tree = tempfile.mkdtemp(prefix='srcds-')
        self.addCleanup(shutil.rmtree, self.tree, ignore_errors=True)
        os.chmod(self.tree, 0o755)
        for directory in ('cfg', 'maps', 'addons'):
            os.makedirs(f'{self.tree}/left4dead2/{directory}')
        for name in self.maps:
            self.write(f'left4dead2/maps/{name}.bsp', 'VBSP')
        shutil.copy(f'{BUILD}/{self.binary}', f'{self.tree}/srcds_linux')
        shutil.copy(f'{SOURCE}/srcds_run', f'{self.tree}/srcds_run')
        self.identity = {}
        if os.geteuid() == 0:
            self.identity = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
            self.own(self.tree)

    def own(self, top):
        for directory, _, names in os.walk(top):
            for path in [directory] + [os.path.join(directory, n) for n in names]:
                os.chown(path, NOBODY, NOBODY)

    def write(self, path, text):
        """By rename: a server that restarts meanwhile reads the old or the new, never half."""
        with open(f'{self.tree}/.new', 'wb') as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.replace(f'{self.tree}/.new', f'{self.tree}/{path}')

    def read(self, path, **options):
        with open(f'{self.tree}/{path}', encoding='utf-8', **options) as f:
            return f.read()

    def cfg(self, name, text):
        self.write(f'left4dead2/cfg/{name}', text)

    def unpack(self, archive):
        path = f'{BUILD}/content/{archive}'
        file = None
        if archive.endswith('.zst'):
            file = io.BytesIO(subprocess.run(['zstd', '-dcq', path], stdout=subprocess.PIPE, check=True).stdout)
        with tarfile.open(None if file else path, fileobj=file) as tar:
            tar.extraction_filter = staticmethod(lambda member, path: member)
            tar.extractall(self.tree)
        if os.geteuid() == 0:
            self.own(self.tree)

    def run_in_tree(self, *argv, **kwargs):
        process = Process(argv, self.tree, **self.identity, **kwargs)
        self.addCleanup(process.close)
        return process

    def start(self, *words, port=None, default_map=True):
        self.port = port or free_port()
        more = ['+map', 'c1m1_hotel'] if default_map and '+map' not in words else []
        return self.run_in_tree('./srcds_linux', '-game', 'left4dead2', '-strictportbind',
                                '-ip', self.ip, '-port', str(self.port), *words, *more)

    def started(self, *words, **kwargs):
        server = self.start(*words, **kwargs)
        server.wait_line('^Server is hibernating$')
        return server

    def state(self):
        """key -> list of values, of what the server has written about itself."""
        state = {}
        for line in self.read('left4dead2/logs/state.txt').splitlines():
            key, _, value = line.partition('=')
            state.setdefault(key, []).append(value)
        return state

    def settled_state(self, server):
        """The state after everything said so far: the file is written before the next line is read."""
        server.say('standin_mark settled')
        server.wait_answer('echo settled', '^settled$')
        return self.state()
