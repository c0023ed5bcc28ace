# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the host tests share: commands and their results, the bus, users, overlays and servers made and removed.

Nothing here waits for a fixed time; what happens by itself is waited for in follow.py.
"""

import glob
import io
import json
import os
import pwd
import re
import subprocess
import tarfile
import time
import unittest

BUS_NAME = "org.left4me.Manager1"
ROOT_PATH = "/org/left4me/Manager1"
ERROR = BUS_NAME + ".Error."
LIBRARY = "/var/lib/left4me"
CONTENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "srcds", "content")
ADMIN, GUEST = "admin", "guest"
SECONDS = 120


class Result:
    """What a command left behind."""

    def __init__(self, command, done):
        self.command, self.code, self.out, self.err = command, done.returncode, done.stdout, done.stderr

    def __str__(self):
        return f"{' '.join(self.command)}: status {self.code}\n{self.out}{self.err}"

    def json(self):
        """Of an answer in JSON, which must be one document and nothing else."""
        return json.loads(self.out)


def as_user(user, command):
    if user is None:
        return list(command)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env", "--", *command]


def run(*command, user=None, data=None, check=True, seconds=SECONDS):
    command = as_user(user, command)
    done = subprocess.run(command, input=data or b"", stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds,
                          check=False, cwd="/")
    done.stdout, done.stderr = (s.decode("utf-8", "backslashreplace") for s in (done.stdout, done.stderr))
    result = Result(command, done)
    if check and result.code != 0:
        raise AssertionError(str(result))
    return result


def begin(*command, user=None):
    """Starts a command, to be ended with finish()."""
    return subprocess.Popen(as_user(user, command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, cwd="/")


def finish(process, seconds=SECONDS):
    out, err = process.communicate(timeout=seconds)
    return Result(process.args, subprocess.CompletedProcess(process.args, process.returncode, out, err))


def ctl(*words, **options):
    return run("left4mectl", *words, **options)


def ctl_json(*words, **options):
    words = list(words)
    words.insert(words.index("--") if "--" in words else len(words), "--json")
    return ctl(*words, **options).json()


def status(name):
    """The properties of a server by the names that --json gives them; it need not run."""
    return ctl_json("status", name, check=False)[0]


def show(unit, prop):
    return run("systemctl", "show", "--property", prop, "--value", unit).out.strip()


def server_unit(name):
    return f"left4me-server@{name}.service"


def mount_unit(name):
    return f"left4me-overlay@server-{name}.service"


# -- the bus ----------------------------------------------------------------------------------------------------


def path_of(kind, name):
    """As sd_bus_path_encode() makes it."""
    return f"{ROOT_PATH}/{kind}/" + "".join(
        c if c.isalpha() or (c.isdigit() and i > 0) else f"_{ord(c):02x}" for i, c in enumerate(str(name)))


def busctl(*words, user=None, check=True):
    """The `data` of busctl's answer: a list of the values."""
    result = run("busctl", "--system", "--json=short", "--timeout=120", *words, user=user, check=check)
    return json.loads(result.out)["data"] if result.out.strip() else None


def call(path, interface, method, *arguments, user=None, check=True):
    return busctl("call", BUS_NAME, path, interface, method, *arguments, user=user, check=check)


def error_name(text):
    """Of an error that gdbus tells, "" if it tells none."""
    found = re.search(r"GDBus\.Error:([A-Za-z0-9_.]+):", text)
    return found.group(1) if found else ""


def call_error(path, method, *arguments, user=None):
    """Calls with arguments as GVariant text; the name and the message of the error, or ("", the answer)."""
    result = run("gdbus", "call", "--system", "--timeout=120", "--dest", BUS_NAME, "--object-path", path, "--method", method,
                 "--", *arguments, user=user, check=False)
    if result.code == 0:
        return "", result.out.strip()
    return error_name(result.err), result.err.partition(": ")[2].strip()


def managed_objects():
    return call(ROOT_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]


def unique_name(name=BUS_NAME, check=True):
    """Who owns a name of the bus; "" for nobody, unless that is to be an error."""
    found = busctl("call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", "s", name,
                   check=check)
    return found[0] if found else ""


def kill_manager():
    """left4med, as by a crash; back when systemd has started it again and the bus has seen both. Of a name's owners the bus tells in time:
    whoever asks while the dead one still owns it gets no reply."""
    before, deadline = unique_name(), time.monotonic() + SECONDS
    run("systemctl", "kill", "--signal=KILL", "left4med.service")
    while unique_name(check=False) in ("", before):
        if time.monotonic() > deadline:
            raise AssertionError("left4med is not back after it was killed")
        time.sleep(0.02)


# -- users ------------------------------------------------------------------------------------------------------


def make_users():
    """admin, a member of left4me-admin, and guest, nobody in particular."""
    for user, options in ((ADMIN, ["--groups", "left4me-admin"]), (GUEST, [])):
        try:
            pwd.getpwnam(user)
        except KeyError:
            run("useradd", "--create-home", "--shell", "/bin/sh", *options, user)
    run("usermod", "--append", "--groups", "left4me-admin", ADMIN)


# -- overlays and servers ---------------------------------------------------------------------------------------


def archive(files):
    """A tar of PATH: content, PATH: ("link", TARGET) or PATH: None for a directory. Programs get their bit by their names."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.mode = 0o755 if content is None or path.endswith("_run") else 0o644
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, tuple):
                info.type, info.linkname = tarfile.SYMTYPE, content[1]
            else:
                content = content.encode() if isinstance(content, str) else content
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return data.getvalue()


def layer(name, **files):
    """Files of an overlay that the stand-in reports as one of its layers; further ones by their paths."""
    return {"left4dead2/layer.txt": name + "\n", f"left4dead2/layers/{name}": "", **files}


def import_files(name, files):
    ctl("overlay", "import", name, "-", data=archive(files))


def make_overlay(name, files):
    ctl("overlay", "create", name, "--kind", "files")
    import_files(name, files)


def make_game(name="game", content="game.tar.zst"):
    ctl("overlay", "create", name, "--kind", "files")
    ctl("overlay", "import", name, os.path.join(CONTENT, content))


def upper(name, *below):
    return os.path.join(LIBRARY, "uppers", name, "upper", *below)


def merged(name):
    return os.path.join(LIBRARY, "runtime", f"server-{name}", "merged")


def tree_sums(path):
    """What `find` and `sha256sum` say of a tree: names, types, modes and contents."""
    return run("sh", "-c", 'cd "$1" && find . -printf "%p %y %m %l\\n" | sort && find . -type f -print0 | sort -z | xargs -0 -r sha256sum',
               "sh", path).out


def mounts(below=LIBRARY):
    """(mount id, mount point, options of the file system) of what is mounted there."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        fields = [line.split() for line in file]
    return [(int(f[0]), f[4], f[-1]) for f in fields if f[4].startswith(below)]


def mounted_layers(name):
    """Topmost first, as (overlay, version), read from the kernel; empty when nothing is mounted."""
    options = [m[2] for m in mounts(merged(name)) if m[1] == merged(name)]
    if not options:
        return []
    return [(o, int(v)) for o, v in re.findall(r"lowerdir\+=" + LIBRARY + r"/overlays/([^/,]+)/versions/(\d+)", options[-1])]


def state_file(name):
    """state.txt of the stand-in: key to the list of its values."""
    values = {}
    with open(upper(name, "left4dead2/logs/state.txt"), encoding="utf-8") as file:
        for line in file:
            key, _, value = line.rstrip("\n").partition("=")
            values.setdefault(key, []).append(value)
    return values


def wipe():
    """Stops and removes every server and overlay, and looks whether anything is left of them."""
    for user in (ADMIN, GUEST):
        run("pkill", "-KILL", "-u", user, check=False)
    names = [i["name"] for i in ctl_json("list")]
    if names:
        ctl("stop", "--all")
        ctl("delete", "--yes", *names)
    for overlay in ctl_json("overlay", "list"):
        ctl("overlay", "delete", "--yes", overlay["name"])
    left = [p for d in ("instances", "overlays", "uppers", "builds") for p in glob.glob(f"{LIBRARY}/{d}/*")]
    left += [m[1] for m in mounts(LIBRARY + "/runtime")]
    left += [u["unit"] for u in json.loads(run("systemctl", "list-units", "--output=json", "left4me-*@*").out)]
    if left:
        raise AssertionError(f"left behind: {left}")


class Case(unittest.TestCase):
    """Begins and ends with no server and no overlay; `setup_class` of a subclass makes what its tests share."""

    tidy = False  # since the class before, whose end has looked

    @classmethod
    def setUpClass(cls):
        if not Case.tidy:
            make_users()
            wipe()
        Case.tidy = False
        cls.addClassCleanup(cls.tidy_up)
        cls.setup_class()

    @staticmethod
    def tidy_up():
        wipe()
        Case.tidy = True

    @classmethod
    def setup_class(cls):
        pass

    def server(self, name, *options, game="game"):
        """A server that is gone at the end of the test."""
        self.addCleanup(self.remove_server, name)
        ctl("create", name, "--game", game, *options)
        return name

    def remove_server(self, name):
        ctl("stop", name, check=False)
        ctl("delete", "--yes", name, check=False)

    def overlay(self, name, files):
        self.addCleanup(ctl, "overlay", "delete", "--yes", name, check=False)
        make_overlay(name, files)
        return name

    def assert_refused(self, result, error, code=1):
        """A call of the CLI with --json that failed with that error."""
        self.assertEqual(result.code, code, str(result))
        told = result.json()["error"]
        self.assertEqual(told["name"], error if "." in error else ERROR + error)
        return told["message"]
