"""Who read which table: what `INFORMATION_SCHEMA.JOBS_BY_PROJECT` has on record of queries.

It runs no SQL. It knows one question, the last read of each table of some datasets, by the view that the text names, and
answers it from the reads that a test wrote down: `POST /_control/reads` with a list of
`{"reader", "region", "project", "dataset", "table", "at" (microseconds since 1970), "job_type", "job_id",
"destination" (a table of the same dataset)}`. Whether the text itself is right, it cannot judge.
"""

from __future__ import annotations

import re
from typing import Any

from errors import ApiError, invalid

VIEW = re.compile(r"FROM `([^`]+)`\.`region-([^`]+)`\.INFORMATION_SCHEMA\.JOBS_BY_PROJECT AS j, ")


class Reads:
    """The reads that tests wrote down."""

    def __init__(self) -> None:
        self.known: list[dict[str, Any]] = []

    def answer(self, project: str, given: dict[str, Any]) -> dict[str, Any]:
        view = VIEW.search(given.get("query", ""))
        if view is None:
            raise ApiError(400, "notImplemented", "this stand-in runs no SQL: put it before an emulator")
        reader, region = view.groups()
        if given.get("useLegacySql") is not False or given.get("parameterMode") != "NAMED":
            raise invalid("JOBS_BY_PROJECT is asked in the newer dialect, with named parameters")
        if given.get("location", "").lower() != region:
            raise ApiError(404, "notFound", f"Not found: region {region} in location {given.get('location')}")
        told = {one["name"]: one["parameterValue"] for one in given["queryParameters"]}
        datasets = [one["value"] for one in told["datasets"]["arrayValues"]]
        last: dict[tuple[str, str], int] = {}
        for read in self.known:
            own = read.get("job_id", "").startswith("sync_") and read.get("destination") == read["table"]
            if (
                read["reader"] == reader
                and read["region"] == region
                and read["project"] == told["project"]["value"]
                and read["dataset"] in datasets
                and read.get("job_type", "QUERY") == "QUERY"
                and read["at"] >= int(told["since"]["value"])
                and not own
            ):
                name = (read["dataset"], read["table"])
                last[name] = max(read["at"], last.get(name, 0))
        rows = [{"f": [{"v": dataset}, {"v": table}, {"v": str(at)}]} for (dataset, table), at in sorted(last.items())]
        return {
            "kind": "bigquery#queryResponse",
            "schema": {"fields": [
                {"name": "dataset_id", "type": "STRING", "mode": "NULLABLE"},
                {"name": "table_id", "type": "STRING", "mode": "NULLABLE"},
                {"name": "last_read", "type": "INTEGER", "mode": "NULLABLE"},
            ]},
            "jobReference": {"projectId": project, "jobId": "job_reads", "location": given["location"]},
            "totalRows": str(len(rows)),
            "rows": rows,
            "jobComplete": True,
            "cacheHit": False,
        }
