#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test content: archives that others can read, VPKs as the format says. The probe: lines to parse."""
import ctypes
import ctypes.util
import filecmp
import json
import os
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
import zlib

sys.dont_write_bytecode = True
from harness import BUILD, SOURCE, TreeTestCase, free_port, main  # noqa: E402

sys.path.insert(0, SOURCE)
import archives  # noqa: E402


def content(name):
    return os.path.join(BUILD, 'content', name)


def read_vpk(data):
    """A reader that knows nothing of the writer: strict, checksums included."""
    magic, version, tree_size = struct.unpack_from('<III', data)
    assert (magic, version) == (0x55AA1234, 1)
    at, files = 12, {}

    def string():
        nonlocal at
        end = data.index(b'\0', at)
        text, at = data[at:end].decode(), end + 1
        return text

    while ext := string():
        while directory := string():
            while name := string():
                crc, preload, archive, offset, length, end = struct.unpack_from('<IHHIIH', data, at)
                at += 18 + preload
                assert archive == 0x7FFF and end == 0xFFFF
                start = 12 + tree_size + offset
                body = data[at - preload:at] + data[start:start + length]
                assert zlib.crc32(body) == crc
                path = name if directory == ' ' else f'{directory}/{name}'
                files[path if ext == ' ' else f'{path}.{ext}'] = body
    assert at == 12 + tree_size
    return files


def read_with_libarchive(path):
    """name -> data of every regular file, as the product's own unpacker would find them."""
    la = ctypes.CDLL(ctypes.util.find_library('archive'))
    la.archive_read_new.restype = ctypes.c_void_p
    la.archive_entry_pathname.restype = ctypes.c_char_p
    la.archive_error_string.restype = ctypes.c_char_p
    la.archive_read_data.restype = ctypes.c_ssize_t
    archive, entry, files = ctypes.c_void_p(la.archive_read_new()), ctypes.c_void_p(), {}
    la.archive_read_support_filter_all(archive)
    la.archive_read_support_format_all(archive)
    assert la.archive_read_open_filename(archive, path.encode(), 10240) == 0
    while (r := la.archive_read_next_header(archive, ctypes.byref(entry))) == 0:
        if la.archive_entry_filetype(entry) & 0o170000 != 0o100000:
            continue
        buffer, data = ctypes.create_string_buffer(65536), b''
        while (n := la.archive_read_data(archive, buffer, len(buffer))) > 0:
            data += buffer.raw[:n]
        assert n == 0, la.archive_error_string(archive)
        files[la.archive_entry_pathname(entry).decode()] = data
    assert r == 1, la.archive_error_string(archive)
    la.archive_read_free(archive)
    return files


class Archives(unittest.TestCase):
    def maps(self):
        with zipfile.ZipFile(content('maps.zip')) as z:
            return {n: z.read(n) for n in z.namelist()}

    def test_the_documented_vpk(self):
        vpk = archives.write_vpk({'addoninfo.txt': b'hi'})
        self.assertEqual(vpk.hex(' '),
                         '34 12 aa 55 01 00 00 00 25 00 00 00 74 78 74 00 20 00 61 64 64 6f 6e 69 6e 66 6f 00 '
                         'ac 2a 93 d8 00 00 ff 7f 00 00 00 00 02 00 00 00 ff ff 00 00 00 68 69')

    def test_vpks_are_valid(self):
        found = {n: read_vpk(d) for n, d in self.maps().items() if n.endswith('.vpk')}
        self.assertEqual(sorted(found),
                         ['left4dead2/addons/brickyard.vpk', 'left4dead2/addons/coldharbour.vpk'])
        yard = found['left4dead2/addons/brickyard.vpk']
        self.assertEqual(sorted(yard),
                         ['addoninfo.txt', 'maps/brickyard01_gate.bsp', 'maps/brickyard02_kiln.bsp',
                          'maps/brickyard03_river.bsp', 'missions/brickyard.txt'])
        self.assertEqual(yard['maps/brickyard01_gate.bsp'][:4], b'VBSP')

    def test_every_archiver_brings_the_same(self):
        with tarfile.open(content('maps.tar.gz')) as tar:
            unpacked = {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}
        self.assertEqual(unpacked, self.maps())

    @unittest.skipUnless(ctypes.util.find_library('archive'), 'no libarchive')
    def test_libarchive_reads_them(self):
        for name in ('maps.7z', 'maps.zip', 'maps.tar.gz'):
            self.assertEqual(read_with_libarchive(content(name)), self.maps(), name)
        game = read_with_libarchive(content('game.tar.zst'))
        for name in ('srcds_run', 'srcds_linux', 'left4dead2/maps/c1m1_hotel.bsp', 'left4dead2/steam.inf'):
            self.assertIn(name, game)
        self.assertEqual(len([n for n in game if n.endswith('.bsp')]), 57)
        self.assertNotIn('left4dead2/cfg/server.cfg', game)

    def test_seven_zip_numbers(self):
        self.assertEqual([archives._number(n).hex() for n in (0, 127, 128, 16383, 16384, 1 << 40)],
                         ['00', '7f', '8080', 'bfff', 'c00040', 'f90000000000'])

    def test_same_every_time(self):
        with tempfile.TemporaryDirectory() as again:
            subprocess.run([sys.executable, f'{SOURCE}/make-content', again,
                            '--srcds', f'{BUILD}/srcds_linux', '--probe', f'{BUILD}/srcds_probe',
                            '--run', f'{SOURCE}/srcds_run'], check=True)
            names = os.listdir(again)
            self.assertEqual(len(names), 7)
            self.assertEqual(filecmp.cmpfiles(again, content(''), names, shallow=False)[1:], ([], []))


class Probe(TreeTestCase):
    binary = 'srcds_probe'

    def probe(self):
        return self.start('+exec', 'left4me.cfg', '+probe_walk', self.tree, '+probe_cat', '/proc/version')

    def test_reports_and_stays(self):
        self.cfg('server.cfg', 'hostname x\n')
        self.cfg('left4me.cfg', 'rcon_password x\n')
        os.chmod(f'{self.tree}/left4dead2/maps', 0o555)
        if self.identity:
            self.own(self.tree)
        probe = self.probe()
        probe.wait_line('"probe":"done"')
        found = {line['probe']: line for line in map(json.loads, probe.lines)}
        self.assertGreater(len(found), 100)
        for line in found.values():
            self.assertEqual(sorted(line), ['detail', 'expect', 'ok', 'probe', 'result'])
            self.assertEqual(line['ok'], line['expect'] in ('any', line['result']))
        self.assertEqual(found['tree']['detail'], self.tree)
        self.assertEqual(found[f'writable:{self.tree}']['result'], 'allowed')
        self.assertEqual(found['CapEff']['result'], '0000000000000000')
        self.assertEqual(found['setuid-root']['result'], 'denied')
        self.assertEqual(found['bind:own']['result'], 'allowed')
        self.assertTrue(found['cat:/proc/version']['detail'].startswith('Linux version'))
        # Without a sandbox the files can be written; what was tried has been put back.
        self.assertEqual(found['open-for-writing:server.cfg']['result'], 'allowed')
        self.assertEqual(self.read('left4dead2/cfg/server.cfg'), 'hostname x\n')
        self.assertEqual(sorted(os.listdir(f'{self.tree}/left4dead2/cfg')), ['left4me.cfg', 'server.cfg'])

        shared = f'/dev/shm/left4me-probe-{self.port}'
        self.assertTrue(os.path.exists(shared))
        probe.child.send_signal(signal.SIGINT)
        self.assertEqual(probe.wait_exit(), -signal.SIGINT)
        self.assertFalse(os.path.exists(shared))

    @unittest.skipUnless(os.geteuid() == 0, 'needs root')
    def test_attempts_nothing_as_root(self):
        self.identity = {}
        probe = self.probe()
        probe.wait_line('"probe":"root","result":"allowed"')
        self.assertEqual(probe.wait_exit(), 1)


if __name__ == '__main__':
    main()
