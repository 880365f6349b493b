"""A web server on this machine that cuts connections, refuses ranges and lies about lengths when told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from esrlab.core.download import Patience

HASTE = Patience(timeout=5.0, attempts=3, pause=0.001)
"""What the tests put up with: no pauses."""

PREFIX = "bytes="


@dataclass
class Behaviour:
    """How the server answers; what it was asked is written down.

    bodies: by path; `body` for every other one. claimed: a length that is said in place of the true one.
    silent: requests that are not answered until `release`; silent_from: all after so many.
    """

    body: bytes
    bodies: dict[str, bytes] = field(default_factory=dict)
    knows_ranges: bool = True
    says_length: bool = True
    claimed: int | None = None
    cut_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    silent: int = 0
    silent_from: int | None = None
    asked: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)


class Server(ThreadingHTTPServer):
    """Serves what its behaviour says on a free port."""

    daemon_threads = False  # server_close waits for them, so that no socket stays open

    def __init__(self, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = Behaviour(body)

    @property
    def root(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def address(self) -> str:
        """Where the weights' tests find their file."""
        return f"{self.root}/weights.pth"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def do_GET(self) -> None:
        how = self.server.behaviour
        asked = self.headers.get("Range")
        how.asked.append(asked)
        how.paths.append(self.path)
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/weights.pth")
            self.end_headers()
            return
        if how.statuses:
            self.send_error(how.statuses.pop(0))
            return
        if how.silent or (how.silent_from is not None and len(how.asked) > how.silent_from):
            how.silent = max(how.silent - 1, 0)
            how.release.wait(20)
            return
        self._send(how, asked, how.bodies.get(self.path, how.body))

    def _send(self, how: Behaviour, asked: str | None, body: bytes) -> None:
        span = asked.removeprefix(PREFIX).partition("-") if asked and how.knows_ranges else ("0", "", "")
        start, end = int(span[0]), min(int(span[2]) + 1 if span[2] else len(body), len(body))
        if start and start >= len(body):
            self.send_error(416)
            return
        is_part = start > 0 or end < len(body) or bool(span[2])
        self.send_response(206 if is_part else 200)
        if is_part:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(body)}")
        if how.says_length:
            self.send_header("Content-Length", str(end - start if how.claimed is None else how.claimed))
        self.end_headers()
        end = min(start + how.cut_after.pop(0), end) if how.cut_after else end
        self.wfile.write(body[start:end])


@contextmanager
def serving(body: bytes) -> Iterator[Server]:
    """A server that runs while the block does."""
    with Server(body) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.behaviour.release.set()
        running.shutdown()
        thread.join()
