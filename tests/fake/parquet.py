"""The footer of a Parquet file: its columns and its number of rows. The rows themselves are not read."""

from __future__ import annotations

import struct
from typing import Any

# Thrift's compact protocol: the types of a field.
_TRUE, _FALSE, _I8, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)

PHYSICAL = ["BOOLEAN", "INTEGER", "INTEGER", "TIMESTAMP", "FLOAT", "FLOAT", "BYTES", "BYTES"]
# Converted types that change what the column is in BigQuery.
CONVERTED = {0: "STRING", 5: "NUMERIC", 6: "DATE", 7: "TIME", 8: "TIME", 9: "TIMESTAMP", 10: "TIMESTAMP", 19: "STRING"}
# Logical types (field of the union) that do.
LOGICAL = {1: "STRING", 4: "STRING", 5: "NUMERIC", 6: "DATE", 7: "TIME", 8: "TIMESTAMP", 12: "STRING"}


class NotParquet(Exception):
    """The bytes are no Parquet file."""


class _Reader:
    def __init__(self, content: bytes):
        self.content = content
        self.at = 0

    def byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    def zigzag(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def value(self, kind: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind == _I8:
            return self.byte()
        if kind in (_I16, _I32, _I64):
            return self.zigzag()
        if kind == _DOUBLE:
            self.at += 8
            return struct.unpack("<d", self.content[self.at - 8 : self.at])[0]
        if kind == _BINARY:
            size = self.varint()
            self.at += size
            return self.content[self.at - size : self.at]
        if kind in (_LIST, _SET):
            return self.list()
        if kind == _STRUCT:
            return self.struct()
        raise NotParquet(f"a field of type {kind}")

    def list(self) -> list[Any]:
        head = self.byte()
        size = head >> 4
        if size == 15:
            size = self.varint()
        kind = head & 15
        if kind in (_TRUE, _FALSE):
            return [self.byte() == _TRUE for _ in range(size)]
        return [self.value(kind) for _ in range(size)]

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        id = 0
        while True:
            head = self.byte()
            if head == 0:
                return fields
            id = id + (head >> 4) if head >> 4 else self.zigzag()
            fields[id] = self.value(head & 15)


def footer(content: bytes) -> tuple[list[dict[str, Any]], int]:
    """BigQuery's fields for the columns, and the number of rows."""
    if content[:4] != b"PAR1" or content[-4:] != b"PAR1":
        raise NotParquet("no Parquet magic")
    size = struct.unpack("<I", content[-8:-4])[0]
    try:
        metadata = _Reader(content[-8 - size : -8]).struct()
    except IndexError as error:
        raise NotParquet("the footer ends early") from error
    root, *columns = metadata[2]
    if root.get(5, 0) != len(columns):
        raise NotParquet("nested columns are more than this stand-in reads")
    return [_field(column) for column in columns], metadata[3]


def _field(column: dict[int, Any]) -> dict[str, Any]:
    kind = PHYSICAL[column[1]]
    if 6 in column:
        kind = CONVERTED.get(column[6], kind)
    if 10 in column:
        logical, details = next(iter(column[10].items()))
        kind = LOGICAL.get(logical, kind)
        if kind == "TIMESTAMP" and details.get(1) is False:
            kind = "DATETIME"  # not adjusted to UTC
    mode = ["REQUIRED", "NULLABLE", "REPEATED"][column.get(3, 1)]
    return {"name": column[4].decode(), "type": kind, "mode": mode}
