"""PostgreSQL's wire protocol, version 3: messages, errors, and a plain client for the stand-in's own questions."""

from __future__ import annotations

import socket
import struct
from typing import Callable, Iterable, Optional

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
PROTOCOL = 196608


class PgError(Exception):
    """An error as it goes over the wire: one text for each field's letter."""

    def __init__(self, fields: dict[str, str]):
        super().__init__(fields.get("M", ""))
        self.fields = fields


def error(code: str, message: str, hint: str = "", detail: str = "", position: int = 0) -> PgError:
    fields = {"S": "ERROR", "C": code, "M": message}
    if detail:
        fields["D"] = detail
    if hint:
        fields["H"] = hint
    if position:
        fields["P"] = str(position)
    return PgError(fields)


def fields_of(payload: bytes) -> dict[str, str]:
    """What came later than PostgreSQL 8 (severity in English, names of schema, table, column) is left out."""
    fields = {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in payload.split(b"\0") if part}
    return {letter: text for letter, text in fields.items() if letter not in "Vstcdn"}


def payload_of(fields: dict[str, str]) -> bytes:
    return b"".join(letter.encode() + text.encode() + b"\0" for letter, text in fields.items()) + b"\0"


class Wire:
    """One end of a connection, in messages."""

    def __init__(self, connection: socket.socket):
        self.use(connection)

    def use(self, connection: socket.socket) -> None:
        self.connection = connection
        self.reader = connection.makefile("rb")
        self.writer = connection.makefile("wb")

    def exactly(self, count: int) -> bytes:
        content = self.reader.read(count)
        if content is None or len(content) < count:
            raise ConnectionError("the peer went away")
        return content

    def untyped(self) -> bytes:
        (length,) = struct.unpack("!I", self.exactly(4))
        return self.exactly(length - 4)

    def message(self) -> tuple[bytes, bytes]:
        kind = self.exactly(1)
        return kind, self.untyped()

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        self.writer.write(kind + struct.pack("!I", len(payload) + 4) + payload)

    def flush(self) -> None:
        self.writer.flush()

    def close(self) -> None:
        for one in (self.writer, self.reader, self.connection):
            try:
                one.close()
            except OSError:
                pass


def row_of(payload: bytes) -> list[Optional[bytes]]:
    (count,) = struct.unpack_from("!H", payload)
    at, values = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", payload, at)
        at += 4
        values.append(None if length < 0 else payload[at : at + length])
        at += max(length, 0)
    return values


def columns_of(payload: bytes) -> list[tuple[str, int, int]]:
    """Name, type and modifier of the columns of a RowDescription."""
    (count,) = struct.unpack_from("!H", payload)
    at, columns = 2, []
    for _ in range(count):
        end = payload.index(b"\0", at)
        name = payload[at:end].decode()
        _, _, kind, _, modifier, _ = struct.unpack_from("!IHIhih", payload, end + 1)
        columns.append((name, kind, modifier))
        at = end + 19
    return columns


def row_description(columns: Iterable[tuple[str, int]]) -> bytes:
    columns = list(columns)
    parts = [struct.pack("!H", len(columns))]
    for name, kind in columns:
        parts.append(name.encode() + b"\0" + struct.pack("!IHIhih", 0, 0, kind, -1, -1, 0))
    return b"".join(parts)


def data_row(values: Iterable[Optional[str]]) -> bytes:
    values = list(values)
    parts = [struct.pack("!H", len(values))]
    for value in values:
        if value is None:
            parts.append(struct.pack("!i", -1))
        else:
            content = value.encode()
            parts.append(struct.pack("!i", len(content)) + content)
    return b"".join(parts)


class Result:
    """What a statement gave: the columns of its rows, the rows, and the tag of its end."""

    def __init__(self) -> None:
        self.columns: list[tuple[str, int, int]] = []
        self.rows: list[list[Optional[str]]] = []
        self.tag = ""

    @property
    def first(self) -> Optional[list[Optional[str]]]:
        return self.rows[0] if self.rows else None


def ask(
    wire: Wire,
    sql: str,
    aside: Callable[[bytes, bytes], None],
    data: Optional[Iterable[bytes]] = None,
) -> tuple[Result, str]:
    """Runs one statement; `data` is what COPY ... FROM STDIN gets. Gives the state of the transaction too.

    An error is raised after the server is ready again; its attribute `state` holds that state.
    """
    wire.send(b"Q", sql.encode() + b"\0")
    wire.flush()
    result, failed = Result(), None
    while True:
        kind, payload = wire.message()
        if kind == b"T":
            result.columns = columns_of(payload)
        elif kind == b"D":
            result.rows.append([None if v is None else v.decode("utf-8", "replace") for v in row_of(payload)])
        elif kind == b"C":
            result.tag = payload[:-1].decode()
        elif kind == b"E":
            failed = PgError(fields_of(payload))
        elif kind == b"G":
            for part in data or ():
                wire.send(b"d", part)
            wire.send(b"c")
            wire.flush()
        elif kind == b"Z":
            state = payload.decode()
            if failed:
                failed.state = state
                raise failed
            return result, state
        elif kind in (b"N", b"S", b"A"):
            aside(kind, payload)


class Client:
    """A connection of the stand-in itself, as a user who needs no password."""

    def __init__(self, address: tuple[str, int], user: str, database: str):
        self.wire = Wire(socket.create_connection(address))
        parameters = f"user\0{user}\0database\0{database}\0client_encoding\0UTF8\0\0".encode()
        payload = struct.pack("!I", PROTOCOL) + parameters
        self.wire.writer.write(struct.pack("!I", len(payload) + 4) + payload)
        self.wire.flush()
        while True:
            kind, payload = self.wire.message()
            if kind == b"E":
                self.wire.close()
                raise PgError(fields_of(payload))
            if kind == b"Z":
                return

    def query(self, sql: str, data: Optional[Iterable[bytes]] = None) -> Result:
        return ask(self.wire, sql, lambda *_: None, data)[0]

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()
