"""A bucket on loopback that speaks as much of S3 as a storage of files needs, and checks every signature."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

REGION = "eu-central-1"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/s3/aws4_request, "
    r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)


@dataclass(slots=True)
class Bucket:
    """What it holds, by key, and the requests whose signature was wrong."""

    name: str
    access_key: str
    secret_key: str
    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    # Keys that may not be deleted, as under a bucket's retention.
    retained: set[str] = field(default_factory=set)

    def environment(self) -> dict[str, str]:
        """The variables that stand beside TRIBUTARY_STORAGE_URL."""
        return {
            "AWS_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def answer(
        self, method: str, target: str, headers: Any, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        """(status, body, headers) for a request."""
        if not self._is_signed(method, target, headers, body):
            self.refused.append(f"{method} {target}")
            return 403, _error("SignatureDoesNotMatch"), {}
        parts = urlsplit(target)
        bucket, _, key = unquote(parts.path).removeprefix("/").partition("/")
        if bucket != self.name:
            return 404, _error("NoSuchBucket"), {}
        if method == "POST" and parts.query == "delete":
            return 200, self._delete(body), {}
        if method == "PUT":
            self.objects[key] = body
            return 200, b"", _described(body)
        if method not in {"GET", "HEAD"}:
            return 501, _error("NotImplemented"), {}
        if key not in self.objects:
            return 404, _error("NoSuchKey"), {}
        return 200, self.objects[key], _described(self.objects[key])

    def _delete(self, body: bytes) -> bytes:
        """Remove what the body lists (DeleteObjects); what is not there counts as deleted."""
        told = []
        for key in [unescape(key) for key in re.findall(r"<Key>(.*?)</Key>", body.decode())]:
            name = f"<Key>{escape(key)}</Key>"
            if key in self.retained:
                told.append(f"<Error>{name}<Code>AccessDenied</Code><Message>no</Message></Error>")
            else:
                self.objects.pop(key, None)
                told.append(f"<Deleted>{name}</Deleted>")
        return f"<DeleteResult>{''.join(told)}</DeleteResult>".encode()

    def _is_signed(self, method: str, target: str, headers: Any, body: bytes) -> bool:
        """Whether the request is signed with our keys (AWS Signature Version 4), its body included."""
        found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if found is None or (found[1], found[3]) != (self.access_key, REGION):
            return False
        told = headers.get("x-amz-content-sha256", "")
        if told not in {"UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()}:
            return False
        parts = urlsplit(target)
        query = "&".join(
            f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
            for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True))
        )
        signed = "".join(
            f"{name}:{headers.get(name, '').strip()}\n" for name in found[4].split(";")
        )
        request = "\n".join([method, parts.path, query, signed, found[4], told])
        scope = f"{found[2]}/{REGION}/s3/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{headers.get('x-amz-date')}\n{scope}\n{digest}"
        key = f"AWS4{self.secret_key}".encode()
        for part in (found[2], REGION, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        wanted = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, found[5])


def _described(body: bytes) -> dict[str, str]:
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return {"ETag": f'"{digest}"', "Last-Modified": "Tue, 10 Mar 2026 12:00:00 GMT"}


def _error(code: str) -> bytes:
    return f"<Error><Code>{escape(code)}</Code><Message>no</Message></Error>".encode()


@contextmanager
def serve_bucket(name: str = "tributary-files") -> Iterator[Bucket]:
    """A bucket for as long as the block lasts."""
    bucket = Bucket(name, "an-access-key", "a secret/key+that=nobody knows")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, content, headers = bucket.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            for item in headers.items():
                self.send_header(*item)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_args: Any) -> None:
            """What a storage of others logs is not ours."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    bucket.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
