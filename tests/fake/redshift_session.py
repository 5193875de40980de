"""One client: its start, its statements by both protocols, and the connection to PostgreSQL behind."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from typing import Any, Iterable, Iterator, Optional

import redshift_dialect
from redshift_extended import Extended
from redshift_faults import Rule
from redshift_load_log import LoadLog
from redshift_options import Options
from redshift_s3 import S3, internal
from redshift_sql import split
from redshift_wire import (
    CANCEL_REQUEST,
    GSS_REQUEST,
    PROTOCOL,
    SSL_REQUEST,
    PgError,
    Result,
    Wire,
    ask,
    error,
    fields_of,
    payload_of,
)

# What Redshift's own drivers send beyond these is not PostgreSQL's.
KNOWN_PARAMETERS = {"user", "database", "application_name", "client_encoding", "options", "datestyle", "timezone"}
REPORTED = {"server_version": "8.0.2", "standard_conforming_strings": "off"}
BEGINS = {"BEGIN", "START"}
ENDS = {"COMMIT", "END", "ROLLBACK", "ABORT"}
DIALECT = "set standard_conforming_strings = off; set escape_string_warning = off; set backslash_quote = on"


class Cut(Exception):
    """The connection ends here."""


class Session(Extended):
    """A client's connection, in a thread of its own."""

    def __init__(self, server: Any, connection: socket.socket):
        self.server = server
        self.client = Wire(connection)
        self.state = "I"
        self.mute = False
        self.canceled = threading.Event()
        self.backend: Optional[Wire] = None
        self.database = self.user = ""
        self.pid = 0
        super().__init__()

    def run(self) -> None:
        try:
            if self.start():
                self.serve()
        except (ConnectionError, OSError, Cut, ssl.SSLError, ValueError):
            pass
        finally:
            self.server.sessions.pop(self.pid, None)
            self.client.close()
            if self.backend:
                self.backend.close()

    # The start.

    def start(self) -> bool:
        payload = self.client.untyped()
        while True:
            (code,) = struct.unpack_from("!I", payload)
            if code == SSL_REQUEST and self.server.tls:
                self.client.writer.write(b"S")
                self.client.flush()
                self.client.use(self.server.tls.wrap_socket(self.client.connection, server_side=True))
            elif code in (SSL_REQUEST, GSS_REQUEST):
                self.client.writer.write(b"N")
                self.client.flush()
            elif code == CANCEL_REQUEST:
                self.server.cancel(payload)
                return False
            else:
                break
            payload = self.client.untyped()
        texts = payload[4:].decode("utf-8", "replace").split("\0")
        given = dict(zip(texts[::2], texts[1::2]))
        self.user = given.get("user", "")
        self.database = given.setdefault("database", self.user)
        self.server.prepare(self.database)
        if given.get("client_encoding", "").upper() in ("UNICODE", "'UTF-8'"):
            given["client_encoding"] = "UTF8"
        self.backend = Wire(socket.create_connection(self.server.postgres))
        kept = "".join(f"{name}\0{text}\0" for name, text in given.items() if name.lower() in KNOWN_PARAMETERS)
        payload = struct.pack("!I", PROTOCOL) + kept.encode() + b"\0"
        self.backend.writer.write(struct.pack("!I", len(payload) + 4) + payload)
        self.backend.flush()
        return self.log_in()

    def log_in(self) -> bool:
        while True:
            kind, payload = self.backend.message()
            if kind == b"S":
                payload = reported(payload)
            if kind == b"K":
                (self.pid,) = struct.unpack_from("!I", payload)
                self.server.sessions[self.pid] = self
            if kind == b"Z":
                ask(self.backend, DIALECT, lambda *_: None)
            self.client.send(kind, payload)
            self.client.flush()
            if kind == b"E":
                return False
            if kind == b"Z":
                return True
            if kind == b"R" and struct.unpack_from("!I", payload)[0] in (3, 5, 10, 11):
                self.backend.send(*self.client.message())
                self.backend.flush()

    # Statements.

    def serve(self) -> None:
        skip = False
        while True:
            kind, payload = self.client.message()
            if kind == b"X":
                return
            if kind == b"Q":
                self.simple(payload[:-1].decode("utf-8", "replace"))
                skip = False
            elif kind == b"S":
                skip = False
                self.sync()
            elif not skip:
                skip = not self.extended(kind, payload)
            self.client.flush()

    def simple(self, text: str) -> None:
        statements = split(text)
        implicit, ok = False, True
        if not statements:
            self.tell(b"I")
        for statement in statements:
            word = statement.split(None, 1)[0].upper().rstrip(";")
            if implicit and word in BEGINS:
                implicit = False
                self.complete("BEGIN")
                continue
            if len(statements) > 1 and self.state == "I" and word not in BEGINS | ENDS:
                self.inner("begin")
                implicit = True
            elif word in ENDS:
                implicit = False
            ok = self.statement(statement, lambda: self.perform(redshift_dialect.plan(statement)))
            if not ok:
                break
        if implicit:
            ok = self.guarded(lambda: self.inner("commit" if ok else "rollback"))
        self.tell(b"Z", self.state.encode())

    def statement(self, text: str, do: Any) -> bool:
        """Carries a statement out, with the fault that it falls under. Whether it went well."""
        rule = self.server.faults.take(self.database, self.user, text)
        if rule is None:
            return self.guarded(do)
        return self.guarded(lambda: self.faulty(rule, do))

    def faulty(self, rule: Rule, do: Any) -> None:
        if rule.action == "cut":
            raise Cut
        if rule.action == "fail":
            raise rule.error()
        if rule.action == "hold":
            self.hold(rule)
            do()
            return
        self.mute = True
        do()
        if rule.action == "cut_after":
            self.settle()
            raise Cut
        self.mute = False
        raise rule.error()

    def settle(self) -> None:
        """Ends what the extended protocol began."""
        self.backend.send(b"S")
        self.backend.flush()
        while self.backend.message()[0] != b"Z":
            pass

    def hold(self, rule: Rule) -> None:
        self.canceled.clear()
        self.server.faults.held(rule, 1)
        try:
            while not rule.released.wait(0.02):
                if self.canceled.is_set():
                    raise error("57014", "Query (0) cancelled on user's request")
                if self.client_is_gone():
                    raise Cut
        finally:
            self.server.faults.held(rule, -1)

    def client_is_gone(self) -> bool:
        if not select.select([self.client.connection], [], [], 0)[0]:
            return False
        if isinstance(self.client.connection, ssl.SSLSocket):
            return True  # a client that waits sends nothing but its goodbye
        try:
            return self.client.connection.recv(1, socket.MSG_PEEK) in (b"", b"X")
        except OSError:
            return True

    def guarded(self, do: Any) -> bool:
        try:
            do()
            return True
        except PgError as wrong:
            if self.state == "T":
                with contextlib.suppress(PgError):
                    self.inner("select 1/0")  # the transaction is at its end for PostgreSQL as well
            self.tell(b"E", payload_of(wrong.fields))
            return False

    def perform(self, plan: redshift_dialect.Plan) -> None:
        if plan.special:
            plan.special(self)
            return
        self.backend.send(b"Q", plan.text.encode() + b"\0")
        self.backend.flush()
        failed = None
        while True:
            kind, payload = self.backend.message()
            if kind == b"Z":
                self.state = payload.decode()
                break
            if kind == b"E":
                failed = PgError(fields_of(payload))
            else:
                self.aside(kind, payload)
        if failed:
            raise failed

    # What statements of the stand-in itself use.

    def inner(self, sql: str, data: Optional[Iterable[bytes]] = None) -> Result:
        try:
            result, self.state = ask(self.backend, sql, self.aside, data)
            return result
        except PgError as wrong:
            self.state = wrong.state
            raise

    def forward(self, sql: str) -> str:
        """A statement without rows; its tag."""
        return self.inner(sql).tag

    @property
    def in_transaction(self) -> bool:
        return self.state != "I"

    @contextlib.contextmanager
    def one_transaction(self) -> Iterator[None]:
        if self.in_transaction:
            yield
            return
        self.inner("begin")
        try:
            yield
        except PgError:
            self.inner("rollback")
            raise
        self.inner("commit")

    def complete(self, tag: str) -> None:
        self.tell(b"C", tag.encode() + b"\0")

    def info(self, text: str) -> None:
        self.tell(b"N", payload_of({"S": "INFO", "C": "00000", "M": text}))

    def aside(self, kind: bytes, payload: bytes) -> None:
        if kind == b"N":
            payload = payload_of(fields_of(payload))
        self.tell(kind, reported(payload) if kind == b"S" else payload)

    def tell(self, kind: bytes, payload: bytes = b"") -> None:
        if not self.mute:
            self.client.send(kind, payload)

    def s3(self, options: Options) -> S3:
        region = options.get("REGION")
        if region is not None and region != self.server.region:
            text = (
                "S3ServiceException:The bucket you are attempting to access must be addressed using the specified "
                "endpoint. Please send all future requests to this endpoint.,Status 301,Error PermanentRedirect"
            )
            raise internal(text, 8001)
        if options.role is not None:
            if options.role not in self.server.roles and options.role != "default":
                raise internal(f"Not authorized to get credentials of role {options.role}", 30000)
            return S3(self.server.endpoint, self.server.region, self.server.keys)
        if options.keys is None:
            raise error("42601", "No credentials were given: IAM_ROLE or CREDENTIALS is needed")
        return S3(self.server.endpoint, self.server.region, options.keys)

    def start_load(self, sql: str) -> LoadLog:
        return LoadLog(self.server.admin(self.database), self.user, self.pid, sql)


def reported(payload: bytes) -> bytes:
    name = payload.split(b"\0", 1)[0].decode()
    if name in REPORTED:
        return f"{name}\0{REPORTED[name]}\0".encode()
    return payload
