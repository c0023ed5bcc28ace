# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stands in the place of left4me-build, in its sandbox, and does what the test tells it through the pipe of the upload. Or is run by a
script, with the file that its orders are in.

One order a line, a JSON list: a name of ORDERS and its arguments; paths are below the tree. What came of each is told on
standard output, all in one line, when the order "report" comes. It ends when the orders do, with what it holds still held.
"""

import ctypes
import errno
import fcntl
import json
import mmap
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys

AT_FDCWD, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = -100, 1, 2, 4
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
MS_BIND, MS_REMOUNT, OPEN_TREE_CLONE, AT_EMPTY_PATH = 4096, 32, 1, 0x1000
# numbers of x86_64
SYSCALLS = {"ptrace": 101, "setuid": 105, "setgroups": 116, "capset": 126, "pivot_root": 155, "settimeofday": 164, "swapon": 167,
            "reboot": 169, "sethostname": 170, "init_module": 175, "add_key": 248, "perf_event_open": 298, "io_setup": 206, "open_by_handle_at": 304, "process_vm_writev": 311,
            "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425, "open_tree": 428, "fsopen": 430, "clone3": 435,
            "pidfd_getfd": 438, "mount_setattr": 442}
FS_IOC_SETFLAGS, FS_IMMUTABLE, FS_APPEND, FS_NODUMP = 0x40086602, 0x10, 0x20, 0x40

libc = ctypes.CDLL(None, use_errno=True)
held = []


def checked(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def syscall(name, *arguments):
    return checked(libc.syscall(SYSCALLS[name], *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)))


def hold(fd):
    held.append(fd)
    return fd


# -- descriptors and processes ------------------------------------------------------------------------------------


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def keep_open(path, text):
    os.write(hold(os.open(path, os.O_RDWR | os.O_CREAT, 0o644)), text.encode())


def keep_read_only(path):
    """From which, by /proc, one to write with could be made again."""
    fd = hold(os.open(path, os.O_RDONLY))
    hold(os.open(f"/proc/self/fd/{fd}", os.O_RDWR))


def keep_nameless(path, text):
    """A file that gets its name late, and stays open."""
    fd, here = hold(os.open(".", os.O_TMPFILE | os.O_RDWR, 0o644)), hold(os.open(".", os.O_RDONLY))
    os.write(fd, text.encode())
    os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=here)  # else Python does not follow the link


def keep_mapped(path):
    fd = os.open(path, os.O_RDWR)
    held.append(mmap.mmap(fd, 0))
    os.close(fd)
    held[-1][0:3] = b"MAP"


def keep_directory(path):
    hold(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
    os.chdir(path)
    os.chdir("/mnt/overlay")


def go_on_writing(path):
    """A process in a session of its own, whose parent has gone, that hears no signal and never stops."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(reader)
            for number in range(1, 32):
                try:
                    libc.signal(number, 1)
                except OSError:
                    pass
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            os.write(writer, b"!")
            count = 0
            while True:
                count += 1
                os.pwrite(fd, b"%020d" % count, 0)
                write("late.txt", str(count))
        os._exit(0)
    os.close(writer)
    os.wait()
    if os.read(reader, 1) != b"!":
        raise OSError(errno.ECHILD, "the writer did not come up")


def send_over(fd, path):
    """Over a socket that was there from the beginning: that of the log."""
    with socket.socket(fileno=os.dup(fd)) as log:
        writable = os.open(path, os.O_RDWR)
        socket.send_fds(log, [b"attacker: take this\n"], [writable])
        os.close(writable)


def make_socket(family):
    hold(socket.socket(getattr(socket, family)).detach())


def send_to_itself(path):
    """In a message that waits in a socket which only messages in it know of: the kernel's garbage."""
    one, other = socket.socketpair()
    writable = os.open(path, os.O_RDWR)
    socket.send_fds(one, [b"!"], [writable, one.fileno(), other.fileno()])
    for fd in (writable, one.detach(), other.detach()):
        os.close(fd)


def write_to_the_upload():
    hold(os.open("/run/left4me/job/upload", os.O_WRONLY | os.O_NONBLOCK))


def linger(mark):
    """Descendants as hard to find and to end as can be; their command lines have the mark."""
    sleeper = "import signal, sys, time\nfor n in range(1, 32):\n    n in (9, 19) or signal.signal(n, signal.SIG_IGN)\nprint('up', flush=True)\n" \
              "while True: time.sleep(1000)"
    for new_session in (False, True):
        reader, writer = os.pipe()
        if os.fork() == 0:
            if new_session:
                os.setsid()
            if os.fork() == 0:
                os.dup2(writer, 1)
                os.execv(sys.executable, ["python3", "-I", "-c", sleeper, mark])
            os._exit(0)
        os.close(writer)
        os.wait()
        if os.read(reader, 3) != b"up\n":
            raise OSError(errno.ECHILD, "it did not come up")
        os.close(reader)


# -- what is outside ----------------------------------------------------------------------------------------------


def append(path):
    """To a file that is there or not, but makes no directory for it."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))


def read(path):
    with open(path, "rb") as file:
        return file.read(4096).decode("utf-8", "replace")


def is_there(path):
    os.stat(path)


def descriptors():
    """Where those that it has lead to."""
    return [os.readlink(f"/proc/self/fd/{fd}") for fd in sorted(os.listdir("/proc/self/fd"), key=int) if os.path.lexists(f"/proc/self/fd/{fd}")]


def search(backwards):
    """Where the word (written backwards here, so that this itself is not found) stands in anything that can be read; what else there is."""
    word, found, special = backwards[::-1].encode(), [], []
    for top in sorted(set(os.listdir("/")) - {"usr", "proc", "sys"}):
        for folder, _, files in os.walk(f"/{top}"):
            for path in (os.path.join(folder, name) for name in files):
                try:
                    if stat.S_ISREG(os.lstat(path).st_mode):
                        with open(path, "rb") as file:
                            found += [path] if word in file.read(1 << 24) else []
                    elif not stat.S_ISLNK(os.lstat(path).st_mode):
                        special.append(path)
                except OSError:
                    pass
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for path in (f"/proc/{pid}/cmdline", f"/proc/{pid}/environ"):
            try:
                with open(path, "rb") as file:
                    found += [path] if word in file.read() else []
            except OSError:
                pass
    return {"found": found, "special": special}


def program(*words):
    """What it prints, and how it ends."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return [done.returncode, done.stdout.decode("utf-8", "replace")]


# -- names --------------------------------------------------------------------------------------------------------


def rename2(old, new, flags):
    checked(libc.renameat2(AT_FDCWD, old.encode(), AT_FDCWD, new.encode(), flags))


def replace_directory(path, files):
    """What was below it is gone, and other files are there."""
    shutil.rmtree(path)
    for name, text in files.items():
        write(f"{path}/{name}", text)


def move_directory(old, new):
    """As mv does: overlayfs lets no directory of a lower layer be renamed."""
    shutil.copytree(old, new, symlinks=True)
    shutil.rmtree(old)


def nest(path, depth):
    fd = os.open(".", os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(path, dir_fd=fd)
        below = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


def create_raw(hexadecimal):
    os.close(os.open(bytes.fromhex(hexadecimal), os.O_WRONLY | os.O_CREAT, 0o644))


def many_links(path, count):
    for n in range(count):
        os.link(path, f"{path}.{n}")


# -- attributes and kinds -----------------------------------------------------------------------------------------


def set_attribute(path, name, value):
    os.setxattr(path, name, value.encode(), follow_symlinks=False)


def set_acl(path, name):
    """Everybody may write: the owner, one more user, the group, whoever the mask limits, others."""
    entries = [(tag, 7, 980 if tag == 2 else 0xffffffff) for tag in (1, 2, 4, 16, 32)]
    os.setxattr(path, f"system.posix_acl_{name}", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries))


def set_flags(path, *flags):
    fd = os.open(path, os.O_RDONLY)
    try:
        value = sum({"immutable": FS_IMMUTABLE, "append": FS_APPEND, "nodump": FS_NODUMP}[f] for f in flags)
        fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("l", value))
    finally:
        os.close(fd)


def set_time(path, seconds):
    os.utime(path, ns=(seconds * 10**9, seconds * 10**9), follow_symlinks=False)


def make_node(path, kind, major=0, minor=0):
    os.mknod(path, {"char": stat.S_IFCHR, "block": stat.S_IFBLK, "fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK}[kind] | 0o666,
             os.makedev(major, minor))


def make_sparse(path, size, *ends):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(size)
        for at in ends:
            file.seek(at)
            file.write(b"data")


# -- namespaces, mounts, the kernel -------------------------------------------------------------------------------


def bind(source, target, flags=MS_BIND):
    checked(libc.mount(source.encode(), target.encode(), None, ctypes.c_ulong(flags), None))


def in_child(call):
    """What would change this process for good is tried in another."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            call()
            code = 0
        except OSError as e:
            code = e.errno
        os.write(writer, bytes([code]))
        os._exit(0)
    os.close(writer)
    code = os.read(reader, 1)
    os.close(reader)
    os.waitpid(pid, 0)
    if code and code[0]:
        raise OSError(code[0], os.strerror(code[0]))
    if not code:
        raise OSError(errno.EPERM, "killed")


def user_namespace():
    in_child(lambda: checked(libc.unshare(CLONE_NEWUSER)))


def mount_namespace():
    in_child(lambda: checked(libc.unshare(CLONE_NEWNS)))


def clone_namespaces():
    def call():
        arguments = ctypes.create_string_buffer(struct.pack("<8Q", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, 0, 0, 0, 17, 0, 0, 0))
        if syscall("clone3", arguments, 64) == 0:
            os._exit(0)
    in_child(call)


def enter_namespace(path):
    def call():
        fd = os.open(path, os.O_RDONLY)
        checked(libc.setns(fd, 0))
    in_child(call)


def change_root(path):
    in_child(lambda: os.chroot(path))


def raw(name, *arguments):
    in_child(lambda: syscall(name, *(a.encode() if isinstance(a, str) else a for a in arguments)))


def open_by_handle(path):
    """With a handle of a file in the tree, whose file system is then asked for it by number."""
    handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0) + bytes(128))
    mount_id = ctypes.c_int()
    checked(libc.name_to_handle_at(AT_FDCWD, path.encode(), handle, ctypes.byref(mount_id), 0))
    fd = os.open(".", os.O_RDONLY)
    try:
        hold(syscall("open_by_handle_at", fd, handle, os.O_RDWR))
    finally:
        os.close(fd)


ORDERS = {
    "write": write, "keep-open": keep_open, "keep-read-only": keep_read_only, "keep-nameless": keep_nameless,
    "keep-mapped": keep_mapped, "keep-directory": keep_directory, "go-on-writing": go_on_writing, "send-over": send_over,
    "socket": make_socket, "send-to-itself": send_to_itself, "write-to-the-upload": write_to_the_upload, "link": os.link,
    "many-links": many_links, "symlink": os.symlink, "unlink": os.unlink, "remove-tree": shutil.rmtree, "mkdir": os.mkdir,
    "rename": os.rename, "exchange": lambda old, new: rename2(old, new, RENAME_EXCHANGE),
    "rename-leaving-whiteout": lambda old, new: rename2(old, new, RENAME_WHITEOUT), "replace-directory": replace_directory,
    "move-directory": move_directory, "nest": nest, "create-raw": create_raw, "attribute": set_attribute, "acl": set_acl,
    "flags": set_flags, "mode": lambda path, mode: os.chmod(path, int(mode, 8)), "time": set_time, "node": make_node,
    "sparse": make_sparse, "bind": bind, "user-namespace": user_namespace, "mount-namespace": mount_namespace,
    "clone-namespaces": clone_namespaces, "enter-namespace": enter_namespace, "change-root": change_root, "raw": raw,
    "open-by-handle": open_by_handle, "linger": linger, "append": append, "read": read, "is-there": is_there, "descriptors": descriptors, "search": search,
    "program": program,
}


def obey(line):
    name, *arguments = line
    try:
        told = ORDERS[name](*arguments)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
    except Exception as e:  # a mistake of the test, which it will see
        return repr(e)
    return "done" if told is None else told


def main():
    os.chdir("/mnt/overlay")
    os.umask(0)
    results = []
    with open(sys.argv[1] if len(sys.argv) > 1 else "/run/left4me/job/upload", encoding="utf-8") as orders:
        for line in orders:
            order = json.loads(line)
            if order == ["report"]:
                print("attacker: " + json.dumps(results), flush=True)
            else:
                results.append(obey(order))
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
