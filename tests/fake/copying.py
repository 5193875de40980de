"""Copy jobs: the rows and the shape of one or more tables into another."""

from __future__ import annotations

import copy
import json
from typing import Any, Optional

from errors import invalid, not_found, required
from load import CREATE, WRITE, check_target
from storage import Storage
from tables import Table, split_decorator


def check(job: dict[str, Any]) -> None:
    """What is refused before there is a job."""
    if "destinationTable" not in job:
        raise required("destinationTable")
    if not sources_of(job):
        raise required("sourceTable")
    for key, known in (("writeDisposition", WRITE), ("createDisposition", CREATE)):
        if job.get(key) is not None and job[key] not in known:
            raise invalid(f"Invalid value for {key}: {job[key]} is not a valid value")


def sources_of(job: dict[str, Any]) -> list[dict[str, str]]:
    return job.get("sourceTables") or ([job["sourceTable"]] if "sourceTable" in job else [])


def run(job: dict[str, Any], _content: Optional[bytes], tables: Any, _storage: Storage) -> dict[str, Any]:
    """Does the job; a copy writes to an empty target unless told otherwise."""
    if not hasattr(tables, "tables"):
        return tables.copy(job)
    job = {"writeDisposition": "WRITE_EMPTY", **job}
    target = job["destinationTable"]
    name, partition = split_decorator(target["tableId"])
    existing = tables.find(target["projectId"], target["datasetId"], name)
    check_target(job, existing, f"Table {target['projectId']}:{target['datasetId']}.{name}")
    read: list[tuple[Optional[str], dict[str, Any]]] = []
    opaque, shape = 0, None
    for source in sources_of(job):
        table, only = split_decorator(source["tableId"])
        found = tables.find(source["projectId"], source["datasetId"], table)
        if found is None:
            raise not_found(f"Table {source['projectId']}:{source['datasetId']}.{table}")
        read += [row for row in found.rows if only in (None, row[0])]
        opaque += found.opaque_rows
        shape = shape or found
    made = _made(job, existing, shape, {**target, "tableId": name})
    if existing is not None and partition is None:
        _check_partitioning(existing, shape)
    if existing is None:
        existing = tables.insert(target["projectId"], target["datasetId"], made.resource)
    else:
        tables.patch_shape(existing, made)
    if job["writeDisposition"] != "WRITE_APPEND":
        existing.clear(partition)
    existing.rows += [(partition or at, cells) for at, cells in read]
    existing.opaque_rows += opaque
    return {"copiedRows": str(len(read) + opaque), "copiedLogicalBytes": str((len(read) + opaque) * 64)}


def _check_partitioning(target: Table, source: Table) -> None:
    """No copy job changes how a table is partitioned, not even one that takes the place of its rows."""
    has, comes = _partitioning(target), _partitioning(source)
    if has != comes:
        raise invalid(
            "Failed to copy table: Incompatible table partitioning specification. Expects partitioning specification "
            f"{has}, but input partitioning specification is {comes}"
        )


def _partitioning(table: Table) -> str:
    time, ranges = (table.resource.get(key) for key in ("timePartitioning", "rangePartitioning"))
    if time:
        field = f",field:{time['field']}" if "field" in time else ""
        return f"interval(type:{time['type'].lower()}{field})"
    return f"range(field:{ranges['field']},{json.dumps(ranges['range'], sort_keys=True)})" if ranges else "none"


def _made(job: dict[str, Any], existing: Optional[Table], source: Table, reference: dict[str, Any]) -> Table:
    """The target as it will be: of the source's shape, unless rows are added to what is there."""
    keys = ("schema", "timePartitioning", "rangePartitioning", "clustering")
    shape = {key: copy.deepcopy(source.resource[key]) for key in keys if key in source.resource}
    if existing is not None and job["writeDisposition"] == "WRITE_APPEND":
        names = {field["name"].lower() for field in existing.fields}
        extra = [field["name"] for field in source.fields if field["name"].lower() not in names]
        if extra:
            id = existing.resource["id"]
            raise invalid(f"Provided Schema does not match Table {id}. Cannot add fields (field: {extra[0]})")
        return Table(copy.deepcopy(existing.resource))
    return Table({"tableReference": reference, **shape})
