# SPDX-License-Identifier: LGPL-2.1-or-later
"""Steam for tests: the archive of the stand-in for steamcmd, and what it is told to do."""

import io
import json
import os
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))


def installer(program=None, client=b"steamclient\n"):
    """The archive, as it is served."""
    with open(os.path.join(HERE, "steamcmd"), "rb") as file:
        content = program if program is not None else file.read()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data, mode in (("steamcmd.sh", b"#!/bin/sh\n", 0o755), ("linux32/steamcmd", content, 0o755),
                                 ("linux32/steamclient.so", client, 0o644)):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def program_of_32_bits():
    """The beginning of one, enough to be taken for it."""
    return b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\x00\x03\x00" + bytes(32)


def tell(home, **knobs):
    """What the stand-in is to do from now on; see there."""
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, "standin.json"), "w", encoding="utf-8") as file:
        json.dump(knobs, file)


def runs(home):
    """The command lines that it got so far."""
    try:
        with open(os.path.join(home, "standin-runs"), encoding="utf-8") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []
