"""Rows of Parquet for COPY: by the position of the columns, of just the types that the table has.

https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
"""

from __future__ import annotations

import io
import json
from typing import Any, Iterator, Optional

from redshift_options import Options
from redshift_s3 import internal
from redshift_values import Bad, Column, to_decimal, to_super

# The types of Parquet that a column takes: nothing is converted.
PARQUET = {
    "int2": {"int16", "int8", "int32"},
    "int4": {"int32"},
    "int8": {"int64"},
    "bool": {"bool"},
    "float4": {"float"},
    "float8": {"double"},
    "date": {"date32[day]"},
    "varchar": {"string", "large_string", "binary"},
    "text": {"string", "large_string", "binary"},
    "bpchar": {"string", "large_string", "binary"},
    "bytea": {"binary"},
    "super": {"string"},
}


def parquet_rows(content: bytes, name: str, columns: list) -> Iterator[list[Any]]:
    """Rows by the position of the columns, after the check of number and types."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowInvalid, OSError):
        raise internal(f"Spectrum Scan Error. File '{name}' is not a Parquet file", 15007) from None
    if len(table.schema) != len(columns):
        text = f"Unmatched number of columns between table and file. Table columns: {len(columns)}, Data columns: {len(table.schema)}"
        raise internal(text, 15001)
    for field, column in zip(table.schema, columns):
        if not parquet_fits(str(field.type), column):
            text = f"has an incompatible Parquet schema for column '{name}.{field.name}'. Column type: {column.type.upper()}, Parquet schema:\noptional {field.type} {field.name}"
            raise internal(f"Spectrum Scan Error. File '{name}' {text}", 15007)
    for batch in table.to_batches():
        yield from zip(*(one.to_pylist() for one in batch.columns))


def parquet_fits(kind: str, column) -> bool:
    if column.type == "numeric":
        precision, scale = column.modifier >> 16, column.modifier & 0xFFFF
        return kind.startswith(("decimal128", "decimal256")) and kind.endswith(f", {scale})") and int(kind.split("(")[1].split(",")[0]) <= precision
    if column.type == "timestamp":
        return kind.startswith("timestamp")
    if column.type == "timestamptz":
        return kind.startswith("timestamp")
    if column.type in ("time", "timetz"):
        return kind.startswith("time64")
    return kind in PARQUET.get(column.type, set())


def parquet_value(value: Any, column: Column, uri: str) -> Optional[str]:
    if value is None:
        if column.not_null:
            raise internal(f"Spectrum Scan Error. Missing data for not-null field {column.name} in '{uri}'", 15001)
        return None
    if column.type in ("varchar", "text", "bpchar"):
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if len(text.encode()) > column.length:
            raise internal(
                f"The length of the data column {column.name} is longer than the length defined in the table. "
                f"Table: {column.length}, Data: {len(text.encode())}, File name: {uri}",
                15001,
            )
        return text
    if column.type == "super":
        try:
            return to_super(value.encode())
        except Bad:
            return json.dumps(value)
    if column.type == "bytea":
        return "\\x" + value.hex()
    if column.type == "numeric":
        return to_decimal(format(value, "f"), column, Options())
    if column.type == "bool":
        return "t" if value else "f"
    if hasattr(value, "isoformat"):
        return value.isoformat(" ") if hasattr(value, "hour") and hasattr(value, "year") else value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)
