"""The extended protocol (Parse, Bind, Execute): each message is answered before the next is looked at.

A statement of the stand-in's own is known by its name, and carried out at Execute; PostgreSQL never hears of it.
"""

from __future__ import annotations

import struct
from typing import Any

import redshift_dialect
from redshift_sql import split
from redshift_wire import PgError, error, fields_of, payload_of

# The answers after which a message is done with.
LAST = {b"1", b"2", b"3", b"n", b"T", b"C", b"I", b"s"}


class Extended:
    """This side of a session; the rest of it is in redshift_session.py."""

    backend: Any
    guarded: Any
    statement: Any
    tell: Any
    aside: Any
    state: str

    def __init__(self) -> None:
        # Name of a statement to text and plan, name of a portal to name of a statement.
        self.prepared: dict[str, tuple[str, redshift_dialect.Plan]] = {}
        self.portals: dict[str, str] = {}

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
            if answer in LAST:
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
                self.tell(kind, payload_of(fields_of(payload)))
            if kind == b"Z":
                return
