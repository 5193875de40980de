"""COPY ... FROM 's3://...': finds the files, reads their records, holds each field against its column, loads the rest.

https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html
https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
"""

from __future__ import annotations

import json
from typing import Any, Iterator, NamedTuple, Optional

from redshift_formats import Record, records, refuse_format, unpacked
from redshift_options import Words, read_copy
from redshift_parquet import parquet_rows, parquet_value
from redshift_s3 import S3, S3Error, bucket_and_key, internal
from redshift_sql import identifier, literal
from redshift_values import Bad, Column, convert
from redshift_wire import PgError, error

ROWS_A_PART = 1000
LOAD_ERROR_LIMIT = 20


class Source(NamedTuple):
    """A file to load."""

    uri: str
    content: bytes


class Wrong(NamedTuple):
    """A row of stl_load_errors."""

    uri: str
    line: int
    column: Optional[Column]
    position: int
    raw: bytes
    value: bytes
    bad: Bad


class Copy:
    """One statement, parsed."""

    def __init__(self, sql: str, words: Words):
        self.sql = sql
        words.expect("COPY")
        first = words.next.start if words.next else 0
        parts = [identifier(words.take())]
        while words.skip("."):
            parts.append(identifier(words.take()))
        self.name = parts[-1]
        self.columns: list[str] = []
        self.table = sql[first : words.tokens[words.at - 1].end]
        if words.skip("("):
            while not words.skip(")"):
                self.columns.append(identifier(words.take()))
                words.skip(",")
        words.skip("AS")
        if words.skip("TO"):
            raise error("0A000", "COPY TO is not supported", hint="Use UNLOAD")
        words.expect("FROM")
        if words.next is None or words.next.kind != "string":
            # The words of Redshift for COPY FROM STDIN too.
            raise error("0A000", "LOAD source is not supported. (Hint: only S3 or DynamoDB or EMR based load is allowed)")
        self.uri = words.text()
        if not self.uri.startswith("s3://"):
            raise error("0A000", "LOAD source is not supported. (Hint: only S3 or DynamoDB or EMR based load is allowed)")
        self.options = read_copy(words)
        refuse_format(self.options)

    def run(self, session) -> None:
        columns = self.target(session)
        log = session.start_load(self.sql)
        s3 = session.s3(self.options)
        try:
            sources = self.sources(s3)
            if self.options.format == "JSON" and self.options.json_paths.startswith("s3://"):
                self.options.json_paths = "paths:" + json_paths(s3, self.options.json_paths)
        except S3Error as refused:
            raise refused.to_sql() from None
        wrong: list[Wrong] = []
        lines: list[str] = []
        counts: dict[str, int] = {}
        for source in sources:
            counts[source.uri] = 0
            for line in self.lines(source, columns, wrong):
                lines.append(line)
                counts[source.uri] += 1
        log.finish(self.name, counts, wrong, self.options.format)
        limit = max(1, self.options.get("MAXERROR", 0))
        if len(wrong) >= limit and "IGNOREALLERRORS" not in self.options:
            raise failed_load(self.name, log.query)
        loaded = 0 if "NOLOAD" in self.options else len(lines)
        if loaded:
            names = ", ".join(quoted(column.name) for column in columns)
            parts = ("".join(lines[at : at + ROWS_A_PART]).encode() for at in range(0, loaded, ROWS_A_PART))
            session.inner(f"copy {self.table} ({names}) from stdin", parts)
        log.loaded(loaded)
        said = f"Load into table '{self.name}' completed"
        if wrong:
            session.info(f"{said}, {len(wrong)} record(s) could not be loaded.  Check 'stl_load_errors' system table for details.")
        session.info(f"{said}, {loaded} record(s) loaded successfully.")
        session.complete("COPY")

    def target(self, session) -> list[Column]:
        """The columns that are loaded, in the order of the file."""
        try:
            found = session.inner(COLUMNS.format(table=literal(self.table))).rows
        except PgError as missing:
            if missing.fields.get("C") in ("42P01", "3F000"):
                raise error("42P01", f"Cannot COPY into nonexistent table {self.name}") from None
            raise
        all_columns = [
            Column(name, {"jsonb": "super"}.get(kind, kind), int(modifier), not_null == "t", default == "t", identity != "")
            for name, kind, modifier, not_null, default, identity in found
        ]
        explicit = "EXPLICIT_IDS" in self.options
        if not self.columns:
            return [column for column in all_columns if explicit or not column.identity]
        by_name = {column.name: column for column in all_columns}
        missing = [name for name in self.columns if name not in by_name]
        if missing:
            raise error("42703", f'column "{missing[0]}" of relation "{self.name}" does not exist')
        for name in self.columns:
            if by_name[name].identity and not explicit:
                raise error("XX000", f"cannot set an identity column to a value: {name}")
        for column in all_columns:
            if column.not_null and not column.has_default and not column.identity and column.name not in self.columns:
                raise error("XX000", f'NOT NULL column without DEFAULT must be included in column list: "{column.name}"')
        return [by_name[name] for name in self.columns]

    def sources(self, s3: S3) -> list[Source]:
        bucket, key = bucket_and_key(self.uri)
        if "MANIFEST" in self.options:
            return list(self.manifest(s3, bucket, key))
        listed = [(name, size) for name, size in s3.list(bucket, key)]
        if not listed:
            raise internal(f"The specified S3 prefix '{key}' does not exist", 8001)
        return [Source(f"s3://{bucket}/{name}", s3.get(bucket, name)) for name, _ in listed]

    def manifest(self, s3: S3, bucket: str, key: str) -> Iterator[Source]:
        try:
            given = s3.get(bucket, key)
        except S3Error as refused:
            if refused.status == 404:
                raise internal(f"Problem reading manifest file - {refused.to_sql()}", 8001) from None
            raise
        try:
            entries = json.loads(given)["entries"]
            urls = [(entry["url"], entry.get("mandatory", False), entry.get("meta", {})) for entry in entries]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise internal("Problem reading manifest file - it is not in the form of a manifest", 8001) from None
        found = 0
        for url, mandatory, meta in urls:
            length = meta.get("content_length")
            if self.options.format == "PARQUET" and length is None:
                raise internal("'meta' key must be specified in manifest file with a content_length for columnar formats", 8001)
            try:
                content = s3.get(*bucket_and_key(url))
            except S3Error as refused:
                if refused.status == 404 and not mandatory:
                    continue
                raise
            if length is not None and length != len(content):
                raise internal(f"Manifest content_length {length} does not match the size of {url}: {len(content)}", 8001)
            found += 1
            yield Source(url, content)
        if not found:
            raise internal("No files of the manifest were found", 8001)

    def lines(self, source: Source, columns: list[Column], wrong: list[Wrong]) -> Iterator[str]:
        """Each good record in the form of PostgreSQL's COPY."""
        limit = max(1, self.options.get("MAXERROR", 0))
        if self.options.format == "PARQUET":
            for row in parquet_rows(source.content, source.uri, columns):
                yield line_of(parquet_value(value, column, source.uri) for value, column in zip(row, columns))
            return
        for record in records(unpacked(source.content, self.options), self.options, columns):
            if len(wrong) >= limit:
                return
            values = self.values(record, source.uri, columns, wrong)
            if values is not None:
                yield line_of(values)

    def values(self, record: Record, uri: str, columns: list[Column], wrong: list[Wrong]) -> Optional[list[Optional[str]]]:
        def bad(column: Optional[Column], at: int, value: bytes, why: Bad) -> None:
            before = sum(len(field or b"") + 1 for field in record.fields[:at])
            wrong.append(Wrong(uri, record.line, column, before, record.raw, value, why))

        fields = record.fields
        if record.wrong:
            bad(None, 0, b"", record.wrong)
            return None
        if len(fields) > len(columns):
            bad(columns[-1], len(columns), fields[len(columns)] or b"", Bad(1202, "Extra column(s) found"))
            return None
        if len(fields) < len(columns):
            if "FILLRECORD" not in self.options:
                bad(columns[len(fields)], len(fields), b"", Bad(1214, "Delimiter not found"))
                return None
            fields = fields + [b""] * (len(columns) - len(fields))
        values = []
        for at, (field, column) in enumerate(zip(fields, columns)):
            try:
                values.append(self.value(field, column))
            except Bad as why:
                bad(column, at, field or b"", why)
                return None
        return values

    def value(self, field: Optional[bytes], column: Column) -> Optional[str]:
        value = None if field is None else self.present(field, column)
        if value is None and column.not_null:
            raise Bad(1213, "Missing data for not-null field")
        return value

    def present(self, field: bytes, column: Column) -> Optional[str]:
        options = self.options
        if options.format != "JSON" and field == options.get("NULL", "\\N").encode():
            return None
        if field == b"" and "EMPTYASNULL" in options:
            return None
        if "BLANKSASNULL" in options and field.isspace():
            return None
        return convert(field, column, options)


COLUMNS = """
select a.attname, t.typname, a.atttypmod - case when t.typname in ('varchar', 'bpchar', 'numeric') and a.atttypmod > 0 then 4 else 0 end,
       a.attnotnull, a.atthasdef, a.attidentity
from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
where a.attrelid = {table}::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
"""


def failed_load(table: str, query: int) -> PgError:
    text = f"Load into table '{table}' failed.  Check 'stl_load_errors' system table for details."
    return error("XX000", text)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"})


def line_of(values: Any) -> str:
    return "\t".join("\\N" if value is None else value.translate(COPY_ESCAPES) for value in values) + "\n"


def json_paths(s3: S3, uri: str) -> str:
    try:
        return json.dumps(json.loads(s3.get(*bucket_and_key(uri)))["jsonpaths"])
    except (ValueError, KeyError, TypeError):
        raise internal("Invalid JSONPaths file", 8001) from None
