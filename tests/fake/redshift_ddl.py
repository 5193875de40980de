"""CREATE TABLE: what PostgreSQL does not know is taken out and remembered in the stand-in's catalog.

https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html
https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_AS.html
https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-datatypes.html
"""

from __future__ import annotations

import json
from typing import Any, Optional

from redshift_options import Words
from redshift_sql import Token, identifier, literal, scan
from redshift_wire import error

UNSUPPORTED_TYPES = set(
    "json jsonb bytea uuid serial bigserial smallserial xml money inet cidr macaddr macaddr8 point line lseg box path"
    " polygon circle bit tsvector tsquery int4range int8range numrange tsrange tstzrange daterange array".split()
)
ENCODINGS = set(
    "raw az64 bytedict delta delta32k lzo mostly8 mostly16 mostly32 runlength text255 text32k zstd auto".split()
)
TYPES = {
    "TEXT": "varchar(256)",
    "DATETIME": "timestamp",
    "SMALLDATETIME": "timestamp",
    "SUPER": "super",
    "VARBYTE": "bytea",
    "VARBINARY": "bytea",
}


class Table:
    """A rewritten statement, and what is to be remembered of its table."""

    def __init__(self, sql: str, words: Words):
        self.sql = sql
        self.words = words
        self.cuts: list[tuple[int, int, str]] = []
        self.table: dict[str, Any] = {}
        self.columns: dict[str, dict[str, Any]] = {}
        self.like: Optional[str] = None
        self.name = ""
        self.short_name = ""
        self.keep = False

    def text(self) -> str:
        sql = self.sql
        for start, end, new in sorted(self.cuts, reverse=True):
            sql = sql[:start] + new + sql[end:]
        return sql

    def remember(self) -> str:
        """The statement that puts it into the catalog."""
        given = json.dumps({"table": self.table, "columns": self.columns, "keep": self.keep})
        like = literal(self.like) if self.like else "null"
        return f"select pg_catalog.standin_remember({literal(self.name)}, {literal(given)}, {like})"

    def cut(self, first: Token, last: Token, new: str = "") -> None:
        self.cuts.append((first.start, last.end, new))

    def take_name(self) -> None:
        first = self.words.take()
        last = first
        while self.words.skip("."):
            last = self.words.take()
        self.name = self.sql[first.start : last.end]
        self.short_name = identifier(last)


def create_table(sql: str) -> Table:
    words = Words(scan(sql))
    made = Table(sql, words)
    words.expect("CREATE")
    for word in ("UNLOGGED", "GLOBAL", "FOREIGN"):
        if words.next and words.next.upper == word:
            raise words.wrong()
    words.skip("LOCAL")
    words.skip("TEMPORARY") or words.skip("TEMP")
    words.expect("TABLE")
    if words.skip("IF"):
        words.expect("NOT")
        words.expect("EXISTS")
        made.keep = True
    if words.next and words.next.kind == "word" and words.next.text.startswith("#"):
        raise words.wrong()
    made.take_name()
    is_as = "AS" in outer_words(words.tokens[words.at :])
    if words.next and words.next.upper == "(":
        items = take_list(words)
        if not is_as:
            for item in items:
                define(made, item)
    attributes(made, words, is_as)
    return made


def outer_words(tokens: list[Token]) -> list[str]:
    depth, found = 0, []
    for token in tokens:
        if token.kind == "op":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        elif depth == 0:
            found.append(token.upper)
    return found


def take_list(words: Words) -> list[list[Token]]:
    """What stands between brackets, by its outer commas."""
    words.expect("(")
    items: list[list[Token]] = [[]]
    depth = 0
    while True:
        token = words.take()
        if token.kind == "op":
            if token.text == ")" and depth == 0:
                return [item for item in items if item]
            if token.text == "," and depth == 0:
                items.append([])
                continue
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        items[-1].append(token)


def define(made: Table, item: list[Token]) -> None:
    first = item[0].upper
    if first == "LIKE":
        last = next((at for at, token in enumerate(item) if token.upper in ("INCLUDING", "EXCLUDING")), len(item))
        made.like = made.sql[item[1].start : item[last - 1].end]
        for token in item[last + 1 :]:
            if token.upper != "DEFAULTS":
                raise syntax(token)
    elif first == "CONSTRAINT" or first in ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
        table_constraint(made, item)
    else:
        column(made, item)


def table_constraint(made: Table, item: list[Token]) -> None:
    kinds = [token.upper for token in item]
    if "CHECK" in kinds:
        raise error("0A000", "CHECK constraints are not supported")
    if "FOREIGN" in kinds:
        # It constrains nothing in Redshift. A comma is left behind or before: so a constraint that says nothing.
        made.cut(item[0], item[-1], "like pg_catalog.standin_nothing")


def syntax(token: Token):
    return error("42601", f'syntax error at or near "{token.text}"', position=token.start + 1)


def column(made: Table, item: list[Token]) -> None:
    name = identifier(item[0])
    words = Words(item)
    words.take()
    given: dict[str, Any] = made.columns.setdefault(name, {})
    column_type(made, words, f"{made.short_name}.{name}", given)
    while words.next is not None:
        token = words.take()
        word = token.upper
        if word == "ENCODE":
            encoding = words.take()
            if encoding.text.lower() not in ENCODINGS:
                raise error("42601", f'unsupported encoding type "{encoding.text}"')
            given["encoding"] = encoding.text.lower()
            made.cut(token, encoding)
        elif word == "DISTKEY":
            given["distkey"] = True
            made.table["diststyle"] = "KEY"
            made.cut(token, token)
        elif word == "SORTKEY":
            given["sortkey"] = 1
            made.cut(token, token)
        elif word == "IDENTITY":
            end, seed, step = seed_and_step(words)
            made.cut(token, end, identity("ALWAYS", seed, step))
        elif word == "GENERATED":
            for expected in ("BY", "DEFAULT", "AS", "IDENTITY"):
                words.expect(expected)
            end, seed, step = seed_and_step(words)
            made.cut(token, end, identity("BY DEFAULT", seed, step))
        elif word == "REFERENCES":
            last = words.take()
            while words.next is not None and words.next.upper in (".", "("):
                while last.upper != ")" and words.next is not None:
                    last = words.take()
                    if last.upper not in (".", "(", ")") and words.next is not None and words.next.upper not in (".", "(", ")", ","):
                        break
            made.cut(token, last)
        elif word == "CHECK":
            raise error("0A000", "CHECK constraints are not supported")
        elif word == "COLLATE":
            if words.take().upper not in ("CASE_SENSITIVE", "CASE_INSENSITIVE"):
                raise error("42704", "collations of PostgreSQL are not supported")
            made.cut(token, words.tokens[words.at - 1])


def seed_and_step(words: Words) -> tuple[Token, int, int]:
    inner = take_list(words)
    numbers = [int("".join(token.text for token in part)) for part in inner]
    if len(numbers) != 2:
        raise words.wrong()
    return words.tokens[words.at - 1], numbers[0], numbers[1]


def identity(when: str, seed: int, step: int) -> str:
    bound = f"MINVALUE {seed}" if step > 0 else f"MAXVALUE {seed}"
    return f"GENERATED {when} AS IDENTITY (START WITH {seed} INCREMENT BY {step} {bound})"


def column_type(made: Table, words: Words, shown: str, given: dict[str, Any]) -> None:
    first = words.take()
    word, last = first.upper, first
    if first.text.lower() in UNSUPPORTED_TYPES:
        raise error("0A000", f'Column "{shown}" has unsupported type "{first.text.lower()}".')
    if word in ("CHARACTER", "NATIONAL", "BINARY"):
        while words.next is not None and words.next.upper in ("VARYING", "CHARACTER", "CHAR"):
            last = words.take()
        word = "VARBYTE" if word == "BINARY" else "VARCHAR" if last.upper == "VARYING" else "CHAR"
    sized = words.next is not None and words.next.upper == "("
    size: list[list[Token]] = []
    if sized:
        size = take_list(words)
        last = words.tokens[words.at - 1]
    length = size[0][0].upper or size[0][0].text if size else ""
    new = None
    if word in ("VARCHAR", "NVARCHAR"):
        new = f"varchar({'65535' if length.upper() == 'MAX' else length or '256'})"
    elif word in ("NCHAR", "BPCHAR"):
        new = f"char({length or ('256' if word == 'BPCHAR' else '1')})"
    elif word in ("VARBYTE", "VARBINARY"):
        given["type"] = f"binary varying({length or '64000'})"
        new = "bytea"
    elif word in ("NUMERIC", "DECIMAL", "DEC") and not sized:
        new = "numeric(18,0)"
    elif word in TYPES:
        new = TYPES[word]
    if word in ("VARCHAR", "NVARCHAR") and length.isdigit() and int(length) > 65535:
        raise error("0A000", "length for type character varying cannot exceed 65535")
    if words.next is not None and words.next.upper in ("[", "ARRAY"):
        raise error("0A000", f'Column "{shown}" has unsupported type "{first.text.lower()}[]".')
    if new is not None:
        made.cut(first, last, new)


def attributes(made: Table, words: Words, is_as: bool) -> None:
    """What stands after the columns."""
    while words.next is not None:
        token = words.take()
        word = token.upper
        if word == "AS" and is_as:
            return
        if word == "BACKUP":
            made.cut(token, words.take())
        elif word == "DISTSTYLE":
            style = words.take()
            if style.upper not in ("AUTO", "EVEN", "KEY", "ALL"):
                raise syntax(style)
            made.table["diststyle"] = style.upper
            made.cut(token, style)
        elif word == "DISTKEY":
            names = take_list(words)
            made.columns.setdefault(identifier(names[0][0]), {})["distkey"] = True
            made.table["diststyle"] = "KEY"
            made.cut(token, words.tokens[words.at - 1])
        elif word in ("COMPOUND", "INTERLEAVED", "SORTKEY"):
            if word != "SORTKEY":
                words.expect("SORTKEY")
            sort_key(made, words, word)
            made.cut(token, words.tokens[words.at - 1])
        elif word == "ENCODE":
            words.expect("AUTO")
            made.cut(token, words.tokens[words.at - 1])
        else:
            raise syntax(token)


def sort_key(made: Table, words: Words, style: str) -> None:
    made.table["sorted"] = style
    if words.skip("AUTO") or words.skip("NONE"):
        return
    for number, name in enumerate(take_list(words), 1):
        # The sign tells an interleaved key from a compound one: it alternates, as in pg_table_def.
        sign = -1 if style == "INTERLEAVED" and number % 2 == 0 else 1
        made.columns.setdefault(identifier(name[0]), {})["sortkey"] = number * sign
