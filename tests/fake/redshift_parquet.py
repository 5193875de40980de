"""Rows of Parquet for COPY: by the position of the columns, of just the types that the table has.

https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
"""

from __future__ import annotations

import io
import json
from typing import Any, Iterator, Optional

from redshift_options import Options
from redshift_s3 import internal
from redshift_values import Column, to_decimal

# The types of Parquet that a column takes: nothing is converted.
PARQUET = {
    "int2": {"int16"},
    "int4": {"int32"},
    "int8": {"int64"},
    "bool": {"bool"},
    "float4": {"float"},
    "float8": {"double"},
    "date": {"date32[day]"},
    # Nanoseconds come out as other moments (https://github.com/apache/arrow/issues/38000).
    "timestamp": {"timestamp[ms]", "timestamp[us]"},
    "timestamptz": {"timestamp[ms, tz=UTC]", "timestamp[us, tz=UTC]"},
    "varchar": {"string", "large_string"},
    "text": {"string", "large_string"},
    "bpchar": {"string", "large_string"},
    "bytea": {"binary"},
    "super": {"string"},
}
# Which there are for data files of Redshift Spectrum, which reads for COPY, but for bzip2, which Parquet does not have.
# https://docs.aws.amazon.com/redshift/latest/dg/c-spectrum-data-files.html
CODECS = {"SNAPPY", "GZIP", "UNCOMPRESSED"}


def parquet_rows(content: bytes, name: str, columns: list) -> Iterator[list[Any]]:
    """Rows by the position of the columns, after the check of number, compression and types."""
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        table = file.read()
    except (pyarrow.ArrowInvalid, OSError):
        raise internal(f"Spectrum Scan Error. File '{name}' is not a Parquet file", 15007) from None
    groups = (file.metadata.row_group(at) for at in range(file.metadata.num_row_groups))
    codecs = {group.column(at).compression for group in groups for at in range(group.num_columns)}
    if codecs - CODECS:
        raise internal(f"Spectrum Scan Error. File '{name}' has an unsupported compression: {min(codecs - CODECS)}", 15007)
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
        precision, scale = (column.modifier >> 16, column.modifier & 0xFFFF) if column.modifier >= 0 else (18, 0)
        return kind == f"decimal128({precision}, {scale})"
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
        # A text, not what it says as JSON.
        return json.dumps(value, ensure_ascii=False)
    if column.type == "bytea":
        return "\\x" + value.hex()
    if column.type == "numeric":
        return to_decimal(format(value, "f"), column, Options())
    if column.type == "bool":
        return "t" if value else "f"
    if hasattr(value, "isoformat"):
        return value.isoformat(" ") if hasattr(value, "hour") and hasattr(value, "year") else value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)
