"""Cloud Storage: buckets and objects in memory, by its JSON API."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import urllib.parse
from typing import Any, Optional

import clock
import crc32c
from errors import ApiError, invalid, required
from uploads import Uploads, multipart
from web import Request, Response

# What an upload may say about its object.
SETTABLE = ("contentType", "contentEncoding", "cacheControl", "contentDisposition", "metadata", "storageClass")


class Object:
    """One generation of an object."""

    def __init__(self, bucket: str, name: str, content: bytes, metadata: dict[str, Any], generation: int):
        self.content = content
        self.generation = generation
        now = clock.rfc3339()
        self.resource = {
            "kind": "storage#object",
            "id": f"{bucket}/{name}/{generation}",
            "name": name,
            "bucket": bucket,
            "generation": str(generation),
            "metageneration": "1",
            "contentType": "application/octet-stream",
            "storageClass": "STANDARD",
            "size": str(len(content)),
            "md5Hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
            "crc32c": crc32c.checksum(content),
            "etag": base64.b64encode(str(generation).encode()).decode(),
            "timeCreated": now,
            "updated": now,
            "timeStorageClassUpdated": now,
            **{key: metadata[key] for key in SETTABLE if metadata.get(key) is not None},
        }


class Storage:
    """All buckets."""

    def __init__(self, buckets: list[str], uploads: Uploads):
        self.buckets: dict[str, dict[str, Object]] = {name: {} for name in buckets}
        self.uploads = uploads
        self.generation = 1_700_000_000_000_000

    # ---- what other modules ask ----

    def content(self, uri: str) -> list[tuple[str, bytes]]:
        """The objects behind a `gs://` address, which may hold one `*`; empty when there is none."""
        bucket, _, pattern = uri.removeprefix("gs://").partition("/")
        fits = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.S)
        objects = self.buckets.get(bucket, {})
        return [(f"gs://{bucket}/{n}", objects[n].content) for n in sorted(objects) if fits.fullmatch(n)]

    # ---- routes ----

    def handle(self, request: Request, short: Optional[int]) -> Response:
        segments = request.segments
        if segments[0] == "upload":
            return self.upload(request, segments[4], short)
        if segments[0] == "download":
            return self.download(request, self.object(segments[4], segments[6], request))
        if segments[:3] != ["storage", "v1", "b"]:
            raise ApiError(404, "notFound", f"no such method: {request.method} {request.path}")
        rest = segments[3:]
        if len(rest) == 0:
            return self.on_buckets(request)
        if len(rest) == 1:
            return self.on_bucket(request, rest[0])
        if len(rest) == 2 and rest[1] == "o" and request.method == "GET":
            return self.list(request, rest[0])
        if len(rest) == 3 and rest[1] == "o":
            return self.on_object(request, rest[0], rest[2])
        raise ApiError(404, "notFound", f"no such method: {request.method} {request.path}")

    def on_buckets(self, request: Request) -> Response:
        if request.method == "GET":
            return Response(200, {"kind": "storage#buckets", "items": [*map(self.bucket_resource, self.buckets)]})
        name = request.json()["name"]
        if name in self.buckets:
            raise ApiError(409, "conflict", "The requested bucket name is not available.")
        self.buckets[name] = {}
        return Response(200, self.bucket_resource(name))

    def on_bucket(self, request: Request, bucket: str) -> Response:
        objects = self.objects(bucket)
        if request.method == "DELETE":
            if objects:
                raise ApiError(409, "conflict", "The bucket you tried to delete is not empty.")
            del self.buckets[bucket]
            return Response(204)
        return Response(200, self.bucket_resource(bucket))

    @staticmethod
    def bucket_resource(name: str) -> dict[str, Any]:
        return {
            "kind": "storage#bucket",
            "id": name,
            "name": name,
            "location": "US",
            "locationType": "multi-region",
            "storageClass": "STANDARD",
        }

    def on_object(self, request: Request, bucket: str, name: str) -> Response:
        found = self.object(bucket, name, request)
        if request.method == "DELETE":
            self.check_preconditions(request, found)
            del self.buckets[bucket][name]
            return Response(204)
        if request.method == "PATCH":
            found.resource.update({k: v for k, v in request.json().items() if k in SETTABLE})
            found.resource["metageneration"] = str(int(found.resource["metageneration"]) + 1)
            return Response(200, self.shown(request, found))
        if request.query.get("alt") == "media":
            return self.download(request, found)
        self.check_preconditions(request, found)
        return Response(200, self.shown(request, found))

    def list(self, request: Request, bucket: str) -> Response:
        query = request.query
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        items, prefixes = [], set()
        objects = self.objects(bucket)
        for name in sorted(objects):
            if not name.startswith(prefix) or name < query.get("startOffset", ""):
                continue
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            if cut >= 0:
                prefixes.add(name[: cut + len(delimiter)])
            else:
                items.append(name)
        after = query.get("pageToken", "")
        size = int(query.get("maxResults", 1000))
        items = [name for name in items if name > after]
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if len(items) > size:
            answer["nextPageToken"] = items[size - 1]
        if items:
            answer["items"] = [self.shown(request, objects[name]) for name in items[:size]]
        if prefixes:
            answer["prefixes"] = sorted(prefixes)
        return Response(200, answer)

    def download(self, request: Request, found: Object) -> Response:
        headers = {
            "content-type": found.resource["contentType"],
            "x-goog-hash": f"crc32c={found.resource['crc32c']},md5={found.resource['md5Hash']}",
            "x-goog-generation": str(found.generation),
            "x-goog-stored-content-length": str(len(found.content)),
        }
        content = found.content
        if found.resource.get("contentEncoding") == "gzip":
            headers["x-goog-stored-content-encoding"] = "gzip"
            if "gzip" in request.headers.get("accept-encoding", ""):
                headers["content-encoding"] = "gzip"
            else:
                content = gzip.decompress(content)
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not match or not content:
            return Response(200, None, headers, content)
        first = int(match[1])
        last = min(int(match[2] or len(content)), len(content) - 1)
        if first > last:
            raise ApiError(416, "requestedRangeNotSatisfiable", "Request range not satisfiable")
        headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
        return Response(206, None, headers, content[first : last + 1])

    # ---- uploads ----

    def upload(self, request: Request, bucket: str, short: Optional[int]) -> Response:
        if "upload_id" in request.query:
            return self.uploads.proceed(request, short)
        kind = request.query.get("uploadType")
        self.objects(bucket)
        if kind == "media":
            metadata = {"contentType": request.headers.get("content-type")}
            request.metadata, request.media_bytes = {}, len(request.content)
            return self.store(request, bucket, metadata, request.content)
        if kind == "multipart":
            metadata, media_type, content = multipart(request)
            request.metadata, request.media_bytes = metadata, len(content)
            return self.store(request, bucket, {"contentType": media_type, **metadata}, content)
        if kind == "resumable":
            metadata = request.json() or {}
            request.metadata = metadata
            metadata = {"contentType": request.headers.get("x-upload-content-type"), **metadata}
            self.check_new(request, bucket, self.name_of(request, metadata))

            def finish(last: Request, final: dict[str, Any], content: bytes) -> Response:
                # Only the last call of an upload can know the checksum of the whole.
                request.headers["x-goog-hash"] = last.headers.get("x-goog-hash", "")
                return self.store(request, bucket, final, content)

            return self.uploads.start(request, metadata, finish, 499)
        raise invalid(f"Invalid value for uploadType: {kind}")

    def store(self, request: Request, bucket: str, metadata: dict[str, Any], content: bytes) -> Response:
        name = self.name_of(request, metadata)
        self.check_new(request, bucket, name)
        self.generation += 1
        made = Object(bucket, name, content, metadata, self.generation)
        said = dict(part.split("=", 1) for part in request.headers.get("x-goog-hash", "").split(",") if "=" in part)
        for ours, theirs in (("crc32c", "crc32c"), ("md5Hash", "md5")):
            given = metadata.get(ours) or said.get(theirs)
            if given and given != made.resource[ours]:
                raise invalid(f'Provided {theirs} hash "{given}" doesn\'t match calculated "{made.resource[ours]}".')
        self.objects(bucket)[name] = made
        return Response(200, self.shown(request, made))

    @staticmethod
    def name_of(request: Request, metadata: dict[str, Any]) -> str:
        name = request.query.get("name") or metadata.get("name")
        if not name:
            raise required("name")
        return name

    # ---- lookups ----

    def objects(self, bucket: str) -> dict[str, Object]:
        if bucket not in self.buckets:
            raise ApiError(404, "notFound", "The specified bucket does not exist.")
        return self.buckets[bucket]

    def object(self, bucket: str, name: str, request: Request) -> Object:
        found = self.objects(bucket).get(name)
        wanted = request.query.get("generation")
        if found is None or wanted not in (None, str(found.generation)):
            raise ApiError(404, "notFound", f"No such object: {bucket}/{name}")
        return found

    def check_new(self, request: Request, bucket: str, name: str) -> None:
        self.check_preconditions(request, self.objects(bucket).get(name))

    @staticmethod
    def check_preconditions(request: Request, found: Optional[Object]) -> None:
        generation = str(found.generation) if found else "0"
        wanted = request.query.get("ifGenerationMatch", generation)
        unwanted = request.query.get("ifGenerationNotMatch")
        if wanted != generation or unwanted == generation:
            raise ApiError(
                412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold."
            )

    @staticmethod
    def shown(request: Request, found: Object) -> dict[str, Any]:
        resource, name = found.resource, urllib.parse.quote(found.resource["name"], safe="")
        at = f"/storage/v1/b/{resource['bucket']}/o/{name}"
        return {
            **resource,
            "selfLink": f"{request.base}{at}",
            "mediaLink": f"{request.base}/download{at}?generation={found.generation}&alt=media",
        }
