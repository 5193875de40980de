#!/usr/bin/env python3
"""Makes random rows of every type, and compares what a source says of them with files that came out of it.

usage: round_trip.py make ROWS                    rows for COPY (csv) to stdout
       round_trip.py columns                      the columns of the table, as SQL
       round_trip.py compare FORMAT SOURCE FILE   SOURCE is what the source printed, FILE what was written

The files are read by pyarrow, by DuckDB and by Python's own csv and json. Of a value that differs the column and
the row are named. The exit code is 1 when there is any.
"""

from __future__ import annotations

import bz2
import csv
import datetime
import decimal
import gzip
import json
import random
import struct
import sys
from typing import Any, Callable, Iterator

decimal.getcontext().prec = 100
NULL = "∅null∅"
EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)
R = random.Random(20150604)

SPECIAL = ["", " ", '"', '""', "'", "\\", "\\N", ",", "\n", "\r\n", "\r", "\t", "NULL", "null", "#", "日本",
           "😀", "é", "\x01", "\x1b", "\x7f", "\u0085", "\u2028", "\ufeff", "\uffff", "\U0010ffff", "〜", "{", "</"]


def text() -> str:
    kind = R.randrange(8)
    if kind == 0:
        return "".join(R.choice(SPECIAL) for _ in range(R.randrange(6)))
    if kind == 1:
        return "".join(chr(R.randrange(1, 128)) for _ in range(R.randrange(12)))
    if kind == 2 and R.randrange(1000) == 0:
        return R.choice(SPECIAL) * 3000
    points = (R.choice((R.randrange(1, 0xD800), R.randrange(0xE000, 0x110000))) for _ in range(R.randrange(8)))
    return "".join(map(chr, points))


def digits(before: int, after: int) -> str:
    whole = R.randrange(10 ** R.randrange(1, before + 1))
    fraction = str(R.randrange(10 ** after)).zfill(after)[: R.randrange(after + 1)]
    return ("-" if R.randrange(2) else "") + str(whole) + ("." + fraction if fraction else "")


def double() -> str:
    known = (0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1e23, 9007199254740993.0)
    while True:
        value = struct.unpack("d", R.randbytes(8))[0] if R.randrange(8) else R.choice(known)
        if value == value and abs(value) != float("inf"):
            return repr(value)


def real() -> str:
    while True:
        value = struct.unpack("f", R.randbytes(4))[0]
        if value == value and abs(value) != float("inf"):
            return repr(value)


def wild() -> str:
    return R.choice(["NaN", "Infinity", "-Infinity", double()])


def moment(low: int = 1, high: int = 9999) -> datetime.datetime:
    first, last = datetime.datetime(low, 1, 1), datetime.datetime(high, 12, 31, 23, 59, 59)
    return first + R.randrange((last - first) // MICROSECOND) * MICROSECOND


def document(depth: int = 0) -> Any:
    kind = R.randrange(8 if depth < 3 else 6)
    if kind == 6:
        return [document(depth + 1) for _ in range(R.randrange(4))]
    if kind == 7:
        return {text(): document(depth + 1) for _ in range(R.randrange(4))}
    return (None, True, R.randrange(-2**70, 2**70), R.random(), text(), "a")[kind]


def integer() -> str:
    return str(R.choice((R.randrange(-2**63, 2**63), R.randrange(-100, 100), 2**63 - 1, -2**63)))


COLUMNS: dict[str, tuple[str, Callable[[], str]]] = {
    "flag": ("boolean", lambda: R.choice("tf")),
    "whole": ("bigint", integer),
    "small": ("smallint", lambda: str(R.randrange(-2**15, 2**15))),
    "single": ("real", real),
    "float": ("double precision", double),
    "wild": ("double precision", wild),
    "narrow": ("numeric(38,10)", lambda: digits(28, 10)),
    "wide": ("numeric(76,38)", lambda: digits(38, 38)),
    "string": ("text", text),
    "local": ("timestamp", lambda: moment().isoformat(" ")),
    "instant": ("timestamptz", lambda: moment(2, 9998).isoformat(" ") + "+00"),
    "day": ("date", lambda: moment().date().isoformat()),
    "clock": ("time", lambda: moment().time().isoformat()),
    "bytes": ("bytea", lambda: "\\x" + R.randbytes(R.randrange(20)).hex()),
    "document": ("jsonb", lambda: json.dumps(document(), ensure_ascii=bool(R.randrange(2)))),
    "list": ("text[]", lambda: "{" + ",".join(json.dumps(text(), ensure_ascii=False).replace("\\u", "u")
                                               for _ in range(R.randrange(3))) + "}"),
}
# What the lines of JSON cannot hold: a transfer of it is refused.
NOT_IN_JSON = {"wild"}


def make(rows: int) -> None:
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    for at in range(rows):
        cells = (NULL if R.randrange(20) == 0 else quoted(maker()) for _, maker in COLUMNS.values())
        print(at, *cells, sep=",")


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def bits(value: float) -> bytes:
    return struct.pack("d", value) if value == value else b"NaN"


def instant(value: str) -> int:
    """Microseconds since 1970 of a date, a time of a day, a time in UTC."""
    value = value.removesuffix("+00").removesuffix(" +0000")
    if "-" not in value:
        value = "1970-01-01 " + value
    return (datetime.datetime.fromisoformat(value) - EPOCH) // MICROSECOND


def milliseconds(value: str) -> int:
    return instant(value) // 1000 * 1000


def lines(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n")


def parsed(value: str) -> Any:
    return json.loads(value, parse_float=decimal.Decimal)


def single(value: Any) -> float:
    return struct.unpack("f", struct.pack("f", float(value)))[0]


def known(value: str) -> str:
    return value


# How the source's text and the text in csv become what is compared.
IN_CSV: dict[str, Callable[[str], Any]] = {
    "flag": lambda value: {"t": True, "f": False, "true": True, "false": False}[value],
    "whole": int, "small": int, "single": single, "float": lambda value: bits(float(value)),
    "wild": lambda value: bits(float(value)), "narrow": decimal.Decimal, "wide": decimal.Decimal, "string": lines,
    "local": instant, "instant": instant, "day": instant, "clock": milliseconds, "bytes": known,
    "document": parsed, "list": None,
}


def source(path: str) -> dict[str, list[str | None]]:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    columns = zip(*rows)
    return {name: [None if value == NULL else value for value in column]
            for name, column in zip(["id", *COLUMNS], columns)}


def differences(name: str, expected: list[Any], found: list[Any]) -> Iterator[str]:
    if len(expected) != len(found):
        yield f"{name}: {len(found)} rows instead of {len(expected)}"
    for row, (one, other) in enumerate(zip(expected, found)):
        if one != other:
            yield f"{name}, row {row}: {other!r} instead of {one!r}"
            return


def through(convert: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    return [None if value is None else convert(value) for value in values]


def compare_csv(expected: dict[str, list[str | None]], path: str) -> Iterator[str]:
    from pyarrow import csv as arrow_csv
    import pyarrow

    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    by_python = dict(zip(rows[0], zip(*rows[1:])))
    names = ["id", *COLUMNS]
    table = arrow_csv.read_csv(
        gzip.open(path),
        read_options=arrow_csv.ReadOptions(block_size=1 << 28),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pyarrow.string() for name in names}, strings_can_be_null=True,
            quoted_strings_can_be_null=False, null_values=[""]),
    )
    for name in COLUMNS:
        found = table[name].to_pylist()
        yield from differences(f"{name} of csv", [value or "" for value in found], list(by_python[name]))
        if IN_CSV[name]:
            convert = IN_CSV[name]
            yield from differences(name, through(convert, expected[name]), through(convert, found))


def compare_jsonl(expected: dict[str, list[str | None]], path: str) -> Iterator[str]:
    with bz2.open(path, "rt", newline="\n", encoding="utf-8") as file:
        rows = [json.loads(line, parse_float=known) for line in file]
    of_json: dict[str, Callable[[Any], Any]] = {
        "flag": bool, "whole": int, "small": int, "single": single, "float": lambda value: bits(float(value)),
        "string": known, "document": lambda value: value,
    }
    for name in COLUMNS:
        if name in NOT_IN_JSON or not IN_CSV[name]:
            continue
        found = through(of_json.get(name, IN_CSV[name]), [row[name] for row in rows])
        convert = IN_CSV[name]
        if name == "string":
            convert = known
        elif name == "document":
            convert = lambda value: json.loads(value, parse_float=known)
        yield from differences(name, through(convert, expected[name]), found)


def compare_parquet(expected: dict[str, list[str | None]], path: str) -> Iterator[str]:
    import duckdb
    import pyarrow
    from pyarrow import parquet

    table = parquet.read_table(path)
    types = {
        "flag": pyarrow.bool_(), "whole": pyarrow.int64(), "small": pyarrow.int64(), "single": pyarrow.float32(),
        "float": pyarrow.float64(), "wild": pyarrow.float64(), "narrow": pyarrow.decimal128(38, 10),
        "wide": pyarrow.decimal256(76, 38), "string": pyarrow.string(), "local": pyarrow.timestamp("us"),
        "instant": pyarrow.timestamp("us", "UTC"), "day": pyarrow.date32(), "clock": pyarrow.time64("us"),
        "bytes": pyarrow.binary(), "document": pyarrow.string(), "list": pyarrow.string(),
    }
    since: dict[str, Callable[[Any], Any]] = {
        "float": bits, "wild": bits, "narrow": known, "wide": known, "string": known,
        "bytes": lambda value: "\\x" + value.hex(), "document": parsed, "list": known,
    }
    of_source = dict(IN_CSV, string=known, clock=instant, list=known)
    by_duckdb = duckdb.sql(f"select * from read_parquet('{path}') order by id").to_arrow_table()
    for name, wanted in types.items():
        if table[name].type != wanted:
            yield f"{name} is {table[name].type}, not {wanted}"
        column = table[name]
        if name in ("local", "instant", "clock"):
            column = column.cast(pyarrow.int64())
        elif name == "day":
            column = column.cast(pyarrow.int32()).cast(pyarrow.int64())
        convert = since.get(name, known)
        if name == "day":
            convert = lambda days: days * 86_400_000_000
        found = through(convert, column.to_pylist())
        yield from differences(name, through(of_source[name], expected[name]), found)
        if name != "wide":  # DuckDB has no decimals of more than 38 digits.
            other = by_duckdb[name].cast(wanted)
            if name == "wild":
                if through(bits, other.to_pylist()) != found:
                    yield f"{name}: DuckDB reads other values than pyarrow"
            elif not other.equals(table[name]):
                yield f"{name}: DuckDB reads other values than pyarrow"


def main() -> int:
    csv.field_size_limit(1 << 30)
    command, *rest = sys.argv[1:]
    if command == "make":
        make(int(rest[0]))
        return 0
    if command == "columns":
        print("id int primary key, " + ", ".join(f'"{name}" {kind}' for name, (kind, _) in COLUMNS.items()))
        return 0
    form, printed, path = rest
    compare = {"csv": compare_csv, "jsonl": compare_jsonl, "parquet": compare_parquet}[form]
    found = list(compare(source(printed), path))
    for difference in found:
        print(f"{form}: {difference}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
