"""A viewer inside the test process, and one that runs beside it."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image as Picture

from earthloom.viewer.app import application
from earthloom.viewer.layers import open_layers

from ..e2e.conftest import COMMAND, cli

__all__ = ["cli"]

TOKEN, PORT = "the-token-of-this-session", 8123


class Client:
    """Asks a viewer in this process, without a socket."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.cookies: dict[str, str] = {}

    def request(self, method: str, path: str, **asked: Any) -> Any:
        """The answer, whatever it is."""

        async def ask() -> Any:
            transport = httpx.ASGITransport(app=self.app)
            base = f"http://127.0.0.1:{PORT}"
            async with httpx.AsyncClient(transport=transport, base_url=base, cookies=self.cookies) as client:
                return await client.request(method, path, **asked)

        return asyncio.run(ask())

    def get(self, path: str, **asked: Any) -> Any:
        """The answer to a GET."""
        return self.request("GET", path, **asked)


class Page(NamedTuple):
    """A viewer in this process: its requests carry what the page's own do, unless a test says otherwise."""

    client: Client

    def get(self, path: str, **asked: Any) -> Any:
        """The answer, whatever it is."""
        return self.client.get(path, params=asked or None)

    def json(self, path: str, **asked: Any) -> Any:
        """Plain data."""
        answer = self.get(path, **asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tile(self, path: str, **asked: Any) -> np.ndarray:
        """Red, green, blue and opacity of a tile."""
        answer = self.get(path, **asked)
        assert answer.status_code == 200, answer.text
        return np.asarray(Picture.open(io.BytesIO(answer.content)).convert("RGBA"))


@pytest.fixture
def page() -> Iterator[Callable[..., Page]]:
    """Open files in a viewer of this process."""
    shelves = []

    def start(*paths: str | Path) -> Page:
        shelf = open_layers(paths)
        shelves.append(shelf)
        client = Client(application(shelf, TOKEN, PORT, "s"))
        client.cookies[f"earthloom_{PORT}"] = TOKEN
        return Page(client)

    yield start
    for shelf in shelves:
        shelf.close()


class Running(NamedTuple):
    """`earthloom view`, and the address that it printed."""

    process: subprocess.Popen[str]
    address: str

    @property
    def port(self) -> int:
        """Of this machine."""
        return urlsplit(self.address).port or 0

    @property
    def token(self) -> str:
        """Of the session."""
        return urlsplit(self.address).query.removeprefix("token=")

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def live() -> Iterator[Callable[..., Running]]:
    """Run `earthloom view` beside the tests."""
    begun = []

    def start(*paths: str | Path) -> Running:
        words = [*COMMAND, "view", *map(str, paths), "--no-browser"]
        environment = {name: value for name, value in os.environ.items() if name != "EARTHLOOM_OPEN"}
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        begun.append(process)
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith("http://127.0.0.1:"), line + process.stdout.read()
        return Running(process, line)

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.communicate()
