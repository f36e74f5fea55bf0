"""A web server of one folder on this machine that answers ranges, counts bytes, and fails by a script."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RANGE = re.compile(r"bytes=(\d+)-(\d*)")
OFTEN = 10  # one request in so many is dropped, and one answered 503
PIECE = 1 << 16
DROPPED, BUSY = 3, 7  # which of them


@dataclass
class Site:
    """What a server gives, and what it was asked.

    Parameters
    ----------
    folder
        Whose files it gives.
    faulty
        Whether one request in ten is dropped without an answer and one in ten answered 503.
    answer
        Status to answer everything with; None: as it should be.
    failing
        So many requests are answered 503 first.
    token
        Query without which a file is forbidden.
    """

    folder: Path
    faulty: bool = False
    answer: int | None = None
    token: str = ""
    asked: list[str] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    failing: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        """Count anew."""
        with self.lock:
            self.asked.clear()
            self.sent.clear()
            self.refused = 0

    def turn(self, path: str) -> int:
        """The number of a request, from 0."""
        with self.lock:
            self.asked.append(path)
            return len(self.asked) - 1

    def count(self, name: str, size: int) -> None:
        """So many bytes of a file went out."""
        with self.lock:
            self.sent[name] = self.sent.get(name, 0) + size

    def fail(self) -> None:
        """One failure less is left."""
        with self.lock:
            self.failing -= 1

    def refuse(self) -> None:
        """A request was failed on purpose."""
        with self.lock:
            self.refused += 1


class _Handler(BaseHTTPRequestHandler):
    """Answers for a site."""

    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        """A file or a range of it."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Its size."""
        self._answer(body=False)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: bool) -> None:
        """What the script says, else the file."""
        site = self.site
        turn = site.turn(self.path) % OFTEN
        if site.faulty and turn == DROPPED:
            site.refuse()
            self.close_connection = True
            return
        if site.faulty and turn == BUSY:
            site.refuse()
            return self._empty(503)
        name, _, query = self.path.partition("?")
        if site.failing:
            site.fail()
            return self._empty(503)
        file = site.folder / name.lstrip("/")
        if site.answer is not None:
            return self._empty(site.answer)
        if site.token and query != site.token:
            return self._empty(403)
        if not file.is_file():
            return self._empty(404)
        self._give(file, body)

    def _give(self, file: Path, body: bool) -> None:
        """Send what was asked for."""
        whole = file.stat().st_size
        wanted = RANGE.fullmatch(self.headers.get("Range", ""))
        first, last = 0, whole - 1
        if wanted is not None:
            first, last = int(wanted[1]), min(int(wanted[2] or last), last)
        if first > last:
            return self._empty(416)
        self.send_response(200 if wanted is None else 206)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("ETag", f'"{whole}-{int(file.stat().st_mtime)}"')
        if wanted is not None:
            self.send_header("Content-Range", f"bytes {first}-{last}/{whole}")
        self.end_headers()
        if body:
            with file.open("rb") as stream:
                stream.seek(first)
                for start in range(first, last + 1, PIECE):  # a client may go away in between
                    piece = stream.read(min(PIECE, last + 1 - start))
                    self.wfile.write(piece)
                    self.site.count(file.name, len(piece))

    def _empty(self, status: int) -> None:
        """An answer without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


class _Server(ThreadingHTTPServer):
    """Says nothing when a client goes away."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path, **how: object) -> Iterator[Site]:
    """A server of a folder while the block runs; its ``url`` ends without a slash."""
    site = Site(folder, **how)  # type: ignore[arg-type]
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
