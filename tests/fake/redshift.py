#!/usr/bin/env python3
"""A stand-in for Redshift before PostgreSQL and an emulator of S3. See README.md beside this file.

usage: redshift.py --postgres HOST:PORT --user NAME --s3 URL --region NAME --access-key-id ID --role ARN...
                   [--port N] [--control-port N] [--certificate FILE --key FILE]
The secret key of S3 is in the environment: AWS_SECRET_ACCESS_KEY. The user is a superuser of PostgreSQL without password.
Prints `ready PORT CONTROL_PORT`. With --until-eof it serves until its standard input ends.
"""

from __future__ import annotations

import argparse
import os
import socket
import ssl
import struct
import sys
import threading
from pathlib import Path
from typing import Any

from redshift_faults import Faults
from redshift_s3 import Keys
from redshift_session import Session
from redshift_wire import Client, PgError
from web import Request, Response, serve

CATALOG = Path(__file__).with_name("redshift_catalog.sql")


class Server:
    """What all sessions share."""

    def __init__(self, given: argparse.Namespace):
        host, _, port = given.postgres.rpartition(":")
        self.postgres = (host, int(port))
        self.superuser = given.user
        self.endpoint = given.s3
        self.region = given.region
        self.keys = Keys(given.access_key_id, os.environ["AWS_SECRET_ACCESS_KEY"])
        self.roles = set(given.role)
        self.faults = Faults()
        self.sessions: dict[int, Session] = {}
        self.preparing = threading.Lock()
        self.tls = None
        if given.certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(given.certificate, given.key)

    def listen(self, port: int) -> int:
        listener = socket.create_server(("127.0.0.1", port), backlog=256)
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()
        return listener.getsockname()[1]

    def accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Session(self, connection).run, daemon=True).start()

    def admin(self, database: str) -> Client:
        return Client(self.postgres, self.superuser, database)

    def prepare(self, database: str) -> None:
        """Gives a database what Redshift's have. One that cannot be entered is told so by PostgreSQL."""
        try:
            with self.preparing, self.admin(database) as admin:
                if admin.query("select pg_catalog.to_regclass('pg_catalog.stl_load_errors')").rows[0][0] is None:
                    admin.query(CATALOG.read_text())
        except PgError as wrong:
            if wrong.fields.get("C") not in ("3D000", "53300", "57P03"):
                print(f"the catalog of {database}: {wrong}", file=sys.stderr, flush=True)

    def cancel(self, payload: bytes) -> None:
        _, pid, _ = struct.unpack_from("!III", payload)
        if pid in self.sessions:
            self.sessions[pid].canceled.set()
        with socket.create_connection(self.postgres) as behind:
            behind.sendall(struct.pack("!I", len(payload) + 4) + payload)
            behind.recv(1)

    def control(self, request: Request) -> Response:
        database = request.query.get("database", "")
        try:
            value = self.controlled((request.method, request.segments[-1]), database, request)
            return Response(200, {} if value is None else value)
        except (ValueError, KeyError, TypeError) as wrong:
            return Response(400, {"error": str(wrong)})

    def controlled(self, what: tuple[str, str], database: str, request: Request) -> Any:
        if what == ("POST", "rules"):
            return self.faults.add(request.json())
        if what == ("GET", "rules"):
            return self.faults.of(database)
        if what == ("DELETE", "rules"):
            return self.faults.forget(database)
        if what == ("GET", "wait"):
            state = self.faults.wait(database, request.query["rule"], int(request.query.get("count", 1)))
            if state is None:
                raise ValueError("nothing came")
            return state
        if what == ("POST", "release"):
            return self.faults.release(database, request.json()["id"])
        if what == ("GET", "statements"):
            return list(self.faults.statements[database])
        raise ValueError(f"no such control: {what}")


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("postgres", "user", "s3", "region", "access-key-id"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--role", action="append", default=[])
    for name in ("port", "control-port"):
        parser.add_argument(f"--{name}", type=int, default=0)
    for name in ("certificate", "key"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--until-eof", action="store_true")
    given = parser.parse_args()
    server = Server(given)
    control = serve(given.control_port, server.control)
    port = server.listen(given.port)
    print("ready", port, control.server_address[1], flush=True)
    if given.until_eof:
        threading.Thread(target=control.serve_forever, daemon=True).start()
        sys.stdin.read()
        os._exit(0)  # sessions are not waited for
    control.serve_forever()


if __name__ == "__main__":
    main()
