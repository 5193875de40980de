"""UNLOAD ('query') TO 's3://...': runs the query in the session and writes its rows as Redshift names and forms files.

https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
from typing import Any, Optional

from redshift_options import Words, read_unload
from redshift_s3 import S3Error, bucket_and_key
from redshift_sql import scan
from redshift_wire import Result, error

SLICES = 2
NOT_EMPTY = (
    "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing "
    "the target files in S3, or using the ALLOWOVERWRITE option."
)
Row = list[Optional[str]]


class Unload:
    """One statement, parsed."""

    def __init__(self, sql: str, words: Words):
        words.expect("UNLOAD")
        words.expect("(")
        self.query = words.text()
        words.expect(")")
        words.expect("TO")
        self.uri = words.text()
        self.options = read_unload(words)
        if self.options.format not in (None, "CSV", "PARQUET", "JSON"):
            raise error("0A000", f"UNLOAD in the format {self.options.format} is not supported")
        if self.options.format == "PARQUET" and {"DELIMITER", "HEADER", "ADDQUOTES", "ESCAPE", "NULL"} & set(self.options):
            raise error("0A000", "PARQUET does not go with options of text")
        if self.options.format == "CSV" and {"ESCAPE", "ADDQUOTES", "FIXEDWIDTH"} & set(self.options):
            raise error("0A000", "CSV does not go with ESCAPE, ADDQUOTES or FIXEDWIDTH")
        if outer_limit(self.query):
            raise error("0A000", "Limit clause is not supported")

    def run(self, session) -> None:
        s3 = session.s3(self.options)
        result = session.inner(self.query)
        bucket, prefix = bucket_and_key(self.uri)
        try:
            there = s3.list(bucket, prefix)
            if there and "ALLOWOVERWRITE" not in self.options and "CLEANPATH" not in self.options:
                raise error("XX000", NOT_EMPTY)
            written = []
            for name, rows in self.files(prefix, result.rows):
                content = self.packed(self.content(result, rows))
                s3.put(bucket, name, content)
                written.append((f"s3://{bucket}/{name}", len(content), len(rows)))
            if "MANIFEST" in self.options:
                s3.put(bucket, prefix + "manifest", self.manifest(written, result))
        except S3Error as refused:
            raise refused.to_sql() from None
        session.info(f"UNLOAD completed, {len(result.rows)} record(s) unloaded successfully.")
        session.complete("UNLOAD")

    def files(self, prefix: str, rows: list[Row]) -> list[tuple[str, list[Row]]]:
        ending = self.ending()
        if self.options.get("PARALLEL") in ("OFF", "FALSE"):
            return [(f"{prefix}000{ending}", rows)]
        return [(f"{prefix}{number:04}_part_00{ending}", rows[number::SLICES]) for number in range(SLICES)]

    def ending(self) -> str:
        if "EXTENSION" in self.options:
            return "." + self.options["EXTENSION"]
        if self.options.format == "PARQUET":
            return ".parquet"
        for word, ending in (("GZIP", ".gz"), ("BZIP2", ".bz2"), ("ZSTD", ".zst")):
            if word in self.options:
                return ending
        return ""

    def packed(self, content: bytes) -> bytes:
        if "GZIP" in self.options:
            return gzip.compress(content)
        if "BZIP2" in self.options:
            return bz2.compress(content)
        if "ZSTD" in self.options:
            import pyarrow

            out = io.BytesIO()
            with pyarrow.CompressedOutputStream(out, "zstd") as packer:
                packer.write(content)
                packer.close()
                return out.getvalue()
        return content

    def content(self, result: Result, rows: list[Row]) -> bytes:
        if self.options.format == "PARQUET":
            return parquet(result, rows)
        if self.options.format == "JSON":
            return "".join(json_line(result, row) for row in rows).encode()
        names = [name for name, _, _ in result.columns]
        lines = [self.line(names)] if "HEADER" in self.options else []
        lines += [self.line(row) for row in rows]
        return "".join(lines).encode()

    def line(self, row: Row) -> str:
        if "FIXEDWIDTH" in self.options:
            sizes = [int(part.rpartition(":")[2]) for part in self.options["FIXEDWIDTH"].split(",")]
            return "".join((value or "")[:size].ljust(size) for value, size in zip(row, sizes)) + "\n"
        delimiter = self.options.get("DELIMITER", "," if self.options.format == "CSV" else "|")
        return delimiter.join(self.field(value, delimiter) for value in row) + "\n"

    def field(self, value: Optional[str], delimiter: str) -> str:
        if value is None:
            return self.options.get("NULL", "")
        if self.options.format == "CSV":
            needs = any(mark in value for mark in (delimiter, '"', "\n", "\r"))
            return '"' + value.replace('"', '""') + '"' if needs else value
        if "ESCAPE" in self.options:
            for mark in ("\\", "\n", "\r", delimiter, *(['"'] if "ADDQUOTES" in self.options else [])):
                value = value.replace(mark, "\\" + mark)
        return f'"{value}"' if "ADDQUOTES" in self.options else value

    def manifest(self, written: list[tuple[str, int, int]], result: Result) -> bytes:
        entries: list[dict[str, Any]] = []
        for url, size, count in written:
            entry: dict[str, Any] = {"url": url}
            if self.options["MANIFEST"] == "verbose" or self.options.format == "PARQUET":
                entry["meta"] = {"content_length": size, "record_count": count}
            entries.append(entry)
        return json.dumps({"entries": entries}, indent=2).encode()


def outer_limit(query: str) -> bool:
    depth = 0
    for token in scan(query):
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "op" else 0
        if depth == 0 and token.upper == "LIMIT":
            return True
    return False


NUMBERS = {20, 21, 23, 26, 700, 701, 1700}


def json_line(result: Result, row: Row) -> str:
    values = {}
    for (name, kind, _), value in zip(result.columns, row):
        if value is None:
            values[name] = None
        elif kind == 16:
            values[name] = value == "t"
        elif kind in NUMBERS or kind in (114, 3802):
            values[name] = json.loads(value) if value not in ("NaN", "Infinity", "-Infinity") else None
        else:
            values[name] = value
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"


def parquet(result: Result, rows: list[Row]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    columns = []
    for at, (name, kind, modifier) in enumerate(result.columns):
        texts = pyarrow.array([row[at] for row in rows], pyarrow.string())
        columns.append(pyarrow.field(name, arrow_type(kind, modifier)))
        columns[-1] = (columns[-1], converted(texts, columns[-1].type))
    schema = pyarrow.schema([field for field, _ in columns])
    table = pyarrow.Table.from_arrays([values for _, values in columns], schema=schema)
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


def arrow_type(kind: int, modifier: int) -> Any:
    import pyarrow

    plain = {
        **{16: pyarrow.bool_(), 21: pyarrow.int16(), 23: pyarrow.int32(), 20: pyarrow.int64()},
        **{700: pyarrow.float32(), 701: pyarrow.float64(), 1082: pyarrow.date32()},
        **{1114: pyarrow.timestamp("us"), 1184: pyarrow.timestamp("us", "UTC")},
    }
    if kind == 1700:
        precision, scale = ((modifier - 4) >> 16, (modifier - 4) & 0xFFFF) if modifier > 0 else (38, 10)
        return pyarrow.decimal128(precision, scale)
    return plain.get(kind, pyarrow.string())


def converted(texts: Any, wanted: Any) -> Any:
    import datetime
    from decimal import Decimal

    import pyarrow

    read = {
        "bool": lambda text: text == "t",
        "decimal": Decimal,
        "date32": datetime.date.fromisoformat,
        "timesta": datetime.datetime.fromisoformat,
    }.get(str(wanted)[:7].split("[")[0].rstrip("1"), None)
    if pyarrow.types.is_integer(wanted) or pyarrow.types.is_floating(wanted):
        return texts.cast(wanted)
    if read is None:
        return texts
    return pyarrow.array([None if text is None else read(text) for text in texts.to_pylist()], wanted)
