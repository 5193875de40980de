"""Runs a command in a network of its own and says whom it called: `unshare --net alone.py SPEC`.

SPEC is a file of JSON: `forwards` (ports of loopback, each with the Unix socket that leads to the server outside),
`command`, `environment` and `folder`. Every address is local in here, so that a call to anybody is seen and refused at
once. Says one object of JSON: `code`, `stdout`, `stderr`, and `peers`, the addresses that were called.
"""

import json
import socket
import struct
import subprocess
import sys
import threading

spec = json.load(open(sys.argv[1]))


def ip(*words):
    subprocess.run(["ip", *words], check=True, stdout=subprocess.DEVNULL)


def forward(source, target):
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
    except OSError:
        pass
    for one, way in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        try:
            one.shutdown(way)
        except OSError:
            pass


def serve(listener, path):
    while True:
        visitor, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(path)
        for pair in ((visitor, server), (server, visitor)):
            threading.Thread(target=forward, args=pair, daemon=True).start()


def called(frame):
    """The address of the first packet of a connection, or of a datagram; none for what follows."""
    packet = frame[14:]
    if frame[12:14] == b"\x86\xdd":
        protocol, target, rest = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:]
    elif frame[12:14] == b"\x08\x00":
        protocol, target = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20])
        rest = packet[(packet[0] & 15) * 4 :]
    else:
        return None
    is_first = protocol == 17 or protocol == 6 and rest[13] & 0x12 == 0x02
    return f"{target}:{struct.unpack('!H', rest[2:4])[0]}" if is_first else None


peers = set()


def watch(wire):
    while True:
        peer = called(wire.recv(1 << 16))
        if peer:
            peers.add(peer)


ip("link", "set", "lo", "up")
ip("route", "add", "local", "default", "dev", "lo")
subprocess.run(["ip", "-6", "route", "add", "local", "default", "dev", "lo"], stderr=subprocess.DEVNULL)
for port, path in spec["forwards"]:
    threading.Thread(
        target=serve, args=(socket.create_server(("127.0.0.1", port), backlog=64), path), daemon=True
    ).start()
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("lo", 0))
threading.Thread(target=watch, args=(wire,), daemon=True).start()

ran = subprocess.run(spec["command"], env=spec["environment"], cwd=spec["folder"], capture_output=True)
# The last datagram is behind all others.
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
    last.sendto(b"", ("192.0.2.1", 9))
while "192.0.2.1:9" not in peers:
    pass
peers.discard("192.0.2.1:9")
text = lambda bytes: bytes.decode("utf-8", "replace")
print(json.dumps({"code": ran.returncode, "stdout": text(ran.stdout), "stderr": text(ran.stderr), "peers": sorted(peers)}))
