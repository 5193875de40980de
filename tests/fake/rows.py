"""Cells: what BigQuery makes of a JSON value in a column, and how `tabledata.list` gives it back."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import math
import re
import zoneinfo
from typing import Any, Optional

# The names of the older dialect mean the same.
TYPES = {
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
KNOWN = {
    *("INTEGER", "FLOAT", "NUMERIC", "BIGNUMERIC", "BOOLEAN", "STRING", "BYTES", "DATE", "DATETIME"),
    *("TIME", "TIMESTAMP", "JSON", "RECORD", "GEOGRAPHY", "INTERVAL"),
}

_DATE = r"(\d{4})-(\d{1,2})-(\d{1,2})"
_CLOCK = r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?"
_ZONE = r"\s*(Z|z|UTC|[+-]\d{1,2}(?::?\d{2})?|[A-Za-z_]+/[A-Za-z_/]+)?"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Refused(Exception):
    """A value that does not fit its column; the text is the service's."""


class UnknownField(Refused):
    """A key that no column has."""


def type_of(field: dict[str, Any]) -> str:
    given = field.get("type", "").upper()
    return TYPES.get(given, given)


def row(fields: list[dict[str, Any]], value: Any, ignore_unknown: bool, path: str = "") -> dict[str, Any]:
    """A JSON object as a row: column name to cell."""
    if not isinstance(value, dict):
        raise Refused("Expected an object")
    by_name = {field["name"].lower(): field for field in fields}
    made = {field["name"]: [] if field.get("mode") == "REPEATED" else None for field in fields}
    for name, given in value.items():
        field = by_name.get(name.lower())
        if field is None:
            if ignore_unknown:
                continue
            raise UnknownField(f"No such field: {path}{name}.")
        made[field["name"]] = _cell(field, given, ignore_unknown, path)
    for field in fields:
        if field.get("mode") == "REQUIRED" and made[field["name"]] is None:
            raise Refused(f"Missing required field: {path}{field['name']}.")
    return made


def _cell(field: dict[str, Any], given: Any, ignore_unknown: bool, path: str) -> Any:
    if field.get("mode") == "REPEATED":
        if given is None:
            return []
        if not isinstance(given, list):
            raise Refused(f"Array specified for non-repeated field or the other way round: {path}{field['name']}.")
        return [_single(field, one, ignore_unknown, path) for one in given]
    if given is None:
        return None
    return _single(field, given, ignore_unknown, path)


def _single(field: dict[str, Any], given: Any, ignore_unknown: bool, path: str) -> Any:
    kind, name = type_of(field), f"{path}{field['name']}"
    if kind == "RECORD":
        return row(field.get("fields", []), given, ignore_unknown, f"{name}.")
    if kind == "JSON":
        return json.dumps(given, ensure_ascii=False, separators=(",", ":"))
    if isinstance(given, (dict, list)) or given is None:
        raise Refused(f"Field: {name}; expected a {kind} value")
    try:
        return READERS[kind](given)
    except (ValueError, ArithmeticError, KeyError) as error:
        shown = f"'string_value: \"{given}\"'" if isinstance(given, str) else f"'{given}'"
        message = f"Could not convert value {shown} to {kind.lower()}. Field: {name}; Value: {given}"
        raise Refused(message) from error


def _integer(given: Any) -> str:
    if isinstance(given, bool):
        raise ValueError
    value = decimal.Decimal(str(given).strip())
    if value != value.to_integral_value() or not -(2**63) <= value < 2**63:
        raise ValueError
    return str(int(value))


def _float(given: Any) -> str:
    if isinstance(given, bool):
        raise ValueError
    value = float(given)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _decimal(digits: int, scale: int) -> Any:
    def read(given: Any) -> str:
        if isinstance(given, bool):
            raise ValueError
        with decimal.localcontext() as context:
            context.prec = 100
            value = decimal.Decimal(str(given).strip()).quantize(
                decimal.Decimal(1).scaleb(-scale), decimal.ROUND_HALF_UP
            )
            if not value.is_finite() or abs(value) >= decimal.Decimal(10) ** digits:
                raise ValueError
            text = f"{value:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text

    return read


def _boolean(given: Any) -> str:
    text = str(given).strip().lower()
    if text in ("true", "t", "yes", "y", "1"):
        return "true"
    if text in ("false", "f", "no", "n", "0"):
        return "false"
    raise ValueError


def _string(given: Any) -> str:
    if isinstance(given, bool):
        return "true" if given else "false"
    return str(given)


def _bytes(given: Any) -> str:
    return base64.b64encode(base64.b64decode(given, validate=True)).decode()


def _date(given: Any) -> str:
    match = re.fullmatch(_DATE, _text(given))
    if not match:
        raise ValueError
    return datetime.date(*map(int, match.groups())).isoformat()


def _clock(hour: str, minute: str, second: str, fraction: Optional[str]) -> datetime.time:
    return datetime.time(int(hour), int(minute), int(second), int((fraction or "0")[:6].ljust(6, "0")))


def _time(given: Any) -> str:
    match = re.fullmatch(_CLOCK, _text(given))
    if not match:
        raise ValueError
    return _clock(*match.groups()).isoformat()


def _datetime(given: Any) -> str:
    match = re.fullmatch(f"{_DATE}(?:[Tt ]{_CLOCK})?", _text(given))
    if not match:
        raise ValueError
    day = datetime.date(*map(int, match.groups()[:3]))
    clock = _clock(*match.groups()[3:]) if match[4] else datetime.time()
    return datetime.datetime.combine(day, clock).isoformat()


def _timestamp(given: Any) -> str:
    """Microseconds since 1970."""
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return str(round(decimal.Decimal(str(given)) * 1_000_000))
    match = re.fullmatch(f"{_DATE}(?:[Tt ]{_CLOCK})?{_ZONE}", _text(given))
    if not match:
        return str(round(decimal.Decimal(_text(given)) * 1_000_000))
    day = datetime.date(*map(int, match.groups()[:3]))
    clock = _clock(*match.groups()[3:7]) if match[4] else datetime.time()
    at = datetime.datetime.combine(day, clock, _zone(match[8]))
    return str((at - _EPOCH) // datetime.timedelta(microseconds=1))


def _zone(name: Optional[str]) -> datetime.tzinfo:
    if name in (None, "Z", "z", "UTC"):
        return datetime.timezone.utc
    match = re.fullmatch(r"([+-])(\d{1,2}):?(\d{2})?", name)
    if not match:
        return zoneinfo.ZoneInfo(name)
    offset = datetime.timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return datetime.timezone(-offset if match[1] == "-" else offset)


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError
    return given.strip()


READERS = {
    "INTEGER": _integer,
    "FLOAT": _float,
    "NUMERIC": _decimal(29, 9),
    "BIGNUMERIC": _decimal(38, 38),
    "BOOLEAN": _boolean,
    "STRING": _string,
    "BYTES": _bytes,
    "DATE": _date,
    "TIME": _time,
    "DATETIME": _datetime,
    "TIMESTAMP": _timestamp,
    "GEOGRAPHY": _string,
    "INTERVAL": _string,
}


def shown(fields: list[dict[str, Any]], cells: dict[str, Any], int_timestamps: bool) -> dict[str, Any]:
    """A row as `tabledata.list` answers it."""
    return {"f": [{"v": _shown(field, cells.get(field["name"]), int_timestamps)} for field in fields]}


def _shown(field: dict[str, Any], cell: Any, int_timestamps: bool) -> Any:
    if field.get("mode") == "REPEATED":
        single = {**field, "mode": "NULLABLE"}
        return [{"v": _shown(single, one, int_timestamps)} for one in cell or []]
    if cell is None:
        return None
    kind = type_of(field)
    if kind == "RECORD":
        return shown(field.get("fields", []), cell, int_timestamps)
    if kind == "TIMESTAMP" and not int_timestamps:
        return repr(int(cell) / 1_000_000)
    return cell


def plain(fields: list[dict[str, Any]], cells: dict[str, Any]) -> dict[str, Any]:
    """A row as the plainest JSON that any server of NDJSON understands: timestamps in UTC, NULL left out."""
    made = {}
    for field in fields:
        cell = cells.get(field["name"])
        if cell is not None and field.get("mode") == "REPEATED":
            made[field["name"]] = [_plain(field, one) for one in cell]
        elif cell is not None:
            made[field["name"]] = _plain(field, cell)
    return made


def _plain(field: dict[str, Any], cell: Any) -> Any:
    kind = type_of(field)
    if kind == "RECORD":
        return plain(field.get("fields", []), cell)
    if kind == "TIMESTAMP":
        at = _EPOCH + datetime.timedelta(microseconds=int(cell))
        return at.strftime("%Y-%m-%d %H:%M:%S.%f") + " UTC"
    if kind == "INTEGER":
        return int(cell)
    if kind == "FLOAT" and cell not in ("NaN", "Infinity", "-Infinity"):
        return float(cell)
    if kind == "BOOLEAN":
        return cell == "true"
    if kind == "JSON":
        return json.loads(cell)
    return cell


def day_of(field: dict[str, Any], cell: Any, unit: str) -> str:
    """The partition id of a cell of the partitioning column."""
    if cell is None:
        return "__NULL__"
    if type_of(field) == "TIMESTAMP":
        at = (_EPOCH + datetime.timedelta(microseconds=int(cell))).isoformat()
    else:
        at = cell
    digits = re.sub(r"[-T:]", "", at)
    return digits[: {"HOUR": 10, "DAY": 8, "MONTH": 6, "YEAR": 4}[unit]]
