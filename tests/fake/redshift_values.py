"""A field of a file as COPY reads it for its column: the text that PostgreSQL takes, or Redshift's code and reason.

https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html (codes)
https://docs.aws.amazon.com/redshift/latest/dg/multi-byte-character-load-errors.html (1220)
https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html (what the options do)
"""

from __future__ import annotations

import datetime
import json
import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import NamedTuple, Optional


class Column(NamedTuple):
    name: str
    type: str  # as PostgreSQL's catalog calls it
    modifier: int  # length, or precision << 16 | scale; -1 without
    not_null: bool
    has_default: bool
    identity: bool

    @property
    def shown_type(self) -> str:
        return {"bpchar": "char", "text": "varchar", "float4": "float4"}.get(self.type, self.type)

    @property
    def shown_length(self) -> str:
        if self.type in ("varchar", "bpchar", "text"):
            return str(self.length)
        if self.type == "numeric" and self.modifier >= 0:
            return f"{self.modifier >> 16}, {self.modifier & 0xFFFF}"
        return "0"

    @property
    def length(self) -> int:
        return self.modifier if self.modifier >= 0 else 256 if self.type == "text" else 1


class Bad(Exception):
    """A field that its column does not take."""

    def __init__(self, code: int, reason: str):
        super().__init__(reason)
        self.code = code
        self.reason = reason


RANGES = {"int2": ("Short", 15), "int4": ("Integer", 31), "int8": ("Long", 63)}
TRUE = {"t", "true", "y", "yes", "1", "on"}
FALSE = {"f", "false", "n", "no", "0", "off"}
LONGEST_SUPER = 16 * 1024 * 1024


def convert(text: bytes, column: Column, options) -> Optional[str]:
    """The value, as text; None is NULL. `options` are those of the COPY."""
    kind = column.type
    if kind in ("varchar", "text", "bpchar"):
        return to_text(text, column, options)
    plain = text.decode("utf-8", "replace").strip()
    if plain == "":
        return None
    if kind in RANGES:
        return to_integer(plain, *RANGES[kind])
    if kind == "numeric":
        return to_decimal(plain, column, options)
    if kind in ("float4", "float8"):
        return to_float(plain)
    if kind == "bool":
        return to_boolean(plain)
    if kind == "date":
        return to_date(plain, options.get("DATEFORMAT"), options)
    if kind in ("timestamp", "timestamptz"):
        return to_timestamp(plain, options.get("TIMEFORMAT"), kind, options)
    if kind in ("time", "timetz"):
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?([+-]\d{2}(:?\d{2})?)?", plain):
            return plain
        raise Bad(1206, "Invalid time format or value [HH24:MI:SS]")
    if kind == "super":
        return to_super(text)
    if kind == "bytea":
        if re.fullmatch(r"([0-9a-fA-F]{2})*", plain):
            return "\\x" + plain
        raise Bad(1230, "Invalid hex format for VARBYTE")
    raise Bad(1200, f"Unknown parse error: no rule for {kind}")


def to_text(text: bytes, column: Column, options) -> str:
    try:
        value = text.decode("utf-8")
        if "\0" in value:
            raise Bad(1220, "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: 00 (error 4)")
    except UnicodeDecodeError as wrong:
        sequence = text[wrong.start : wrong.end].hex(" ")
        if "ACCEPTINVCHARS" not in options or column.type == "bpchar":
            number = 2 if "unexpected end" in wrong.reason or "continuation" in wrong.reason else 3
            reason = f"String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: {sequence} (error {number})"
            raise Bad(1220, reason) from None
        value = replaced(text, options["ACCEPTINVCHARS"] or "?")
    if column.type == "bpchar":
        if not value.isascii():
            wrong_char = next(c for c in value if not c.isascii()).encode().hex(" ")
            raise Bad(1220, f"Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: {wrong_char}")
        value = value.rstrip(" ") if len(value) > column.length else value
    if "TRIMBLANKS" in options and column.type != "bpchar":
        value = value.rstrip(" ")
    content = value.encode()
    if len(content) > column.length:
        if "TRUNCATECOLUMNS" not in options:
            raise Bad(1204, "String length exceeds DDL length")
        value = content[: column.length].decode("utf-8", "ignore")
    return value


def replaced(text: bytes, replacement: str) -> str:
    """Each invalid byte becomes a replacement of its own, so that the length stays."""
    out, at = "", 0
    while at < len(text):
        try:
            return out + text[at:].decode("utf-8")
        except UnicodeDecodeError as wrong:
            out += text[at : at + wrong.start].decode("utf-8") + replacement * (wrong.end - wrong.start)
            at += wrong.end
    return out


def to_integer(text: str, name: str, bits: int) -> str:
    found = re.match(r"[+-]?\d*", text)
    if found.end() < len(text) or found.group() in ("", "+", "-"):
        at = found.end()
        raise Bad(1207, f"Invalid digit, Value '{text[min(at, len(text) - 1)]}', Pos {at}, Type: {name}")
    if not -(1 << bits) <= int(text) < 1 << bits:
        raise Bad(1204, f"Overflow, column value out of range, Type: {name}")
    return str(int(text))


def to_decimal(text: str, column: Column, options) -> str:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        at = re.match(r"[+-]?\d*\.?\d*", text).end()
        raise Bad(1207, f"Invalid digit, Value '{text[min(at, len(text) - 1)]}', Pos {at}, Type: Decimal")
    precision, scale = (column.modifier >> 16, column.modifier & 0xFFFF) if column.modifier >= 0 else (18, 0)
    try:
        step = Decimal(1).scaleb(-scale)
        rounding = ROUND_HALF_UP if "ROUNDEC" in options else ROUND_DOWN
        value = Decimal(text).quantize(step, rounding, Context(prec=precision))
    except InvalidOperation:
        raise Bad(1204, f"Overflow for NUMERIC({precision},{scale})") from None
    return format(value, "f")


def to_float(text: str) -> str:
    try:
        float(text)
    except ValueError:
        raise Bad(1208, "Invalid float format or value") from None
    if "_" in text:
        raise Bad(1208, "Invalid float format or value")
    return text


def to_boolean(text: str) -> str:
    lower = text.lower()
    if lower in TRUE:
        return "t"
    if lower in FALSE:
        return "f"
    raise Bad(1210, "Unknown boolean format")


DATE_PARTS = {
    **{"YYYY": "%Y", "YY": "%y", "MM": "%m", "MON": "%b", "MONTH": "%B", "DD": "%d"},
    **{"HH24": "%H", "HH12": "%I", "HH": "%H", "MI": "%M", "SS": "%S", "AM": "%p", "PM": "%p"},
}


def strptime(text: str, pattern: str) -> datetime.datetime:
    """Reads a moment by a pattern of Redshift's words."""
    parts = re.sub(
        "YYYY|YY|MONTH|MON|MM|DD|HH24|HH12|HH|MI|SS|AM|PM",
        lambda found: DATE_PARTS[found.group().upper()],
        pattern.replace("%", "%%"),
        flags=re.I,
    )
    fraction = re.search(r"\.\d{1,6}$", text)
    if fraction and pattern.upper().endswith("SS"):
        parts += ".%f"
    return datetime.datetime.strptime(text, parts)


def to_date(text: str, pattern: Optional[str], options) -> Optional[str]:
    try:
        if pattern and pattern.lower() != "auto":
            return strptime(text, pattern).date().isoformat()
        if len(text) < 10 and not pattern:
            raise Bad(1205, "Invalid Date Format - length must be 10 or more")
        return datetime.datetime.fromisoformat(text.replace("/", "-")).date().isoformat()
    except ValueError:
        if "ACCEPTANYDATE" in options:
            return None
        raise Bad(1205, f"Invalid Date Format or value [{pattern or 'YYYY-MM-DD'}]") from None


PLAIN_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?( ?([+-]\d{2}(:?\d{2})?|UTC|Z))?")


def to_timestamp(text: str, pattern: Optional[str], kind: str, options) -> Optional[str]:
    shown = pattern or "YYYY-MM-DD HH24:MI:SS"
    try:
        if pattern in ("epochsecs", "epochmillisecs"):
            unit = 1 if pattern == "epochsecs" else 1000
            whole = Decimal(text) * (1_000_000 // unit)
            moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=int(whole))
        elif pattern and pattern.lower() != "auto":
            moment = strptime(text, pattern)
        else:
            if not pattern and not PLAIN_MOMENT.fullmatch(text):
                raise ValueError(text)
            moment = datetime.datetime.fromisoformat(isolike(text))
    except (ValueError, OverflowError, InvalidOperation):
        if "ACCEPTANYDATE" in options:
            return None
        raise Bad(1206, f"Invalid timestamp format or value [{shown}]") from None
    if moment.tzinfo and kind == "timestamp":
        moment = moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if not moment.tzinfo and kind == "timestamptz":
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return moment.isoformat(" ")


def isolike(text: str) -> str:
    """What Python reads: no more than microseconds, no blank before the offset, `Z` for UTC."""
    text = re.sub(r" ?(UTC|Z)$", "+00:00", text)
    text = re.sub(r" ([+-]\d{2})", r"\1", text)
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    return text.replace("/", "-")


def to_super(text: bytes) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        raise Bad(1224, "Invalid JSON format in SUPER column") from None
    if len(text) > LONGEST_SUPER:
        raise Bad(1224, "SUPER value exceeds the largest size")
    return json.dumps(value, ensure_ascii=False)
