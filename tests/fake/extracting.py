"""Extract jobs: the rows of a table as an object in a bucket."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any, Optional

import rows
from errors import invalid, not_found, required
from storage import Object, Storage
from tables import split_decorator

FORMATS = ("CSV", "NEWLINE_DELIMITED_JSON", "AVRO", "PARQUET")


def check(job: dict[str, Any]) -> None:
    """What is refused before there is a job."""
    if "sourceTable" not in job:
        raise required("sourceTable")
    if not job.get("destinationUris"):
        raise required("destinationUris")
    if job.get("destinationFormat", "CSV") not in FORMATS:
        raise invalid(f"Invalid value for destinationFormat: {job['destinationFormat']} is not a valid value")


def run(job: dict[str, Any], _content: Optional[bytes], tables: Any, storage: Storage) -> dict[str, Any]:
    """Writes one object under each address; an address with `*` gets one, numbered 0."""
    source = job["sourceTable"]
    name, only = split_decorator(source["tableId"])
    table = tables.find(source["projectId"], source["datasetId"], name)
    if table is None:
        raise not_found(f"Table {source['projectId']}:{source['datasetId']}.{name}")
    plain = [rows.plain(table.fields, cells) for at, cells in table.rows if only in (None, at)]
    content = _csv(job, table.fields, plain) if job.get("destinationFormat", "CSV") == "CSV" else _json(plain)
    if job.get("compression") == "GZIP":
        content = gzip.compress(content)
    for uri in job["destinationUris"]:
        bucket, _, object_name = uri.removeprefix("gs://").partition("/")
        if bucket not in storage.buckets:
            raise not_found(f"Bucket {bucket}")
        object_name = object_name.replace("*", "000000000000")
        storage.generation += 1
        storage.buckets[bucket][object_name] = Object(bucket, object_name, content, {}, storage.generation)
    return {"destinationUriFileCounts": ["1" for _ in job["destinationUris"]]}


def _csv(job: dict[str, Any], fields: list[dict[str, Any]], plain: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=job.get("fieldDelimiter", ","), lineterminator="\n")
    if job.get("printHeader", True):
        writer.writerow([field["name"] for field in fields])
    for row in plain:
        writer.writerow(["" if row.get(field["name"]) is None else row[field["name"]] for field in fields])
    return out.getvalue().encode()


def _json(plain: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in plain).encode()
