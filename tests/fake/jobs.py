"""Jobs: inserted under an id that is taken once, PENDING and RUNNING for some polls, then done.

What a job does happens when it becomes DONE, not when it is inserted: whoever believes that a submitted
job is a loaded table is found out.
"""

from __future__ import annotations

import secrets
from typing import Any, Optional

import clock
import copying
import emulator
import extracting
import load
from errors import ApiError, duplicate, invalid, not_found, required
from storage import Storage
from tables import Tables
from uploads import Uploads, multipart
from web import Request, Response

USUAL_POLLS = 2


class Job:
    """One job and how many polls it still takes."""

    def __init__(self, project: str, given: dict[str, Any], content: Optional[bytes], polls: int):
        reference = given.get("jobReference", {})
        self.project = project
        self.id = reference.get("jobId") or f"job_{secrets.token_hex(12)}"
        self.location = reference.get("location") or "US"
        self.configuration = given.get("configuration", {})
        self.content = content
        self.polls_left = polls
        self.fail: Optional[dict[str, Any]] = None
        # A load that looks into none of its files: how many rows it says they had, and their bytes.
        self.rows_said: Optional[int] = None
        self.unread_files: list[bytes] = []
        self.error: Optional[dict[str, Any]] = None
        self.errors: list[dict[str, Any]] = []
        self.outcome: dict[str, Any] = {}
        self.created = clock.milliseconds()
        self.ended: Optional[str] = None

    @property
    def kind(self) -> str:
        kinds = [k for k in ("load", "copy", "query", "extract") if k in self.configuration]
        if len(kinds) != 1:
            raise required("configuration of exactly one of load, copy, query, extract")
        return kinds[0]

    @property
    def state(self) -> str:
        if self.ended:
            return "DONE"
        return "RUNNING" if self.polls_left <= 1 else "PENDING"

    def shown(self, request: Request) -> dict[str, Any]:
        status: dict[str, Any] = {"state": self.state}
        if self.error:
            status["errorResult"] = self.error
        if self.errors:
            status["errors"] = self.errors
        statistics: dict[str, Any] = {"creationTime": self.created}
        if self.state != "PENDING":
            statistics["startTime"] = self.created
        if self.ended:
            statistics["endTime"] = self.ended
            if self.outcome:
                statistics[self.kind] = self.outcome
        at = f"/bigquery/v2/projects/{self.project}/jobs/{self.id}?location={self.location}"
        return {
            "kind": "bigquery#job",
            "etag": f"{self.id}-{self.state}",
            "id": f"{self.project}:{self.location}.{self.id}",
            "selfLink": f"{request.base}{at}",
            "user_email": "tests@example.com",
            "jobReference": {"projectId": self.project, "jobId": self.id, "location": self.location},
            "configuration": {"jobType": self.kind.upper(), **self.configuration},
            "status": status,
            "statistics": statistics,
        }


class Jobs:
    """All jobs. `behind`: the tables of an emulator instead of our own."""

    def __init__(self, tables: Tables, storage: Storage, uploads: Uploads, behind: Any):
        self.tables = tables
        self.storage = storage
        self.uploads = uploads
        self.behind = behind
        self.polls = USUAL_POLLS
        self.jobs: dict[tuple[str, str], Job] = {}

    # ---- routes ----

    def handle(self, request: Request, project: str, rest: list[str], told: dict[str, Any]) -> Response:
        method = request.method
        if not rest and method == "POST":
            given = request.json() or {}
            if "load" in given.get("configuration", {}) and not given["configuration"]["load"].get("sourceUris"):
                raise required("sourceUris")
            return self.insert(request, project, given, None, told)
        if not rest and method == "GET":
            return self.list(request, project)
        if rest and self.behind and (project, rest[0]) not in self.jobs:
            return emulator.forward(self.behind.base, request)
        if len(rest) == 1 and method == "GET":
            job = self.find(project, rest[0])
            self.poll(job)
            return Response(200, job.shown(request))
        if len(rest) == 2 and rest[1] == "cancel" and method == "POST":
            job = self.find(project, rest[0])
            if not job.ended:
                self.end(job, {"reason": "stopped", "message": "Job execution was cancelled: User requested cancellation"})
            return Response(200, {"kind": "bigquery#jobCancelResponse", "job": job.shown(request)})
        if len(rest) == 2 and rest[1] == "delete" and method == "DELETE":
            self.find(project, rest[0])
            del self.jobs[project, rest[0]]
            return Response(204)
        raise ApiError(404, "notFound", f"no such method: {method} {request.path}")

    def upload(self, request: Request, project: str, told: dict[str, Any], short: Optional[int]) -> Response:
        if "upload_id" in request.query:
            return self.uploads.proceed(request, short)
        kind = request.query.get("uploadType")
        if kind == "multipart":
            given, _, content = multipart(request)
            request.metadata, request.media_bytes = given, len(content)
            return self.insert(request, project, given, content, told)
        if kind != "resumable":
            raise invalid(f"Invalid value for uploadType: {kind}")
        given = request.json() or {}
        request.metadata = given
        self.check(project, given)

        def finish(last: Request, metadata: dict[str, Any], content: bytes) -> Response:
            return self.insert(last, project, metadata, content, told)

        return self.uploads.start(request, given, finish, 204)

    # ---- life of a job ----

    def check(self, project: str, given: dict[str, Any]) -> None:
        """What is refused at once, without making a job."""
        id = given.get("jobReference", {}).get("jobId")
        if id is not None:
            if (project, id) in self.jobs:
                location = self.jobs[project, id].location
                raise duplicate(f"Job {project}:{location}.{id}")
            if not 1 <= len(id) <= 1024 or not all(c.isascii() and (c.isalnum() or c in "-_") for c in id):
                raise invalid(f'Invalid job ID "{id}".')
        configuration = given.get("configuration", {})
        for kind, module in (("load", load), ("copy", copying)):
            if kind in configuration:
                module.check(configuration[kind])
                target = configuration[kind]["destinationTable"]
                (self.behind or self.tables).dataset(target["projectId"], target["datasetId"])
        if "extract" in configuration:
            extracting.check(configuration["extract"])
        if "query" in configuration and not self.behind:
            raise ApiError(400, "notImplemented", "this stand-in runs no SQL: put it before an emulator")

    def insert(
        self, request: Request, project: str, given: dict, content: Optional[bytes], told: dict[str, Any]
    ) -> Response:
        self.check(project, given)
        if "query" in given.get("configuration", {}):
            return emulator.forward(self.behind.base, request)
        job = Job(project, given, content, self.polls)
        job.fail = told.get("fail")
        job.rows_said = told.get("unread") if job.kind == "load" else None
        self.jobs[project, job.id] = job
        if self.polls == 0:
            self.finish(job)
        return Response(200, job.shown(request))

    def unread(self) -> list[dict[str, Any]]:
        """What no load has looked into, unpacked, job by job."""
        unread = [job for job in self.jobs.values() if job.unread_files]
        return [{"project": job.project, "job": job.id, "files": [b.decode() for b in job.unread_files]} for job in unread]

    def find(self, project: str, id: str) -> Job:
        job = self.jobs.get((project, id))
        if job is None:
            raise not_found(f"Job {project}:{id}")
        return job

    def poll(self, job: Job) -> None:
        if not job.ended:
            job.polls_left -= 1
            if job.polls_left <= 0:
                self.finish(job)

    def finish(self, job: Job) -> None:
        """Does what the job is for."""
        if job.fail:
            self.end(job, {k: job.fail[k] for k in ("reason", "location", "message") if k in job.fail})
            return
        tables = self.behind or self.tables
        module = {"load": load, "copy": copying, "extract": extracting}.get(job.kind)
        try:
            if module is None:
                raise invalid(f"this stand-in knows no {job.kind} job")
            if job.rows_said is None:
                job.outcome = module.run(job.configuration[job.kind], job.content, tables, self.storage)
            else:
                job.outcome, job.unread_files = load.run_unread(job, tables, self.storage)
            job.errors = job.outcome.pop("errors", [])
            self.end(job, None)
        except load.BadRows as bad:
            job.outcome = {"badRecords": str(bad.count), "outputRows": "0"}
            self.end(job, bad.errors[0], bad.errors)
        except ApiError as error:
            self.end(job, {"reason": error.reason, "message": error.message})

    @staticmethod
    def end(job: Job, error: Optional[dict[str, Any]], errors: Optional[list[dict[str, Any]]] = None) -> None:
        job.ended = clock.milliseconds()
        job.content = None
        if error:
            job.error = error
            job.errors = errors or [error]

    def list(self, request: Request, project: str) -> Response:
        jobs = [job for (p, _), job in self.jobs.items() if p == project]
        items = []
        for job in reversed(jobs):
            shown = job.shown(request)
            item = {k: shown[k] for k in ("kind", "id", "jobReference", "configuration", "status", "statistics")}
            item["state"] = job.state
            if job.error:
                item["errorResult"] = job.error
            items.append(item)
        return Response(200, {"kind": "bigquery#jobList", "etag": str(len(items)), "jobs": items})
