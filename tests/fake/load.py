"""Load jobs: sources, dispositions, schema, rows, and the errors that the service reports about them."""

from __future__ import annotations

import copy
import gzip
import json
import re
from typing import Any, Iterator, Optional

import parquet
import rows
from errors import ApiError, duplicate, invalid, not_found, required
from storage import Storage
from tables import Table, check_grown, check_same, check_schema, split_decorator

WRITE = ("WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA", "WRITE_APPEND", "WRITE_EMPTY")
CREATE = ("CREATE_IF_NEEDED", "CREATE_NEVER")
FORMATS = ("CSV", "NEWLINE_DELIMITED_JSON", "PARQUET", "AVRO", "ORC", "DATASTORE_BACKUP")
MOST_ERRORS = 5


class BadRows(Exception):
    """More rows are bad than `maxBadRecords` lets pass."""

    def __init__(self, count: int, errors: list[dict[str, Any]]):
        super().__init__(f"{count} bad rows")
        self.count = count
        self.errors = errors


class Source:
    """One file: where it lies (`None`: it was uploaded with the job) and its bytes as they came."""

    def __init__(self, uri: Optional[str], content: bytes):
        self.uri = uri
        self.content = content

    def text(self) -> bytes:
        """The bytes, unpacked when they are gzip, whatever the file is called."""
        return gzip.decompress(self.content) if self.content[:2] == b"\x1f\x8b" else self.content

    def error(self, message: str) -> dict[str, Any]:
        said = f"Error while reading data, error message: {message}"
        if self.uri is None:
            return {"reason": "invalid", "message": said}
        return {"reason": "invalid", "location": self.uri, "message": f"{said} File: {self.uri}"}


class Bad:
    """A row that is refused: why, and where in which file."""

    def __init__(self, source: Source, line: int, offset: int, why: str):
        self.source = source
        self.line = line
        self.offset = offset
        self.why = why

    def error(self) -> dict[str, Any]:
        at = f"JSON parsing error in row starting at position {self.offset}: {self.why}; line_number: {self.line}"
        return self.source.error(at)


class Read:
    """What was read of all sources: rows, or for Parquet their number and the files as they are."""

    def __init__(self) -> None:
        self.good: list[dict[str, Any]] = []
        self.bad: list[Bad] = []
        self.opaque = 0
        self.files: list[bytes] = []


def check(load: dict[str, Any]) -> None:
    """What is refused before there is a job."""
    if "destinationTable" not in load:
        raise required("destinationTable")
    for key, known in (("writeDisposition", WRITE), ("createDisposition", CREATE), ("sourceFormat", FORMATS)):
        if load.get(key) is not None and load[key] not in known:
            raise invalid(f"Invalid value for {key}: {load[key]} is not a valid value")
    check_schema(load.get("schema", {}).get("fields", []))


def run(load: dict[str, Any], content: Optional[bytes], tables: Any, storage: Storage) -> dict[str, Any]:
    """Does the job and gives its statistics; nothing is changed when it fails."""
    target = load["destinationTable"]
    name, partition = split_decorator(target["tableId"])
    existing = tables.find(target["projectId"], target["datasetId"], name)
    sources = _sources(load, content, storage)
    check_target(load, existing, f"Table {target['projectId']}:{target['datasetId']}.{name}")
    made = _table(load, {**target, "tableId": name}, existing, partition, sources)
    read = _read(load, sources, made.fields)
    if len(read.bad) > load.get("maxBadRecords", 0):
        raise BadRows(len(read.bad), _errors(load, read))
    placed = _place(made, read.good, partition)
    tables.publish(load, target, made, placed, read, partition)
    return _statistics(sources, read)


def run_unread(job: Any, tables: Any, storage: Storage) -> tuple[dict[str, Any], list[bytes]]:
    """The same for a job that is told how many rows its files have, and looks into none; its files unpacked."""
    load = job.configuration["load"]
    target = load["destinationTable"]
    name, partition = split_decorator(target["tableId"])
    existing = tables.find(target["projectId"], target["datasetId"], name)
    sources = _sources(load, job.content, storage)
    check_target(load, existing, f"Table {target['projectId']}:{target['datasetId']}.{name}")
    made = _table(load, {**target, "tableId": name}, existing, partition, sources)
    read = Read()
    read.opaque = job.rows_said
    tables.publish(load, target, made, [], read, partition)
    return _statistics(sources, read), [source.text() for source in sources]


def _statistics(sources: list[Source], read: Read) -> dict[str, Any]:
    return {
        "inputFiles": str(len(sources)),
        "inputFileBytes": str(sum(len(source.content) for source in sources)),
        "outputRows": str(len(read.good) + read.opaque),
        "outputBytes": str((len(read.good) + read.opaque) * 64),
        "badRecords": str(len(read.bad)),
        "errors": [bad.error() for bad in read.bad[:MOST_ERRORS]],
    }


def _sources(load: dict[str, Any], content: Optional[bytes], storage: Storage) -> list[Source]:
    if content is not None:
        return [Source(None, content)]
    found = []
    for uri in load["sourceUris"]:
        if uri.count("*") > 1:
            raise invalid(f"Invalid wildcard: {uri}")
        objects = storage.content(uri)
        if not objects:
            raise not_found(f"URI {uri}")
        found += [Source(at, bytes_) for at, bytes_ in objects]
    return found


def check_target(job: dict[str, Any], existing: Optional[Table], what: str) -> None:
    """Whether the dispositions of a load or copy job allow the target to be as it is."""
    if existing is None:
        if job.get("createDisposition") == "CREATE_NEVER":
            raise not_found(what)
    elif job.get("writeDisposition") == "WRITE_EMPTY" and existing.count(None):
        raise duplicate(what)


def _table(
    load: dict[str, Any], reference: dict, existing: Optional[Table], partition: Optional[str], sources: list[Source]
) -> Table:
    """The target as it will be, without rows."""
    fields = load.get("schema", {}).get("fields")
    if fields is None and load.get("sourceFormat") == "PARQUET":
        fields = _parquet(sources[0])[0]
    if existing is None:
        if fields is None:
            raise invalid("No schema specified on job or table.")
        return Table({"tableReference": reference, **_shape(load, fields, partition)})
    made = Table(copy.deepcopy(existing.resource))
    _check_partitioning(load, existing, partition)
    if fields is None:
        if not existing.fields:
            raise invalid("No schema specified on job or table.")
        return made
    if load.get("writeDisposition") == "WRITE_TRUNCATE" and partition is None:
        made.resource.update(_shape(load, fields, None))
    else:
        made.resource["schema"] = {"fields": _merged(load, existing, fields)}
    return made


def _shape(load: dict[str, Any], fields: list[dict[str, Any]], partition: Optional[str]) -> dict[str, Any]:
    """What a load job says about a table that it makes."""
    keys = ("timePartitioning", "rangePartitioning", "clustering", "encryptionConfiguration")
    said = {key: load[key] for key in keys if load.get(key) is not None}
    said.update({key: value for key, value in load.get("destinationTableProperties", {}).items() if value is not None})
    if partition is not None and "timePartitioning" not in said:
        said["timePartitioning"] = {"type": {4: "YEAR", 6: "MONTH", 8: "DAY", 10: "HOUR"}[len(partition)]}
    return {"schema": {"fields": fields}, **said}


def _check_partitioning(load: dict[str, Any], existing: Table, partition: Optional[str]) -> None:
    has = existing.resource.get("timePartitioning")
    wants = load.get("timePartitioning") or ({"type": "DAY"} if partition is not None and not has else None)
    if wants is None:
        return
    shape = {"type": wants.get("type", "DAY"), "field": (wants.get("field") or "").lower()}
    there = {"type": has.get("type", "DAY"), "field": (has.get("field") or "").lower()} if has else None
    if shape != there:
        raise invalid(
            "Incompatible table partitioning specification. Expected partitioning specification "
            f"{_spec(there)}, but input partitioning specification is {_spec(shape)}"
        )


def _spec(shape: Optional[dict[str, Any]]) -> str:
    if not shape:
        return "none"
    field = f",field:{shape['field']}" if shape["field"] else ""
    return f"interval(type:{shape['type'].lower()}{field})"


def _merged(load: dict[str, Any], existing: Table, fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The table's columns after rows of another shape were added: only what was allowed may differ."""
    id = existing.resource.get("id", existing.resource["tableReference"]["tableId"])
    allowed = load.get("schemaUpdateOptions") or []
    merged = copy.deepcopy(existing.fields)
    by_name = {field["name"].lower(): field for field in merged}
    for field in fields:
        old = by_name.get(field["name"].lower())
        if old is None:
            if "ALLOW_FIELD_ADDITION" not in allowed:
                raise invalid(f"Provided Schema does not match Table {id}. Cannot add fields (field: {field['name']})")
            merged.append(copy.deepcopy(field))
            continue
        check_same(id, old, field)
        relaxed = old.get("mode") == "REQUIRED" and field.get("mode") != "REQUIRED"
        if relaxed and "ALLOW_FIELD_RELAXATION" not in allowed:
            raise invalid(
                f"Provided Schema does not match Table {id}. "
                f"Field {old['name']} has changed mode from REQUIRED to NULLABLE"
            )
        if relaxed:
            old["mode"] = "NULLABLE"
    check_grown(existing, merged)
    return merged


def _parquet(source: Source) -> tuple[list[dict[str, Any]], int]:
    try:
        return parquet.footer(source.content)
    except parquet.NotParquet as error:
        raise invalid(source.error(f"The file is not Parquet: {error}")["message"]) from error


def _read(load: dict[str, Any], sources: list[Source], fields: list[dict[str, Any]]) -> Read:
    read = Read()
    kind = load.get("sourceFormat") or "CSV"
    for source in sources:
        if kind == "PARQUET":
            columns, count = _parquet(source)
            _check_columns(load, source, fields, columns)
            read.opaque += count
            read.files.append(source.content)
        elif kind == "NEWLINE_DELIMITED_JSON":
            _read_json(load, source, fields, read)
        elif kind == "CSV":
            _read_csv(load, source, fields, read)
        else:
            raise ApiError(400, "notImplemented", f"this stand-in does not read {kind}")
    return read


def _check_columns(load: dict, source: Source, fields: list[dict[str, Any]], columns: list[dict[str, Any]]) -> None:
    known = {field["name"].lower(): field for field in fields}
    for column in columns:
        if column["name"].lower() not in known and not load.get("ignoreUnknownValues"):
            message = f"Provided schema does not match: no such field: {column['name']}."
            raise BadRows(1, [source.error(message)])


def _read_json(load: dict[str, Any], source: Source, fields: list[dict[str, Any]], read: Read) -> None:
    ignore = bool(load.get("ignoreUnknownValues"))
    try:
        text = source.text()
    except (OSError, EOFError) as error:
        raise BadRows(1, [source.error(f"gzip stream ends early or is damaged: {error}")]) from error
    offset = 0
    for number, line in enumerate(text.split(b"\n"), 1):
        start, offset = offset, offset + len(line) + 1
        if not line.strip():
            continue
        try:
            read.good.append(rows.row(fields, json.loads(line), ignore))
        except rows.Refused as refused:
            read.bad.append(Bad(source, number, start, str(refused)))
        except ValueError as error:
            read.bad.append(Bad(source, number, start, f"Parser terminated before end of string: {error}"))


def _read_csv(load: dict[str, Any], source: Source, fields: list[dict[str, Any]], read: Read) -> None:
    for number, cells in _csv(load, source):
        named = {f["name"]: _csv_value(load, f, *cell) for f, cell in zip(fields, cells)}
        try:
            if any(how == "open" for _, how in cells):
                raise rows.Refused('Missing close double quote (") character')
            if len(cells) > len(fields) and not load.get("ignoreUnknownValues"):
                raise rows.Refused("Too many values in row")
            if len(cells) < len(fields) and not load.get("allowJaggedRows"):
                raise rows.Refused(f"Missing value for field {fields[len(cells)]['name']}")
            read.good.append(rows.row(fields, named, False))
        except rows.Refused as refused:
            read.bad.append(Bad(source, number, 0, str(refused)))


def _csv_value(load: dict[str, Any], field: dict[str, Any], text: str, quoted: str) -> Any:
    """A cell: nothing is NULL, and so is a quoted nothing where the column holds no text."""
    kind = rows.type_of(field)
    if text == load.get("nullMarker", "") and (not quoted or kind not in ("STRING", "BYTES")):
        return None
    if kind == "JSON":
        try:
            return json.loads(text)
        except ValueError as error:
            raise rows.Refused(f"Could not parse '{text}' as JSON for field {field['name']}") from error
    return text


def _csv(load: dict[str, Any], source: Source) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Lines with their cells: the text, and `quoted` where it stood in quotes, `open` where those were not closed."""
    delimiter = load.get("fieldDelimiter") or ","
    delimiter = "\t" if delimiter in ("\\t", "tab") else delimiter
    encoding = load.get("encoding") or "UTF-8"
    text = source.text().decode(encoding)
    pattern = _cells(delimiter, load.get("quote") or '"', bool(load.get("allowQuotedNewlines")))
    at, line, index = 0, 1, 0
    while at < len(text):
        start, cells = at, []
        while True:
            found = pattern.match(text, at)
            quoted, plain, end = found.group("quoted", "plain", "end")
            if quoted is None:
                cells.append((plain, "open" if plain.startswith('"') else ""))
            else:
                cells.append((quoted.replace('""', '"'), "quoted"))
            at = found.end()
            if end != delimiter:
                break
        if index >= int(load.get("skipLeadingRows") or 0) and cells != [("", "")]:
            yield line, cells
        index += 1
        line += text.count("\n", start, at)


def _cells(delimiter: str, quote: str, newlines: bool) -> re.Pattern[str]:
    """One cell and what ends it."""
    d, q = re.escape(delimiter), re.escape(quote)
    inside = f"(?:[^{q}]|{q}{q})*" if newlines else f"(?:[^{q}\r\n]|{q}{q})*"
    return re.compile(f"(?:{q}(?P<quoted>{inside}){q}|(?P<plain>[^{d}\r\n]*))(?P<end>{d}|\r\n|\n|\r|$)")


def _place(
    made: Table, good: list[dict[str, Any]], partition: Optional[str]
) -> list[tuple[Optional[str], dict[str, Any]]]:
    """Each row with its partition; one that does not belong to the partition named in the target is an error."""
    spec = made.resource.get("timePartitioning") or {}
    placed = []
    for cells in good:
        at = made.partition_of(cells)
        if partition is not None and spec.get("field") and at != partition:
            raise invalid(f"Some rows belong to different partitions rather than destination partition {partition}")
        placed.append((partition if partition is not None and not spec.get("field") else at, cells))
    return placed


def _errors(load: dict[str, Any], read: Read) -> list[dict[str, Any]]:
    """The error stream of a job that gave up: a summary, another, then rows."""
    count, total = len(read.bad), len(read.bad) + len(read.good)
    first = read.bad[0].source
    table = first.error(
        f"JSON table encountered too many errors, giving up. Rows: {total}; errors: {count}. "
        "Please look into the errors[] collection for more details."
    )
    allowed = load.get("maxBadRecords", 0)
    processing = {
        "reason": "invalid",
        "message": "Error while reading data, error message: JSON processing encountered too many errors, "
        f"giving up. Rows: {total}; errors: {count}; max bad: {allowed}; error percent: 0",
    }
    return [table, processing, *(bad.error() for bad in read.bad[:MOST_ERRORS])]
