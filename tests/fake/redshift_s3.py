"""S3 as COPY and UNLOAD use it, with the credentials of the statement: it is S3 that refuses wrong ones."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree
from typing import NamedTuple, Optional

from redshift_wire import PgError, error


TRIES = 5


class Keys(NamedTuple):
    access_key_id: str
    secret_access_key: str
    session_token: Optional[str] = None


class S3Error(Exception):
    """An answer of S3 that is an error."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def to_sql(self) -> PgError:
        text = f"S3ServiceException:{self.message},Status {self.status},Error {self.code},Rid 0000000000000000,ExtRid -,CanRetry 1"
        return internal(text, 8001)


def internal(message: str, code: int) -> PgError:
    """An error of a query, in the frame that Redshift puts around it."""
    line = "-----------------------------------------------"
    detail = f"\n  {line}\n  error:  {message}\n  code:      {code}\n  context:   \n  query:     0\n  {line}\n"
    return error("XX000", message, detail=detail)


def bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


class S3:
    """Calls under one set of credentials, in path style."""

    def __init__(self, endpoint: str, region: str, keys: Keys):
        self.endpoint = endpoint
        self.region = region
        self.keys = keys

    def get(self, bucket: str, key: str) -> bytes:
        return self.call("GET", f"/{bucket}/{key}", {})

    def put(self, bucket: str, key: str, content: bytes) -> None:
        self.call("PUT", f"/{bucket}/{key}", {}, content)

    def list(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        """Key and size of every object under a prefix, in S3's order."""
        found, more = [], {}
        while True:
            answer = self.call("GET", f"/{bucket}", {"list-type": "2", "prefix": prefix, **more})
            tree = xml.etree.ElementTree.fromstring(answer)
            name = lambda element: element.tag.rpartition("}")[2]
            for contents in (element for element in tree if name(element) == "Contents"):
                values = {name(element): element.text or "" for element in contents}
                found.append((values["Key"], int(values["Size"])))
            token = [element.text for element in tree if name(element) == "NextContinuationToken"]
            if not token or not token[0]:
                return found
            more = {"continuation-token": token[0]}

    def call(self, method: str, path: str, query: dict[str, str], content: bytes = b"") -> bytes:
        """As a cluster does, it asks again where S3 itself failed: the emulator does when others write meanwhile."""
        for tries_left in reversed(range(TRIES)):
            request = self.signed(method, urllib.parse.quote(path, safe="/-_.~"), query, content)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.read()
            except urllib.error.HTTPError as refused:
                body = refused.read()
                if refused.code < 500 or not tries_left:
                    raise S3Error(refused.code, *code_and_message(body, refused.reason)) from None
        raise AssertionError("the last try returns or raises")

    def signed(self, method: str, path: str, query: dict[str, str], content: bytes) -> urllib.request.Request:
        """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
        now = datetime.datetime.now(datetime.timezone.utc)
        day, moment = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
        quote = lambda text: urllib.parse.quote(text, safe="-_.~")
        query_text = "&".join(f"{quote(name)}={quote(value)}" for name, value in sorted(query.items()))
        body_hash = hashlib.sha256(content).hexdigest()
        headers = {
            "host": urllib.parse.urlsplit(self.endpoint).netloc,
            "x-amz-content-sha256": body_hash,
            "x-amz-date": moment,
        }
        if self.keys.session_token:
            headers["x-amz-security-token"] = self.keys.session_token
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = f"{method}\n{path}\n{query_text}\n{lines}\n{names}\n{body_hash}"
        scope = f"{day}/{self.region}/s3/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = b"AWS4" + self.keys.secret_access_key.encode()
        for part in (day, self.region, "s3", "aws4_request", to_sign):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        credential = f"{self.keys.access_key_id}/{scope}"
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
        )
        if method == "PUT":
            headers["content-type"] = "application/octet-stream"
        url = self.endpoint + path + (f"?{query_text}" if query_text else "")
        return urllib.request.Request(url, data=content if method == "PUT" else None, headers=headers, method=method)


def code_and_message(body: bytes, reason: str) -> tuple[str, str]:
    try:
        tree = xml.etree.ElementTree.fromstring(body)
    except xml.etree.ElementTree.ParseError:
        return reason, reason
    values = {element.tag.rpartition("}")[2]: element.text or "" for element in tree.iter()}
    return values.get("Code", reason), values.get("Message", reason)
