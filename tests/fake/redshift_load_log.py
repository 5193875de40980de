"""What Redshift notes of a load. It is written over a connection of its own: a rollback does not take it back."""

from __future__ import annotations

from typing import Any, Iterable, Optional

from redshift_sql import literal
from redshift_wire import Client


class LoadLog:
    """The notes of one COPY."""

    def __init__(self, admin: Client, user: str, pid: int, sql: str):
        self.admin = admin
        self.pid = pid
        found = admin.query(
            f"select nextval('pg_catalog.standin_query'), (select usesysid from pg_user where usename = {literal(user)})"
        )
        self.query, self.user = (int(one or 0) for one in found.rows[0])
        admin.query(
            f"insert into pg_catalog.standin_last_copy values ({pid}, {self.query}, 0) "
            f"on conflict (pid) do update set query = excluded.query, count = 0"
        )

    def finish(self, table: str, counts: dict[str, int], wrong: Iterable[Any], format: Optional[str]) -> None:
        """One row for each file, one for each record that was refused."""
        for uri, lines in counts.items():
            self.admin.query(
                "insert into pg_catalog.stl_load_commits values "
                f"({self.user}, {self.query}, 0, {literal(uri)}, {literal(uri)}, 0, {lines}, -1, "
                f"now() at time zone 'UTC', 1, {literal(format or 'Text')}, 0, 0)"
            )
        for one in wrong:
            column, text = one.column, lambda content: literal(content.decode("utf-8", "replace").replace("\0", "")[:1024])
            name, kind, length = (column.name, column.shown_type, column.shown_length) if column else ("", "", "")
            self.admin.query(
                "insert into pg_catalog.stl_load_errors values "
                f"({self.user}, 0, coalesce(pg_catalog.to_regclass({literal(table)})::oid::int, 0), "
                f"now() at time zone 'UTC', {self.pid}, {self.query}, {literal(one.uri)}, {one.line}, {literal(name)}, "
                f"{literal(kind[:10])}, {literal(length)}, {one.position}, {text(one.raw)}, {text(one.value)}, "
                f"{one.bad.code}, {literal(one.bad.reason[:100])}, 0, 0, 0)"
            )

    def loaded(self, count: int) -> None:
        self.admin.query(f"update pg_catalog.standin_last_copy set count = {count} where pid = {self.pid}")
        self.admin.wire.close()
