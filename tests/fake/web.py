"""The HTTP side: reads a call whole, hands it on, writes the answer. Knows nothing of Google."""

from __future__ import annotations

import http.server
import json
import select
import socket
import urllib.parse
from typing import Any, Callable, Optional


class Request:
    """One call, read to its end."""

    def __init__(self, method: str, target: str, headers: dict[str, str], content: bytes, connection: socket.socket):
        self.method = method
        self.target = target
        self.headers = headers  # names in lower case
        self.content = content
        self.connection = connection
        parts = urllib.parse.urlsplit(target)
        # Split before unquoting: an object's name may hold an encoded slash.
        self.segments = [urllib.parse.unquote(s) for s in parts.path.strip("/").split("/")]
        self.path = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))

    @property
    def base(self) -> str:
        return f"http://{self.headers.get('host', '127.0.0.1')}"

    def json(self) -> Any:
        return json.loads(self.content) if self.content else None

    def client_is_gone(self) -> bool:
        """Whether the peer closed its side: nothing more is expected on a connection that waits."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        if not readable:
            return False
        try:
            return self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True


class Response:
    """An answer: a JSON value, or bytes with their own headers."""

    def __init__(
        self,
        status: int = 200,
        value: Any = None,
        headers: Optional[dict[str, str]] = None,
        content: Optional[bytes] = None,
    ):
        self.status = status
        self.value = value
        self.headers = dict(headers or {})
        if content is None:
            content = b"" if value is None else json.dumps(value, ensure_ascii=False).encode()
            if value is not None:
                self.headers.setdefault("content-type", "application/json; charset=UTF-8")
        self.content = content
        self.cut_after: Optional[int] = None


class Dropped(Exception):
    """The connection is closed without an answer."""


def serve(port: int, handle: Callable[[Request], Response]) -> http.server.ThreadingHTTPServer:
    """A server on loopback whose every call goes to `handle`, a thread for each connection."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, self.read_content(headers), self.connection)
            try:
                response = handle(request)
            except Dropped:
                self.close_connection = True
                return
            self.write(response)

        def read_content(self, headers: dict[str, str]) -> bytes:
            if "chunked" in headers.get("transfer-encoding", ""):
                return self.read_chunks()
            return self.rfile.read(int(headers.get("content-length") or 0))

        def read_chunks(self) -> bytes:
            content = bytearray()
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                content += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return bytes(content)

        def write(self, response: Response) -> None:
            content = response.content
            bodiless = response.status in (204, 304)
            try:
                self.send_response(response.status)
                for name, value in response.headers.items():
                    self.send_header(name, value)
                if not bodiless:
                    self.send_header("content-length", str(len(content)))
                self.end_headers()
                if response.cut_after is not None:
                    content = content[: response.cut_after]
                    self.close_connection = True
                if not bodiless and self.command != "HEAD":
                    self.wfile.write(content)
            except OSError:  # the client went away
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

        def log_message(self, *_: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, request: Any, client_address: Any) -> None:
            import sys

            if not isinstance(sys.exc_info()[1], OSError):
                super().handle_error(request, client_address)

    return Server(("127.0.0.1", port), Handler)
