"""Uploads as both services take them: `media`, `multipart` and `resumable`.

What is sent ends in a callback `finish(last_request, metadata, content) -> Response`; what becomes of
the bytes is the business of storage.py and jobs.py.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import re
import secrets
from typing import Any, Callable, Optional

from errors import ApiError, invalid
from web import Request, Response

# What is persisted of an unfinished upload is always a multiple of this.
STEP = 256 * 1024

Finish = Callable[[Request, dict, bytes], Response]


class Session:
    """A resumable upload between its first call and its last."""

    def __init__(self, metadata: dict[str, Any], finish: Finish, cancel_status: int):
        self.metadata = metadata
        self.finish = finish
        self.cancel_status = cancel_status
        self.content = bytearray()
        self.result: Optional[Response] = None
        self.canceled = False


class Uploads:
    """All sessions, by id."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}

    def start(self, request: Request, metadata: dict, finish: Finish, cancel_status: int) -> Response:
        """The first call of a resumable upload: answers where the bytes go."""
        id = secrets.token_hex(20)
        self.sessions[id] = Session(metadata, finish, cancel_status)
        location = f"{request.base}{request.path}?uploadType=resumable&upload_id={id}"
        return Response(200, None, {"location": location, "x-guploader-uploadid": id})

    def proceed(self, request: Request, most: Optional[int]) -> Response:
        """A call to the place that `start` named. `most`: take only so many bytes of it."""
        session = self.sessions.get(request.query.get("upload_id", ""))
        if session is None:
            raise ApiError(404, "notFound", "No such upload session")
        request.metadata = None
        if session.canceled:
            raise ApiError(410, "gone", "The upload session was canceled")
        if request.method == "DELETE":
            session.canceled = True
            return Response(session.cancel_status)
        if session.result is not None:
            return session.result
        first, total = self.range_of(request, session)
        if first is not None:
            self.take(session, first, request.content, total, most)
        if total is None or len(session.content) < total:
            return self.incomplete(session)
        session.result = session.finish(request, session.metadata, bytes(session.content))
        session.content = bytearray()
        return session.result

    @staticmethod
    def range_of(request: Request, session: Session) -> tuple[Optional[int], Optional[int]]:
        """First byte (`None`: a status query) and size of the whole (`None`: not known yet)."""
        given = request.headers.get("content-range")
        if given is None:
            return 0, len(request.content)
        match = re.fullmatch(r"bytes (?:(\d+)-(\d*)|\*)/(\d+|\*)", given.strip())
        if not match:
            raise invalid(f"Invalid Content-Range: {given}")
        first, last, total = match.groups()
        size = None if total == "*" else int(total)
        if first is None:
            return None, size
        if last and int(last) - int(first) + 1 != len(request.content):
            raise invalid(f"Content-Range {given} does not fit {len(request.content)} bytes")
        return int(first), size

    @staticmethod
    def take(session: Session, first: int, content: bytes, total: Optional[int], most: Optional[int]) -> None:
        """Appends what is new; bytes that are there already are ignored, a gap is refused."""
        have = len(session.content)
        if first > have:
            raise invalid(f"The upload is at byte {have}, not {first}")
        new = content[have - first :]
        if most is not None:
            new = new[:most]
        end = have + len(new)
        if total is not None and end > total:
            raise invalid(f"{end} bytes came of an upload of {total}")
        if end != total:
            new = new[: max(0, end // STEP * STEP - have)]
        session.content += new

    @staticmethod
    def incomplete(session: Session) -> Response:
        headers = {}
        if session.content:
            headers["range"] = f"bytes=0-{len(session.content) - 1}"
        return Response(308, None, headers)


def multipart(request: Request) -> tuple[dict[str, Any], str, bytes]:
    """The JSON metadata, the type of the media and the media of a `multipart/related` body."""
    head = f"content-type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head, headersonly=True)
    boundary = message.get_boundary()
    if not boundary:
        raise invalid("a multipart upload names its boundary")
    parts = request.content.split(b"--" + boundary.encode())[1:-1]
    if len(parts) != 2:
        raise invalid(f"a multipart upload has 2 parts, not {len(parts)}")
    (_, metadata), (head_of_media, media) = map(_part, parts)
    return json.loads(metadata or b"{}"), head_of_media.get("content-type", ""), media


def _part(part: bytes) -> tuple[dict[str, str], bytes]:
    part = part[2:] if part.startswith(b"\r\n") else part[1:]
    separator = b"\r\n\r\n" if b"\r\n\r\n" in part else b"\n\n"
    head, _, content = part.partition(separator)
    for ending in (b"\r\n", b"\n"):
        if content.endswith(ending):
            content = content[: -len(ending)]
            break
    lines = [line.split(":", 1) for line in head.decode().splitlines() if ":" in line]
    return {name.strip().lower(): value.strip() for name, value in lines}, content
