#!/usr/bin/env python3
"""A stand-in for BigQuery and Cloud Storage on one loopback port. See README.md beside this file.

usage: google.py [--port N] [--log FILE] [--bucket NAME]... [--bigquery URL] [--storage URL]

Prints `ready PORT` and serves until its standard input ends: it never outlives the test that made it.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import threading
import time
from typing import Any, Optional

import emulator
from bigquery import BigQuery
from calls import Calls
from errors import ApiError, invalid
from faults import Faults, Rule
from storage import Storage
from uploads import Uploads
from web import Dropped, Request, Response, serve


class Google:
    """Both services, the faults before them and the log behind."""

    def __init__(self, arguments: argparse.Namespace):
        uploads = Uploads()
        self.storage = Storage(arguments.bucket, uploads)
        self.storage_behind = arguments.storage
        if self.storage_behind:
            self.storage.content = lambda uri: emulator.objects(self.storage_behind, uri)
        self.bigquery = BigQuery(self.storage, uploads, arguments.bigquery)
        self.calls = Calls(arguments.log)
        self.faults = Faults()
        self.lock = threading.RLock()

    def handle(self, request: Request) -> Response:
        if request.path.startswith("/_control/"):
            return self.answer(lambda: self.control(request))
        started = time.time()
        rule = self.faults.take(request)
        response: Optional[Response] = None
        try:
            response = self.answer(lambda: self.with_fault(request, rule))
            if rule and rule.action == "lose_answer":
                raise Dropped
            if rule and rule.action == "hold_answer":
                self.faults.hold(rule, request)
            return response
        finally:
            self.calls.add(started, request, response, rule and rule.action)

    def with_fault(self, request: Request, rule: Optional[Rule]) -> Response:
        action = rule.action if rule else None
        if action == "status":
            return rule.error()
        if action == "reset":
            raise Dropped
        if action == "hold":
            self.faults.hold(rule, request)
        if action == "slow":
            time.sleep(rule.given.get("seconds", 1))
        short = rule.given.get("bytes", 0) if action == "short" else None
        told: dict[str, Any] = {}
        if action == "job_fail":
            told["fail"] = {"reason": "backendError", "message": "told to fail", **rule.given}
        if action == "unread":
            told["unread"] = rule.given.get("rows", 0)
        if action == "corrupt":
            request.content = bytes([request.content[0] ^ 1]) + request.content[1:]
        response = self.route(request, told, short)
        if action == "other_crc32c":
            response = Response(response.status, {**response.value, "crc32c": "AAAAAA=="}, response.headers)
        if action == "cut":
            # The same answer may be given again, and whole.
            response = copy.copy(response)
            response.cut_after = rule.given.get("bytes", 0)
        return response

    def route(self, request: Request, told: dict[str, Any], short: Optional[int]) -> Response:
        service = request.segments[1] if request.segments[0] in ("upload", "download") else request.segments[0]
        if service == "storage" and self.storage_behind:
            return emulator.forward(self.storage_behind, request)
        # One call at a time: what is shared stays whole.
        with self.lock:
            if service == "storage":
                return self.storage.handle(request, short)
            if service == "bigquery" and len(request.segments) > 3:
                return self.bigquery.handle(request, told, short)
        raise ApiError(404, "notFound", f"no such method: {request.method} {request.path}")

    @staticmethod
    def answer(do: Any) -> Response:
        try:
            return do()
        except ApiError as error:
            return Response(error.status, error.body())
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            # What a caller left out or misspelled; the trace goes to whoever wrote the stand-in.
            import traceback

            traceback.print_exc()
            refused = invalid(f"the call was not understood: {error!r}")
            return Response(400, refused.body())

    def control(self, request: Request) -> Response:
        what = (request.method, request.segments[1])
        if what == ("POST", "rules"):
            self.faults.add(request.json())
        elif what == ("DELETE", "rules"):
            self.faults.forget()
        elif what == ("GET", "rules"):
            return Response(200, [rule.state() for rule in self.faults.rules])
        elif what == ("GET", "wait"):
            state = self.faults.wait(request.query["rule"], int(request.query.get("count", 1)))
            return Response(200 if state else 408, state or {"error": "nothing came"})
        elif what == ("POST", "release"):
            given = request.json()
            self.faults.release(given["id"], given.get("drop", False))
        elif what == ("POST", "config"):
            self.bigquery.jobs.polls = int(request.json()["polls"])
        elif what == ("GET", "calls"):
            path = request.query.get("path", "")
            return Response(200, [call for call in self.calls.all if path in call["path"]])
        elif what == ("POST", "reads"):
            self.bigquery.reads.known = request.json()
        elif what == ("GET", "unread"):
            return Response(200, self.bigquery.jobs.unread())
        else:
            raise ApiError(404, "notFound", f"no such control: {request.method} {request.path}")
        return Response(200, {})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log")
    parser.add_argument("--bucket", action="append", default=[])
    parser.add_argument("--bigquery")
    parser.add_argument("--storage")
    arguments = parser.parse_args()
    server = serve(arguments.port, Google(arguments).handle)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", server.server_address[1], flush=True)
    sys.stdin.read()
    os._exit(0)  # threads that hold a call are not waited for


if __name__ == "__main__":
    main()
