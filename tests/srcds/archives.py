# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writers for the test content: tar, zip, 7z and VPK from one in-memory tree.

Deterministic: names sorted, one fixed time, no owner. A tree is a dict of path -> (mode, bytes); a path that
ends in a slash is a directory.
"""
import gzip
import io
import lzma
import struct
import subprocess
import tarfile
import zipfile
import zlib

EPOCH = 1700000000
EPOCH_ZIP = (2023, 11, 14, 22, 13, 20)
EPOCH_NT = (EPOCH + 11644473600) * 10_000_000


def with_directories(tree):
    """Adds the directories above every file, as an archiver that walks a real tree would."""
    full = dict(tree)
    for path in tree:
        parts = path.rstrip('/').split('/')[:-1]
        for i in range(len(parts)):
            full.setdefault('/'.join(parts[:i + 1]) + '/', (0o755, b''))
    return full


def write_tar(tree):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as tar:
        for path, (mode, data) in sorted(with_directories(tree).items()):
            info = tarfile.TarInfo(path.rstrip('/'))
            info.mtime = EPOCH
            info.mode = mode
            if path.endswith('/'):
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def write_tar_gz(tree):
    return gzip.compress(write_tar(tree), 9, mtime=EPOCH)


def write_tar_zst(tree, zstd='zstd'):
    return subprocess.run([zstd, '-q', '-9', '--no-check', '-c'], input=write_tar(tree),
                          stdout=subprocess.PIPE, check=True).stdout


def write_zip(tree):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for path, (mode, data) in sorted(tree.items()):
            info = zipfile.ZipInfo(path, EPOCH_ZIP)
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100000 | mode) << 16
            z.writestr(info, data)
    return out.getvalue()


def _number(n):
    """7z's variable-length number: leading one bits of the first byte tell how many bytes follow."""
    first, mask, tail = 0, 0x80, b''
    for i in range(8):
        if n < 1 << (7 * (i + 1)):
            return bytes([first | n >> (8 * i)]) + tail
        tail = (n & ((1 << (8 * (i + 1))) - 1)).to_bytes(i + 1, 'little')
        first |= mask
        mask >>= 1
    return bytes([0xFF]) + n.to_bytes(8, 'little')


def _property(kind, payload):
    return bytes([kind]) + _number(len(payload)) + payload


def _bits(flags):
    out = bytearray((len(flags) + 7) // 8)
    for i, flag in enumerate(flags):
        if flag:
            out[i // 8] |= 0x80 >> (i % 8)
    return bytes(out)


def write_7z(tree):
    """One solid LZMA2 folder with all files; directories are entries without a stream."""
    entries = sorted(with_directories(tree).items())
    streams = [data for _, (_, data) in entries if data]
    packed = lzma.compress(b''.join(streams), lzma.FORMAT_RAW,
                           filters=[{'id': lzma.FILTER_LZMA2, 'preset': 6, 'dict_size': 1 << 20}])

    pack = b'\x06' + _number(0) + _number(1) + b'\x09' + _number(len(packed)) + b'\x00'
    # One folder, one coder: id 0x21 (LZMA2), one property byte, 16 = 1 MiB dictionary.
    unpack = b'\x07\x0b' + _number(1) + b'\x00' + _number(1) + b'\x21\x21' + _number(1) + b'\x10'
    unpack += b'\x0c' + _number(sum(map(len, streams))) + b'\x00'
    sub = b'\x08\x0d' + _number(len(streams)) + b'\x09' + b''.join(_number(len(d)) for d in streams[:-1])
    sub += b'\x0a\x01' + b''.join(struct.pack('<I', zlib.crc32(d)) for d in streams) + b'\x00'

    files = b'\x05' + _number(len(entries))
    empty = [not data for _, (_, data) in entries]
    files += _property(0x0E, _bits(empty))
    files += _property(0x0F, _bits([not p.endswith('/') for (p, (_, data)) in entries if not data]))
    names = [p.rstrip('/').encode('utf-16-le') + b'\0\0' for p, _ in entries]
    files += _property(0x11, b'\x00' + b''.join(names))
    files += _property(0x14, b'\x01\x00' + struct.pack('<Q', EPOCH_NT) * len(entries))
    attributes = [(0o040000 | mode) << 16 | 0x8010 if p.endswith('/') else (0o100000 | mode) << 16 | 0x8020
                  for p, (mode, _) in entries]
    files += _property(0x15, b'\x01\x00' + b''.join(struct.pack('<I', a) for a in attributes))
    header = b'\x01\x04' + pack + unpack + sub + b'\x00' + files + b'\x00\x00'

    start = struct.pack('<QQI', len(packed), len(header), zlib.crc32(header))
    return b'7z\xbc\xaf\x27\x1c\x00\x04' + struct.pack('<I', zlib.crc32(start)) + start + packed + header


def write_vpk(files):
    """Version 1, one file that holds its data itself. `files` maps lower-case paths to bytes."""
    tree, body = io.BytesIO(), io.BytesIO()
    grouped = {}
    for path, data in files.items():
        directory, _, base = path.rpartition('/')
        name, _, ext = base.rpartition('.')
        grouped.setdefault(ext or ' ', {}).setdefault(directory or ' ', {})[name] = data
    for ext, directories in sorted(grouped.items()):
        tree.write(ext.encode() + b'\0')
        for directory, names in sorted(directories.items()):
            tree.write(directory.encode() + b'\0')
            for name, data in sorted(names.items()):
                tree.write(name.encode() + b'\0')
                tree.write(struct.pack('<IHHII', zlib.crc32(data), 0, 0x7FFF, body.tell(), len(data)))
                tree.write(b'\xff\xff')
                body.write(data)
            tree.write(b'\0')
        tree.write(b'\0')
    tree.write(b'\0')
    return struct.pack('<III', 0x55AA1234, 1, tree.tell()) + tree.getvalue() + body.getvalue()
