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
SYNCED = {b"1", b"2", b"3", b"n", b"T", b"C", b"I", b"s", b"E"}


class Cut(Exception):
    """The connection ends here."""


class Session:
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
        # Extended protocol: name of a statement to text and plan, name of a portal to name of a statement.
        self.prepared: dict[str, tuple[str, redshift_dialect.Plan]] = {}
        self.portals: dict[str, str] = {}

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
            self.tell(b"E", payload_of({"V": wrong.fields.get("S", "ERROR"), **wrong.fields}))
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

    # The extended protocol: each message is answered before the next is looked at.

    def extended(self, kind: bytes, payload: bytes) -> bool:
        if kind == b"H":
            return True
        name = payload.split(b"\0", 1)[0].decode() if kind in b"PBE" else payload[1:-1].decode()
        if kind == b"P":
            return self.guarded(lambda: self.parse(name, payload))
        if kind == b"B":
            portal, statement = (part.decode() for part in payload.split(b"\0", 2)[:2])
            self.portals[portal] = statement
            return self.unless_special(statement, kind, payload, b"2")
        if kind == b"D":
            is_statement = payload[:1] == b"S"
            statement = name if is_statement else self.portals.get(name, "")
            if is_statement and self.special(statement):
                self.tell(b"t", struct.pack("!H", 0))
            return self.unless_special(statement, kind, payload, b"n")
        if kind == b"C":
            self.portals.pop(name, None) if payload[:1] == b"P" else self.prepared.pop(name, None)
            return self.guarded(lambda: self.hand_on(kind, payload))
        if kind == b"E":
            text, plan = self.prepared.get(self.portals.get(name, ""), ("", redshift_dialect.Plan("")))
            if plan.special:
                return self.statement(text, lambda: plan.special(self))
            return self.statement(text, lambda: self.hand_on(kind, payload))
        return self.guarded(lambda: self.refuse(kind))

    def refuse(self, kind: bytes) -> None:
        raise error("08P01", f"message of the kind {kind!r} is not expected")

    def parse(self, name: str, payload: bytes) -> None:
        _, sql, rest = payload.split(b"\0", 2)
        text = sql.decode()
        statements = split(text)
        plan = redshift_dialect.plan(statements[0] if len(statements) == 1 else text)
        self.prepared[name] = (text, plan)
        if plan.special:
            self.tell(b"1")
            return
        self.hand_on(b"P", name.encode() + b"\0" + plan.text.encode() + b"\0" + rest)

    def special(self, statement: str) -> bool:
        return statement in self.prepared and self.prepared[statement][1].special is not None

    def unless_special(self, statement: str, kind: bytes, payload: bytes, answer: bytes) -> bool:
        if self.special(statement):
            self.tell(answer)
            return True
        return self.guarded(lambda: self.hand_on(kind, payload))

    def hand_on(self, kind: bytes, payload: bytes) -> None:
        self.backend.send(kind, payload)
        self.backend.send(b"H")
        self.backend.flush()
        while True:
            answer, content = self.backend.message()
            if answer == b"E":
                raise PgError(fields_of(content))
            self.aside(answer, content)
            if answer in SYNCED:
                return

    def sync(self) -> None:
        self.backend.send(b"S")
        self.backend.flush()
        while True:
            kind, payload = self.backend.message()
            if kind == b"Z":
                self.state = payload.decode()
            if kind != b"E":
                self.aside(kind, payload)
            else:
                self.tell(kind, payload)
            if kind == b"Z":
                return

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
