#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""internet_server.py FOLDER CERTIFICATE KEY DNS-ADDRESS WEB-ADDRESS...: the servers of internet.py, in its network namespace.

DNS over UDP answers with what FOLDER/names has (a JSON object of names and addresses), for others that there is no such name; the web
server gives what is below FOLDER/web (of what is in PATH.location it says that PATH has moved there), on the ports 80 and 443 of each address. FOLDER/requests gets a line for each request. Says "ready".
"""

import http.server
import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading

FOLDER = sys.argv[1]
TYPES = {1: socket.AF_INET, 28: socket.AF_INET6}
NO_SUCH_NAME = 3
lock = threading.Lock()


def answer(question):
    """A reply to one question of the class IN; the name in the answer points back to that of the question."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]].decode("ascii", "replace"))
        at += 1 + question[at]
    kind, = struct.unpack(">H", question[at + 1:at + 3])
    with open(f"{FOLDER}/names", encoding="utf-8") as file:
        address = json.load(file).get(".".join(labels).lower())
    records = b""
    if address and kind in TYPES and (":" in address) == (kind == 28):
        data = socket.inet_pton(TYPES[kind], address)
        records = struct.pack(">HHHIH", 0xC00C, kind, 1, 5, len(data)) + data
    flags = 0x8180 | (NO_SUCH_NAME if address is None else 0)
    return question[:2] + struct.pack(">HHHHH", flags, 1, bool(records), 0, 0) + question[12:at + 5] + records


class Names(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(answer(data), self.client_address)


class Web(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments):
        super().__init__(*arguments, directory=f"{FOLDER}/web")

    def do_GET(self):
        try:
            with open(self.translate_path(self.path) + ".location", encoding="utf-8") as file:
                to = file.read()
        except OSError:
            super().do_GET()
            return
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

    def log_request(self, *_):
        with lock, open(f"{FOLDER}/requests", "a", encoding="utf-8") as file:
            file.write(json.dumps([self.headers.get("Host", ""), self.command, self.path]) + "\n")


def make(address, tls=None):
    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = Server((address, 443 if tls else 80), Web)
    if tls:
        # In the thread of each connection: whoever does not go on with his greeting holds up nobody else.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


def main():
    os.close(os.open(f"{FOLDER}/requests", os.O_WRONLY | os.O_CREAT))
    certificate, key, dns, *addresses = sys.argv[2:]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    servers = [socketserver.UDPServer((dns, 53), Names), *(make(address) for address in addresses),
               *(make(address, tls) for address in addresses)]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
