"""BigQuery's REST calls for datasets, tables and rows; jobs are in jobs.py."""

from __future__ import annotations

from typing import Any, Optional

import emulator
import rows
from errors import ApiError, invalid
from jobs import Jobs
from reads import Reads
from storage import Storage
from tables import Tables, split_decorator
from uploads import Uploads
from web import Request, Response


class BigQuery:
    """All of it, by its own tables or by those of an emulator behind."""

    def __init__(self, storage: Storage, uploads: Uploads, behind: Optional[str]):
        self.tables = Tables()
        self.reads = Reads()
        self.behind = behind
        store = emulator.Emulator(behind) if behind else None
        self.jobs = Jobs(self.tables, storage, uploads, store)

    def handle(self, request: Request, told: dict[str, Any], short: Optional[int]) -> Response:
        segments = request.segments
        if segments[0] == "upload":
            return self.jobs.upload(request, segments[4], told, short)
        project, rest = segments[3], segments[4:]
        if rest and rest[0] == "jobs":
            return self.jobs.handle(request, project, rest[1:], told)
        if self.behind:
            return emulator.forward_tables(self.behind, request)
        if rest and rest[0] == "datasets":
            return self.on_datasets(request, project, rest[1:])
        if rest and rest[0] == "queries":
            return Response(200, self.reads.answer(project, request.json()))
        raise ApiError(404, "notFound", f"no such method: {request.method} {request.path}")

    def on_datasets(self, request: Request, project: str, rest: list[str]) -> Response:
        method, tables = request.method, self.tables
        if not rest and method == "GET":
            found = tables.list_datasets(project)
            return Response(200, {"kind": "bigquery#datasetList", "etag": str(len(found)), "datasets": found})
        if not rest and method == "POST":
            return Response(200, tables.insert_dataset(project, request.json()))
        if len(rest) == 1 and method == "GET":
            return Response(200, tables.dataset(project, rest[0]))
        if len(rest) == 1 and method in ("PATCH", "PUT"):
            tables.dataset(project, rest[0]).update(request.json())
            return Response(200, tables.dataset(project, rest[0]))
        if len(rest) == 1 and method == "DELETE":
            tables.delete_dataset(project, rest[0], request.query.get("deleteContents") == "true")
            return Response(204)
        if len(rest) >= 2 and rest[1] == "tables":
            return self.on_tables(request, project, rest[0], rest[2:])
        raise ApiError(404, "notFound", f"no such method: {method} {request.path}")

    def on_tables(self, request: Request, project: str, dataset: str, rest: list[str]) -> Response:
        method, tables = request.method, self.tables
        if not rest and method == "GET":
            return self.list(request, project, dataset)
        if not rest and method == "POST":
            made = tables.insert(project, dataset, request.json())
            return Response(200, tables.shown(made))
        if len(rest) == 2 and rest[1] == "data" and method == "GET":
            return self.data(request, project, dataset, rest[0])
        if len(rest) == 1 and method == "GET":
            found = tables.table(project, dataset, rest[0])
            return Response(200, tables.shown(found, split_decorator(rest[0])[1]))
        if len(rest) == 1 and method in ("PATCH", "PUT"):
            found = tables.table(project, dataset, rest[0])
            tables.patch(found, request.json())
            return Response(200, tables.shown(found))
        if len(rest) == 1 and method == "DELETE":
            tables.delete(project, dataset, rest[0])
            return Response(204)
        raise ApiError(404, "notFound", f"no such method: {method} {request.path}")

    def list(self, request: Request, project: str, dataset: str) -> Response:
        self.tables.dataset(project, dataset)
        found = [t.resource for t in self.tables.of(project, dataset)]
        after = request.query.get("pageToken", "")
        size = int(request.query.get("maxResults", 50))
        rest = [r for r in found if r["tableReference"]["tableId"] > after]
        keys = ("id", "tableReference", "type", "creationTime", "expirationTime", "timePartitioning", "clustering")
        items = [{"kind": "bigquery#table", **{k: r[k] for k in keys if k in r}} for r in rest[:size]]
        answer = {"kind": "bigquery#tableList", "etag": str(len(found)), "totalItems": len(found), "tables": items}
        if len(rest) > size:
            answer["nextPageToken"] = items[-1]["tableReference"]["tableId"]
        return Response(200, answer)

    def data(self, request: Request, project: str, dataset: str, name: str) -> Response:
        table = self.tables.table(project, dataset, name)
        partition = split_decorator(name)[1]
        if table.opaque_rows:
            raise invalid("rows that came as Parquet are counted here, not kept")
        kept = [cells for at, cells in table.rows if partition in (None, at)]
        query = request.query
        start = int(query.get("pageToken") or query.get("startIndex") or 0)
        size = int(query.get("maxResults", 10_000))
        int_timestamps = query.get("formatOptions.useInt64Timestamp", "").lower() == "true"
        answer: dict[str, Any] = {
            "kind": "bigquery#tableDataList",
            "etag": str(len(kept)),
            "totalRows": str(len(kept)),
            "rows": [rows.shown(table.fields, cells, int_timestamps) for cells in kept[start : start + size]],
        }
        if start + size < len(kept):
            answer["pageToken"] = str(start + size)
        return Response(200, answer)
