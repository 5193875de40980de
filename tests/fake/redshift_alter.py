"""ALTER TABLE: what it changes in PostgreSQL, and what only in the stand-in's catalog.

https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html
https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE_APPEND.html
"""

from __future__ import annotations

from typing import Optional

from redshift_ddl import Table, column, column_type, sort_key
from redshift_options import Words
from redshift_sql import Token, identifier, scan
from redshift_wire import error


class Alter(Table):
    """ALTER TABLE: `only_remembered` where PostgreSQL has nothing to do."""

    only_remembered = False
    outside_transaction: Optional[str] = None
    append_from: Optional[str] = None


def alter_table(sql: str) -> Alter:
    words = Words(scan(sql))
    made = Alter(sql, words)
    words.expect("ALTER")
    words.expect("TABLE")
    for word in ("IF", "ONLY"):
        if words.next and words.next.upper == word:
            raise words.wrong()
    made.take_name()
    made.keep = True
    if words.skip("APPEND"):
        words.expect("FROM")
        first = words.take()
        last = first
        while words.skip("."):
            last = words.take()
        made.append_from = sql[first.start : last.end]
        made.outside_transaction = "ALTER TABLE APPEND cannot run inside a transaction block"
    elif words.skip("ADD"):
        add(made, words)
    elif words.skip("ALTER"):
        alter(made, words)
    elif words.skip("SET"):
        raise error("0A000", "ALTER TABLE SET is not supported for this table")
    elif "," in [token.text for token in words.tokens[words.at :]]:
        raise error("0A000", "ALTER TABLE with several actions is not supported")
    return made


def add(made: Alter, words: Words) -> None:
    token = words.next
    kinds = [one.upper for one in words.tokens[words.at :]]
    if token and token.upper in ("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
        if "CHECK" in kinds:
            raise error("0A000", "CHECK constraints are not supported")
        if "FOREIGN" in kinds:
            made.only_remembered = True
        return
    words.skip("COLUMN")
    if words.next and words.next.upper == "IF":
        raise words.wrong()
    if "," in outer_commas(words.tokens[words.at :]):
        raise error("0A000", "ALTER TABLE ADD COLUMN of several columns is not supported")
    column(made, words.tokens[words.at :])


def outer_commas(tokens: list[Token]) -> list[str]:
    depth, found = 0, []
    for token in tokens:
        if token.kind == "op":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if depth == 0:
                found.append(token.text)
    return found


def alter(made: Alter, words: Words) -> None:
    made.only_remembered = True
    if words.skip("DISTKEY"):
        made.table["diststyle"] = "KEY"
        made.table["clear distkey"] = True
        made.columns[identifier(words.take())] = {"distkey": True}
        return
    if words.skip("DISTSTYLE"):
        made.table["diststyle"] = words.take().upper
        made.table["clear distkey"] = made.table["diststyle"] != "KEY"
        if words.skip("DISTKEY"):
            made.columns[identifier(words.take())] = {"distkey": True}
        return
    if words.skip("COMPOUND") or (words.next and words.next.upper == "SORTKEY"):
        words.expect("SORTKEY")
        made.table["clear sortkey"] = True
        sort_key(made, words, "COMPOUND")
        return
    if words.skip("ENCODE"):
        words.expect("AUTO")
        return
    words.skip("COLUMN")
    name = identifier(words.take())
    if words.skip("ENCODE"):
        made.columns[name] = {"encoding": words.take().text.lower()}
        return
    if not words.skip("TYPE"):
        raise error("0A000", "ALTER COLUMN SET or DROP is not supported")
    made.only_remembered = False
    if words.next is None or words.next.upper not in ("VARCHAR", "CHARACTER", "NVARCHAR"):
        raise error("0A000", 'target data type is not supported: only the size of a VARCHAR can be changed')
    made.outside_transaction = "ALTER TABLE ALTER COLUMN cannot run inside a transaction block"
    column_type(made, words, f"{made.short_name}.{name}", {})
