"""What was called and what was answered, as JSON lines."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Optional

from web import Request, Response

# Credentials are never written down, only that there was one.
CREDENTIALS = {"authorization", "cookie", "x-goog-api-key"}


class Calls:
    """Every call so far; each is also appended to a file when one is named."""

    def __init__(self, path: Optional[str]):
        self.file = open(path, "a", buffering=1, encoding="utf-8") if path else None
        self.lock = threading.Lock()
        self.all: list[dict[str, Any]] = []

    def add(self, started: float, request: Request, response: Optional[Response], fault: Optional[str]) -> None:
        body, media = self.body_of(request)
        line = {
            "t": round(started, 6),
            "ms": round((time.time() - started) * 1000, 3),
            "method": request.method,
            "path": request.target,
            "headers": {n: "…" if n in CREDENTIALS else v for n, v in request.headers.items()},
            "body": body,
            "status": response.status if response else None,
            "response": response.value if response else None,
        }
        if media:
            line["media"] = media
        if fault:
            line["fault"] = fault
        with self.lock:
            self.all.append(line)
            if self.file:
                self.file.write(json.dumps(line, ensure_ascii=False) + "\n")

    @staticmethod
    def body_of(request: Request) -> tuple[Any, Optional[dict[str, Any]]]:
        """The JSON of a call, and what is said about bytes that are not JSON."""
        metadata = getattr(request, "metadata", None)
        if metadata is not None:
            return metadata, {"bytes": getattr(request, "media_bytes", 0)}
        if request.method == "PUT" and request.path.startswith("/upload/"):
            return None, {"bytes": len(request.content), "range": request.headers.get("content-range")}
        if not request.content:
            return None, None
        try:
            return json.loads(request.content), None
        except ValueError:
            return None, {"bytes": len(request.content), "type": request.headers.get("content-type")}
