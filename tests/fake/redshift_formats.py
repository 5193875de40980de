"""The records of a file: CSV, delimited and fixed-width text, JSON.

https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
from typing import Any, Iterator, NamedTuple, Optional

from redshift_s3 import internal
from redshift_values import Bad
from redshift_wire import error


class Record(NamedTuple):
    """A line and its fields. A field that is None is absent (JSON) or NULL already."""

    line: int
    raw: bytes
    fields: list[Optional[bytes]]
    wrong: Optional[Bad] = None


def unpacked(content: bytes, options) -> bytes:
    try:
        if "GZIP" in options:
            return gzip.decompress(content)
        if "BZIP2" in options:
            return bz2.decompress(content)
        if "ZSTD" in options:
            import pyarrow

            return pyarrow.CompressedInputStream(io.BytesIO(content), "zstd").read()
    except (OSError, EOFError, ValueError) as wrong:
        raise internal(f"failed to inflate with {'gzip' if 'GZIP' in options else 'the codec'}: {type(wrong).__name__}", 9001) from None
    return content


def records(content: bytes, options, columns: list) -> Iterator[Record]:
    if options.format == "JSON":
        return json_records(content, options, columns)
    if options.format == "CSV":
        quote = options.get("QUOTE", '"').encode()
        return csv_records(content, delimiter(options, b","), quote, options)
    if "FIXEDWIDTH" in options:
        return fixed_records(content, options["FIXEDWIDTH"], options)
    return text_records(content, delimiter(options, b"|"), options)


def delimiter(options, usual: bytes) -> bytes:
    given = options.get("DELIMITER")
    return usual if given is None else given.encode()


def ends_of_header(options) -> int:
    return options.get("IGNOREHEADER", 0)


def csv_records(content: bytes, separator: bytes, quote: bytes, options) -> Iterator[Record]:
    skip, at, line = ends_of_header(options), 0, 0
    while at < len(content):
        first, line = at, line + 1
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        raw = content[at:end]
        if line <= skip:
            at = end + 1
            continue
        if quote not in raw:
            at = end + 1
            if raw.strip(b"\r") == b"":
                if "IGNOREBLANKLINES" in options:
                    continue
            yield Record(line, raw, raw.removesuffix(b"\r").split(separator))
            continue
        fields, at, ok = csv_line(content, at, separator, quote)
        raw = content[first:at].removesuffix(b"\n")
        wrong = None if ok else Bad(1214, "Invalid quote formatting for CSV")
        yield Record(line, raw, fields, wrong)
        line += raw.count(b"\n")


def csv_line(content: bytes, at: int, separator: bytes, quote: bytes) -> tuple[list[bytes], int, bool]:
    """The fields of a record that has quotes, where it ends, and whether its quotes are in order."""
    fields, ok, size = [], True, len(content)
    while True:
        if content[at : at + 1] == quote:
            value, at = bytearray(), at + 1
            while True:
                end = content.find(quote, at)
                if end < 0:
                    return [*fields, bytes(value)], size, False
                value += content[at:end]
                at = end + 1
                if content[at : at + 1] != quote:
                    break
                value += quote
                at += 1
            rest = min((end for end in (content.find(separator, at), content.find(b"\n", at)) if end >= 0), default=size)
            ok = ok and content[at:rest] in (b"", b"\r")
            at = rest
        else:
            rest = min((end for end in (content.find(separator, at), content.find(b"\n", at)) if end >= 0), default=size)
            value = content[at:rest]
            ok = ok and quote not in value
            if content[rest : rest + 1] != separator:
                value = value.removesuffix(b"\r")
            at = rest
        fields.append(bytes(value))
        if content[at : at + 1] == separator:
            at += 1
            continue
        return fields, at + 1, ok


ESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}


def text_records(content: bytes, separator: bytes, options) -> Iterator[Record]:
    """Lines of delimited text. ESCAPE makes the character after a backslash part of the field, a line's end too."""
    escape, null = "ESCAPE" in options, options.get("NULL", "\\N").encode()
    skip, at, line = ends_of_header(options), 0, 0
    while at < len(content):
        line += 1
        end = end_of_line(content, at, escape and line > skip)
        raw, at = content[at:end], end + 1
        number = line
        line += raw.count(b"\n")
        if number <= skip or ("IGNOREBLANKLINES" in options and not raw.strip(b"\r")):
            continue
        stripped = raw.removesuffix(b"\r")
        if escape and b"\\" in raw:
            yield Record(number, raw, escaped_fields(stripped, separator, null))
            continue
        fields = stripped.split(separator)
        if "REMOVEQUOTES" in options:
            fields = [unquoted(field) for field in fields]
        yield Record(number, raw, fields)


def end_of_line(content: bytes, at: int, escape: bool) -> int:
    while True:
        end = content.find(b"\n", at)
        if end < 0:
            return len(content)
        slashes = end
        while escape and slashes > 0 and content[slashes - 1 : slashes] == b"\\":
            slashes -= 1
        if (end - slashes) % 2 == 0:
            return end
        at = end + 1


def escaped_fields(line: bytes, separator: bytes, null: bytes) -> list[Optional[bytes]]:
    fields, value, raw, at = [], bytearray(), bytearray(), 0
    while at < len(line):
        one = line[at : at + 1]
        if one == b"\\":
            after = line[at + 1 : at + 2]
            # Only a character that follows a backslash as itself: Redshift knows no \n or \t here.
            value += after
            raw += one + after
            at += 2
        elif one == separator:
            fields.append(None if bytes(raw) == null else bytes(value))
            value, raw, at = bytearray(), bytearray(), at + 1
        else:
            value += one
            raw += one
            at += 1
    fields.append(None if bytes(raw) == null else bytes(value))
    return fields


def unquoted(field: bytes) -> bytes:
    for quote in (b'"', b"'"):
        if len(field) >= 2 and field.startswith(quote) and field.endswith(quote):
            return field[1:-1]
    return field


def fixed_records(content: bytes, widths: str, options) -> Iterator[Record]:
    sizes = [int(part.rpartition(":")[2]) for part in widths.split(",")]
    for number, raw in enumerate(content.split(b"\n"), 1):
        if number <= ends_of_header(options) or (not raw and number > content.count(b"\n")):
            continue
        at, fields = 0, []
        for size in sizes:
            fields.append(raw[at : at + size].rstrip(b" "))
            at += size
        yield Record(number, raw, fields)


class Digits(str):
    """A number as the file has it."""


def json_text(value: Any) -> str:
    if isinstance(value, Digits):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {json_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(json_text(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def json_records(content: bytes, options, columns: list) -> Iterator[Record]:
    """`auto` takes keys by the names of columns, which are in lower case; what is not there is NULL or the default."""
    decoder, text = json.JSONDecoder(parse_float=Digits, parse_int=Digits), content.decode("utf-8", "surrogateescape")
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at >= len(text):
            return
        line = text.count("\n", 0, at) + 1
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = text.find("\n", at)
            raw = text[at : end if end >= 0 else len(text)].encode("utf-8", "surrogateescape")
            yield Record(line, raw, [], Bad(1216, "Invalid JSON format: malformed document"))
            return
        raw, at = text[at:end].encode("utf-8", "surrogateescape"), end
        yield Record(line, raw, json_fields(value, options.json_paths, options, columns))


def json_fields(value: Any, how: str, options, columns: list) -> list[Optional[bytes]]:
    if how == "noshred":
        return [json_text(value).encode("utf-8", "surrogateescape")]
    if how.startswith("paths:"):
        return [json_bytes(path_value(value, path)) for path in json.loads(how[6:])]
    if not isinstance(value, dict):
        return [None for _ in columns]
    if how == "auto ignorecase":
        value = {key.lower(): one for key, one in value.items()}
    return [json_bytes(value.get(column.name)) for column in columns]


def json_bytes(value: Any) -> Optional[bytes]:
    if value is None:
        return None
    if isinstance(value, bool):
        value = "true" if value else "false"
    text = value if isinstance(value, str) else json_text(value)
    return text.encode("utf-8", "surrogateescape")


def path_value(value: Any, path: str) -> Any:
    """`$.a.b`, `$['a'][0]`: https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-json.html"""
    import re

    for name, index, word in re.findall(r"\['([^']*)'\]|\[(\d+)\]|\.([^.\[]+)", path):
        if index:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
        else:
            value = value.get(name or word) if isinstance(value, dict) else None
    return value


# https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
COLUMNAR = {"MANIFEST", "STATUPDATE", "EXPLICIT_IDS", "ACCEPTINVCHARS", "FILLRECORD"}
# https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html
NOT_WITH_CSV = {"FIXEDWIDTH", "REMOVEQUOTES", "ESCAPE"}


def refuse_format(options) -> None:
    odd = set(options) - COLUMNAR if options.format == "PARQUET" else set(options) & NOT_WITH_CSV if options.format == "CSV" else set()
    if odd:
        raise error("0A000", f"{min(odd)} argument is not supported for {options.format} based COPY")
    if options.format in ("AVRO", "ORC", "SHAPEFILE"):
        raise error("0A000", f"COPY from {options.format} is not supported by the stand-in")
    if "LZOP" in options:
        raise error("0A000", "LZOP is not supported by the stand-in")
