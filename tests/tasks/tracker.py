"""A partner's tracker: a real HTTP server on loopback that keeps what it receives."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True, slots=True)
class Received:
    """One request, with its query parameters (the first value of each), its headers, and when it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    method: str = "GET"
    body: str = ""
    # Of the monotonic clock.
    at: float = 0.0


def answering(status: int, body: bytes = b"ok", **headers: str) -> Answer:
    """An answer with that status and body; `Retry_After="5"` becomes the header Retry-After."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def slowly(seconds: float, answer: Answer) -> Answer:
    """The same answer, after that time."""

    def wait_and_answer(request: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        answer(request)

    return wait_and_answer


@dataclass(slots=True)
class AtOnce:
    """How many calls were being answered at the same moment, at most."""

    now: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def counted(self, answer: Answer) -> Answer:
        """The same answer, counted while it is given."""

        def count(request: BaseHTTPRequestHandler) -> None:
            with self._lock:
                self.now += 1
                self.most = max(self.most, self.now)
            answer(request)
            with self._lock:
                self.now -= 1

        return count


class Tracker:
    """The running server. `answer` may be replaced at any time."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = answering(200)
        self._received: list[Received] = []
        self._arrival = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def received(self) -> list[Received]:
        """What has arrived, in order."""
        with self._arrival:
            return list(self._received)

    def wait_for(self, enough: Callable[[list[Received]], bool], seconds: float = 60) -> bool:
        """Wait until what has arrived is enough; False when it is not after that time."""
        deadline = time.monotonic() + seconds
        with self._arrival:
            while not enough(self._received):
                if not self._arrival.wait(max(0.0, deadline - time.monotonic())):
                    return enough(self._received)
            return True

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def serve(self) -> None:
        """Serve until `close()`; runs in a thread of its own."""
        self._server.serve_forever(poll_interval=0.05)

    def _keep(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers.get("content-length", "0"))).decode()
        call = Received(parts.path, query, headers, request.command, body, time.monotonic())
        with self._arrival:
            self._received.append(call)
            self._arrival.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        tracker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                tracker._keep(self)
                tracker.answer(self)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return None

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of the tracker."""


@contextmanager
def tracker(tls: ssl.SSLContext | None = None) -> Iterator[Tracker]:
    """A tracker that listens on a free port."""
    running = Tracker(tls)
    thread = threading.Thread(target=running.serve, name="tracker", daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.close()
        thread.join()
