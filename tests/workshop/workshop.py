# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for the Steam Workshop: its two calls and its downloads, as the reference says that they behave, and the ways in which they fail.

In a test's own process: Workshop(). As a program, for a host whose "internet" it is in: `workshop.py ADDRESS [--tls CERTIFICATE KEY]`; then
POST /control takes {"items": …, "collections": …, "faults": …} as add_item(), add_collection() and fail() have them, "release" for release() and
"reset" for a new beginning; GET /log tells what was asked.
"""

import argparse
import base64
import http.server
import json
import re
import socket
import ssl
import struct
import sys
import threading
import urllib.parse
import zlib

L4D2 = 550
UPDATED = 1700000000


def mission(name, title, modes):
    """A mission file: modes maps "coop" and so on to a list of (map, title)."""
    text = f'"mission"\n{{\n\t"Name"\t"{name}"\n\t"Version"\t"1"\n\t"DisplayTitle"\t"{title}"\n\t"modes"\n\t{{\n'
    for mode, maps in modes.items():
        text += f'\t\t"{mode}"\n\t\t{{\n'
        for number, (bsp, shown) in enumerate(maps, 1):
            text += f'\t\t\t"{number}" {{ "Map" "{bsp}" "DisplayName" "{shown}" "Image" "maps/{bsp}" }}\n'
        text += "\t\t}\n"
    return (text + "\t}\n}\n").encode()


def vpk(files):
    """A VPK of version 1, one file, from a dict of path -> bytes."""
    tree, body, grouped = b"", b"", {}
    for path, data in files.items():
        directory, _, base = path.rpartition("/")
        name, _, extension = base.rpartition(".")
        grouped.setdefault(extension or " ", {}).setdefault(directory or " ", {})[name] = data
    for extension, directories in sorted(grouped.items()):
        tree += extension.encode() + b"\0"
        for directory, names in sorted(directories.items()):
            tree += directory.encode() + b"\0"
            for name, data in sorted(names.items()):
                tree += name.encode() + b"\0" + struct.pack("<IHHIIH", zlib.crc32(data), 0, 0x7FFF, len(body), len(data), 0xFFFF)
                body += data
            tree += b"\0"
        tree += b"\0"
    tree += b"\0"
    return struct.pack("<III", 0x55AA1234, 1, len(tree)) + tree + body


def addon(name, maps=2, size=0, title=None):
    """The VPK of a campaign, with as many bytes of filling."""
    bsps = [(f"{name}{n:02}", f"{name} chapter {n}") for n in range(1, maps + 1)]
    files = {"addoninfo.txt": f'"AddonInfo" {{ addontitle "{title or name}" addonSteamAppID 550 }}'.encode(),
             f"missions/{name}.txt": mission(name, title or name.title(), {"coop": bsps, "versus": bsps[:1]})}
    files.update({f"maps/{bsp}.bsp": b"VBSP" for bsp, _ in bsps})
    if size:
        files["materials/filling.vtf"] = bytes(bytearray(i * 7 & 0xFF for i in range(1024)) * (size // 1024 + 1))[:size]
    return vpk(files)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass

    def answer(self, status, body=b"", headers=(), kind="application/json; charset=UTF-8"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def end_now(self):
        """The connection breaks, with a reset if anything was to come."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def failed(self, path, body=None):
        """Whether a fault took this request, as a whole."""
        fault = self.server.workshop.take_fault(path)
        self.fault = fault
        what = fault and fault["what"]
        if what == "status":
            headers = [("Retry-After", str(fault["retry_after"]))] if "retry_after" in fault else []
            self.answer(fault["status"], b"<html>no</html>", headers, "text/html")
        elif what == "redirect":
            self.answer(fault.get("status", 302), b"", [("Location", fault["to"])])
        elif what == "body":
            self.answer(200, base64.b64decode(fault["body"]))
        elif what == "drop":
            self.end_now()
        else:
            return False
        return True

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/control":
            self.server.workshop.control(json.loads(body))
            self.answer(200, b"{}")
            return

        form = dict(urllib.parse.parse_qsl(body.decode()))
        self.server.workshop.note("POST", self.path, form)
        if self.failed(self.path):
            return
        answer = self.server.workshop.call(self.path, form)
        self.answer(*((404, b"<html>Not Found</html>") if answer is None else (200, json.dumps(answer).encode())))

    def do_GET(self):
        if self.path == "/log":
            self.answer(200, json.dumps(self.server.workshop.log).encode())
            return

        self.server.workshop.note("GET", self.path, {"range": self.headers.get("Range")})
        if self.failed(self.path):
            return
        match = re.fullmatch(r"/ugc/([0-9]+)/[0-9A-F]{40}/", self.path)
        item = match and self.server.workshop.items.get(match[1])
        if not item or item["data"] is None:
            self.answer(404, b"<html>Not Found</html>", kind="text/html")
            return
        self.send_file(item["data"])

    def send_file(self, data):
        start, fault = 0, self.fault or {}
        wanted = re.fullmatch(r"bytes=([0-9]+)-", self.headers.get("Range", ""))
        if wanted and fault.get("what") != "no-range":
            start = int(wanted[1])
            if start >= len(data):
                self.answer(416, headers=[("Content-Range", f"bytes */{len(data)}")])
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")

        part = data[start:]
        if fault.get("what") == "cut":
            part = part[:fault["after"]]
        if fault.get("what") == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for i in range(0, len(part), 4096):
                block = part[i:i + 4096]
                self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
            return

        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if fault.get("what") == "slow":
            self.server.workshop.slow(self.wfile, part, fault)
        else:
            self.wfile.write(part)
        if fault.get("what") == "cut":
            self.end_now()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError, ValueError)):
            super().handle_error(request, client_address)


class Workshop:
    def __init__(self, address=("127.0.0.1", 0), tls=None):
        self.items, self.collections, self.faults, self.log = {}, {}, [], []
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.server = Server(address, Handler)
        self.server.workshop = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "https" if tls else "http"
        self.host = "%s:%u" % self.server.server_address
        self.url = f"{self.scheme}://{self.host}"

    def start(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def add_item(self, number, data=None, title=None, **answer):
        """An item, or a new state of one. What the keywords say takes the place of what the answer would have; None takes it away."""
        number = str(number)
        self.items[number] = {"data": data, "title": title or f"Item {number}", "answer": answer}

    def add_collection(self, number, children, title="Collection"):
        """children: ids, or (id, filetype)."""
        self.collections[str(number)] = [child if isinstance(child, (tuple, list)) else (child, 0) for child in children]
        self.add_item(number, None, title, file_size=0, file_url="")

    def fail(self, match, what, times=1, **more):
        """The next requests whose path matches fail: "status" (status, retry_after), "cut" (after), "slow" (after, and waits for release()),
        "chunked", "no-range", "redirect" (to), "body" (body, base64) or "drop"."""
        with self.lock:
            self.faults.append({"match": match, "what": what, "times": times, **more})

    def release(self):
        """What was slow goes on."""
        self.released.set()

    def control(self, wanted):
        if wanted.get("reset"):
            self.released.set()
            with self.lock:
                self.items, self.collections, self.faults, self.log, self.released = {}, {}, [], [], threading.Event()
        for number, item in wanted.get("items", {}).items():
            if item is None:
                self.items.pop(number, None)
                continue
            data = addon(**item["addon"]) if "addon" in item else base64.b64decode(item["data"]) if "data" in item else None
            self.add_item(number, data, item.get("title"), **item.get("answer", {}))
        for number, children in wanted.get("collections", {}).items():
            self.add_collection(number, children)
        with self.lock:
            if "faults" in wanted:
                self.faults = [{"times": 1, **fault} for fault in wanted["faults"]]
        if wanted.get("release"):
            self.release()

    def note(self, method, path, more):
        with self.lock:
            self.log.append([method, path, more])

    def take_fault(self, path):
        with self.lock:
            for fault in self.faults:
                if fault["times"] > 0 and re.search(fault["match"], path):
                    fault["times"] -= 1
                    return fault
        return None

    def slow(self, out, part, fault):
        """Sends so many bytes and then one now and then, until it is released."""
        released = self.released
        out.write(part[:fault["after"]])
        part = part[fault["after"]:]
        while part and not released.wait(0.2):
            out.write(part[:1])
            out.flush()
            part = part[1:]
        out.write(part)

    def describe(self, number):
        item = self.items.get(number)
        if item is None:
            return {"publishedfileid": number, "result": 9}
        size = len(item["data"] or b"")
        answer = {"publishedfileid": number, "result": 1, "creator": "76561197960265729", "creator_app_id": L4D2, "consumer_app_id": L4D2,
                  "filename": f"myl4d2addons/../{number}.vpk", "file_size": str(size), "hcontent_file": str(int(number) * 3),
                  "file_url": f"{self.url}/ugc/{number}/{int(number):040X}/", "preview_url": f"{self.url}/picture/{number}/",
                  "hcontent_preview": str(int(number) * 3 + 1), "title": item["title"], "description": "[b]text[/b] with ] and }",
                  "time_created": UPDATED - 1000, "time_updated": UPDATED, "visibility": 0, "banned": 0, "ban_reason": "",
                  "subscriptions": 1, "favorited": 0, "lifetime_subscriptions": 1, "lifetime_favorited": 0, "views": 1,
                  "tags": [{"tag": "Campaigns"}, {"tag": "Co-op"}], **item["answer"]}
        if answer["result"] != 1:
            return {"publishedfileid": number, "result": answer["result"]}
        return {key: value for key, value in answer.items() if value is not None}

    def call(self, path, form):
        if path == "/ISteamRemoteStorage/GetCollectionDetails/v1/":
            ids = [form[f"publishedfileids[{i}]"] for i in range(int(form["collectioncount"]))]
            details = []
            for number in ids:
                children = self.collections.get(number)
                if children is None:
                    details.append({"publishedfileid": number, "result": 9})
                    continue
                details.append({"publishedfileid": number, "result": 1, "children": [
                    {"publishedfileid": str(child), "sortorder": order, "filetype": kind}
                    for order, (child, kind) in enumerate(children, 1)]})
            return {"response": {"result": 1, "resultcount": len(details), "collectiondetails": details}}
        if path == "/ISteamRemoteStorage/GetPublishedFileDetails/v1/":
            ids = [form[f"publishedfileids[{i}]"] for i in range(int(form["itemcount"]))]
            return {"response": {"result": 1, "resultcount": len(ids), "publishedfiledetails": [self.describe(i) for i in ids]}}
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("address", help="HOST:PORT to listen at")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    parser.add_argument("--url", help="what the answers say, when it is not the address")
    arguments = parser.parse_args()
    host, _, port = arguments.address.rpartition(":")
    workshop = Workshop((host, int(port)), arguments.tls)
    if arguments.url:
        workshop.url = arguments.url
    print("ready" if port != "0" else f"ready {workshop.url}", flush=True)
    workshop.server.serve_forever()


if __name__ == "__main__":
    main()
