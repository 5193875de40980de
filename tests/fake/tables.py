"""Datasets, tables and their rows, in memory."""

from __future__ import annotations

import copy
import re
import time
from typing import Any, Iterator, Optional

import clock
import rows
from errors import ApiError, duplicate, invalid, not_found

# What a caller may say about a table, and change later.
SETTABLE = (
    *("description", "friendlyName", "labels", "schema", "timePartitioning", "rangePartitioning", "clustering"),
    *("expirationTime", "requirePartitionFilter", "encryptionConfiguration", "tableConstraints"),
)
NAME = re.compile(r"[\w\- ]{1,1024}")


class Table:
    """A table: its resource and its rows. A row is (partition id or None, cells)."""

    def __init__(self, resource: dict[str, Any]):
        self.resource = resource
        self.rows: list[tuple[Optional[str], dict[str, Any]]] = []
        # Rows that came as Parquet: counted, not kept.
        self.opaque_rows = 0

    @property
    def fields(self) -> list[dict[str, Any]]:
        return self.resource.get("schema", {}).get("fields", [])

    def partition_of(self, cells: dict[str, Any]) -> Optional[str]:
        """Where a row belongs; `None` where the table is not partitioned by time."""
        spec = self.resource.get("timePartitioning")
        if not spec:
            return None
        unit = spec.get("type", "DAY")
        if not spec.get("field"):
            lengths = {"HOUR": 10, "DAY": 8, "MONTH": 6, "YEAR": 4}
            return time.strftime("%Y%m%d%H", time.gmtime())[: lengths[unit]]
        field = next(f for f in self.fields if f["name"].lower() == spec["field"].lower())
        return rows.day_of(field, cells.get(field["name"]), unit)

    def count(self, partition: Optional[str]) -> int:
        if partition is None:
            return len(self.rows) + self.opaque_rows
        return sum(1 for at, _ in self.rows if at == partition)

    def clear(self, partition: Optional[str]) -> None:
        if partition is None:
            self.rows, self.opaque_rows = [], 0
        else:
            self.rows = [row for row in self.rows if row[0] != partition]


class Tables:
    """All datasets of all projects."""

    def __init__(self) -> None:
        self.datasets: dict[tuple[str, str], dict[str, Any]] = {}
        self.tables: dict[tuple[str, str, str], Table] = {}

    # ---- datasets ----

    def dataset(self, project: str, dataset: str) -> dict[str, Any]:
        found = self.datasets.get((project, dataset))
        if found is None:
            raise not_found(f"Dataset {project}:{dataset}")
        return found

    def insert_dataset(self, project: str, given: dict[str, Any]) -> dict[str, Any]:
        id = given["datasetReference"]["datasetId"]
        if (project, id) in self.datasets:
            raise duplicate(f"Dataset {project}:{id}")
        now = clock.milliseconds()
        made = {
            "kind": "bigquery#dataset",
            "etag": now,
            "id": f"{project}:{id}",
            "location": "US",
            "creationTime": now,
            "lastModifiedTime": now,
            **given,
            "datasetReference": {"projectId": project, "datasetId": id},
        }
        self.datasets[project, id] = made
        return made

    def delete_dataset(self, project: str, dataset: str, with_contents: bool) -> None:
        self.dataset(project, dataset)
        inside = list(self.of(project, dataset))
        if inside and not with_contents:
            raise ApiError(400, "resourceInUse", f"Dataset {project}:{dataset} is still in use")
        for table in inside:
            reference = table.resource["tableReference"]
            del self.tables[project, dataset, reference["tableId"]]
        del self.datasets[project, dataset]

    def list_datasets(self, project: str) -> list[dict[str, Any]]:
        keys = ("kind", "id", "datasetReference", "location", "labels")
        return [{k: d[k] for k in keys if k in d} for (p, _), d in sorted(self.datasets.items()) if p == project]

    # ---- tables ----

    def of(self, project: str, dataset: str) -> Iterator[Table]:
        self.expire()
        return iter([table for key, table in sorted(self.tables.items()) if key[:2] == (project, dataset)])

    def find(self, project: str, dataset: str, table: str) -> Optional[Table]:
        self.expire()
        return self.tables.get((project, dataset, table))

    def table(self, project: str, dataset: str, table: str) -> Table:
        """A table by its name, which may have a partition decorator."""
        self.dataset(project, dataset)
        name = split_decorator(table)[0]
        found = self.find(project, dataset, name)
        if found is None:
            raise not_found(f"Table {project}:{dataset}.{name}")
        return found

    def insert(self, project: str, dataset: str, given: dict[str, Any]) -> Table:
        location = self.dataset(project, dataset)["location"]
        id = given.get("tableReference", {}).get("tableId", "")
        if not NAME.fullmatch(id):
            raise invalid(f'Invalid table ID "{id}".')
        if self.find(project, dataset, id):
            raise duplicate(f"Table {project}:{dataset}.{id}")
        check_schema(given.get("schema", {}).get("fields", []))
        now = clock.milliseconds()
        resource = {
            "kind": "bigquery#table",
            "id": f"{project}:{dataset}.{id}",
            "tableReference": {"projectId": project, "datasetId": dataset, "tableId": id},
            "creationTime": now,
            "lastModifiedTime": now,
            "type": "TABLE",
            "location": location,
            **{key: without_nulls(given[key]) for key in SETTABLE if given.get(key) is not None},
        }
        made = Table(resource)
        self.tables[project, dataset, id] = made
        return made

    def delete(self, project: str, dataset: str, table: str) -> None:
        found = self.table(project, dataset, table)
        name, partition = split_decorator(table)
        if partition is None:
            del self.tables[project, dataset, name]
        else:
            found.clear(partition)

    def patch(self, table: Table, given: dict[str, Any]) -> None:
        if "schema" in given:
            check_grown(table, given["schema"].get("fields", []))
        for key in SETTABLE:
            if key in given:
                table.resource[key] = given[key]
                if given[key] is None:
                    del table.resource[key]
        table.resource["lastModifiedTime"] = clock.milliseconds()

    def patch_shape(self, table: Table, made: Table) -> None:
        """Gives a table the columns, partitioning and clustering of another."""
        for key in ("schema", "timePartitioning", "rangePartitioning", "clustering"):
            table.resource.pop(key, None)
            if key in made.resource:
                table.resource[key] = made.resource[key]
        table.resource["lastModifiedTime"] = clock.milliseconds()

    def publish(self, load: dict, target: dict, made: Table, placed: list, read: Any, partition: Optional[str]) -> None:
        """The end of a load job: its rows and its shape appear at once."""
        project, dataset = target["projectId"], target["datasetId"]
        table = self.find(project, dataset, split_decorator(target["tableId"])[0])
        if table is None:
            table = self.insert(project, dataset, made.resource)
        else:
            self.patch_shape(table, made)
        if load.get("writeDisposition", "").startswith("WRITE_TRUNCATE"):
            table.clear(partition)
        table.rows += placed
        table.opaque_rows += read.opaque

    def expire(self) -> None:
        now = time.time() * 1000
        for key, table in list(self.tables.items()):
            if int(table.resource.get("expirationTime", "9" * 18)) <= now:
                del self.tables[key]

    @staticmethod
    def shown(table: Table, partition: Optional[str] = None) -> dict[str, Any]:
        count = table.count(partition)
        return {
            **table.resource,
            "etag": f"{table.resource['lastModifiedTime']}-{count}",
            "numRows": str(count),
            "numBytes": str(count * 64),
            "numLongTermBytes": "0",
        }


def without_nulls(value: Any) -> Any:
    """A copy in which a key that was given as null is absent, as the service keeps it."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def split_decorator(table: str) -> tuple[str, Optional[str]]:
    """`t$20240101` as the table and its partition."""
    name, mark, partition = table.partition("$")
    return name, partition if mark else None


def check_schema(fields: list[dict[str, Any]]) -> None:
    seen = set()
    for field in fields:
        name = field.get("name", "")
        if not name or len(name) > 300 or name.lower() in seen:
            raise invalid(f'Invalid field name "{name}". Fields must be named, once, in at most 300 characters.')
        seen.add(name.lower())
        if rows.type_of(field) not in rows.KNOWN:
            raise invalid(f"Invalid value for type: {field.get('type')} is not a valid value")
        check_schema(field.get("fields", []))


def check_grown(table: Table, fields: list[dict[str, Any]]) -> None:
    """A schema may gain columns that need no value, and a column may lose REQUIRED; no more."""
    check_schema(fields)
    new = {field["name"].lower(): field for field in fields}
    for old in table.fields:
        id = table.resource["id"]
        field = new.pop(old["name"].lower(), None)
        if field is None:
            raise invalid(f"Provided Schema does not match Table {id}. Field {old['name']} is missing in new schema")
        check_same(id, old, field)
    for field in new.values():
        if field.get("mode") == "REQUIRED":
            raise invalid(
                f"Provided Schema does not match Table {table.resource['id']}. "
                f"Cannot add required fields to an existing schema. (field: {field['name']})"
            )


def check_same(id: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    said = f"Provided Schema does not match Table {id}. Field {old['name']} has changed"
    if rows.type_of(old) != rows.type_of(new):
        raise invalid(f"{said} type from {rows.type_of(old)} to {rows.type_of(new)}")
    before, after = old.get("mode") or "NULLABLE", new.get("mode") or "NULLABLE"
    if before != after and (before, after) != ("REQUIRED", "NULLABLE"):
        raise invalid(f"{said} mode from {before} to {after}")
