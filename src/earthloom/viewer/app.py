"""What the page asks for, and what it is answered."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.version import __version__
from earthloom.viewer.drawing import MAPS, depth, draw_difference, draw_tile, palette, tile_view
from earthloom.viewer.figures import differing, pairs, poorest, spectrum, spread, statistics
from earthloom.viewer.guard import Guard
from earthloom.viewer.layers import Layer, Shelf
from earthloom.viewer.reading import Looks

STATIC = Path(__file__).parent / "static"
PAGE = {"": "index.html", "viewer.js": "viewer.js", "viewer.css": "viewer.css", "icon.svg": "icon.svg"}
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
THREADS = min(4, os.cpu_count() or 1)
STOPS = 17  # colours of a legend
KEPT = {"cache-control": "private, max-age=3600"}
FRESH = {"cache-control": "no-store"}
T = TypeVar("T")


class Viewer:
    """Answers for the layers of a shelf; what reads files runs in a few threads.

    Parameters
    ----------
    shelf
        The layers.
    session
        A word that is another one every time: addresses of tiles hold it, so that no old tile is shown.
    """

    def __init__(self, shelf: Shelf, session: str) -> None:
        self.shelf, self.session, self.looks = shelf, session, Looks()
        self.pool = ThreadPoolExecutor(THREADS, "viewer")

    def routes(self) -> list[Route]:
        """By path; a layer is a number, a file is never named."""
        return [
            Route("/api/scene", self._answer(self.scene)),
            Route("/api/layers/{a:int}/tiles/{z:int}/{x:int}/{y:int}.png", self._answer(self.tile)),
            Route("/api/layers/{a:int}/statistics", self._answer(self.statistics)),
            Route("/api/layers/{a:int}/record", self._answer(self.record)),
            Route("/api/layers/{a:int}/poorest", self._answer(self.poorest)),
            Route("/api/differences/{a:int}/{b:int}/tiles/{z:int}/{x:int}/{y:int}.png", self._answer(self.difference)),
            Route("/api/differences/{a:int}/{b:int}", self._answer(self.differing)),
            Route("/api/spectra", self._answer(self.spectra)),
            Route("/api/colours/{name}", self._answer(self.colours)),
            Route("/{name:path}", _page),
        ]

    def _answer(self, make: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        """Run in a thread; what is wrong is told in a line."""

        async def answer(request: Request) -> Response:
            try:
                return await asyncio.get_running_loop().run_in_executor(self.pool, make, request)
            except FileError as error:
                return PlainTextResponse(str(error), 409, FRESH)
            except EarthloomError as error:
                return PlainTextResponse(str(error), 400, FRESH)

        return answer

    def scene(self, _: Request) -> Response:
        """All that the page knows from the start."""
        frame = self.shelf.frame
        extents = [layer.box.extent for layer in self.shelf.layers]
        whole = [pick(part) for pick, part in zip((min, min, max, max), zip(*extents, strict=True), strict=True)]
        return _json({
            "version": __version__, "session": self.session, "unit": frame.unit, "extent": whole, "maps": MAPS,
            "layers": [layer.about() | {"depth": depth(layer.box)} for layer in self.shelf.layers],
            "left_out": self.shelf.left_out,
        })  # fmt: skip

    def tile(self, request: Request) -> Response:
        """A tile of a layer."""
        at, asked = request.path_params, request.query_params
        with self.shelf.use(at["a"]) as layer:
            bands = _bands(layer, asked.get("bands", ""))
            limits = _limits(asked.get("limits", ""), len(bands))
            view = tile_view(layer.box, at["z"], at["x"], at["y"])
            return _png(draw_tile(layer, bands, limits, asked.get("colours", "gray"), view, self.looks))

    def difference(self, request: Request) -> Response:
        """A tile of the difference of two layers, on the grid of the first."""
        at, asked = request.path_params, request.query_params
        with self.shelf.use(at["a"]) as first, self.shelf.use(at["b"]) as second:
            limit = abs(_number(asked, "limit", 1.0)) or 1.0
            view = tile_view(first.box, at["z"], at["x"], at["y"])
            return _png(draw_difference(first, second, _pairs(first, second, asked), limit, view, self.looks))

    def differing(self, request: Request) -> Response:
        """Where two layers differ most."""
        at = request.path_params
        with self.shelf.use(at["a"]) as first, self.shelf.use(at["b"]) as second:
            return _json(differing(first, second, _pairs(first, second, request.query_params), self.looks))

    def poorest(self, request: Request) -> Response:
        """Where a band of quality is worst."""
        asked = request.query_params
        with self.shelf.use(request.path_params["a"]) as layer:
            (band,) = _bands(layer, asked.get("band", "1"), 1)
            return _json(poorest(layer, band, asked.get("order", layer.order), self.looks))

    def statistics(self, request: Request) -> Response:
        """Percentiles and histograms of bands."""
        asked = request.query_params
        low, high = _number(asked, "low", 2.0), _number(asked, "high", 98.0)
        if not 0 <= low < high <= 100:
            raise InputError(f"percentiles {low:g} and {high:g}", "between 0 and 100, the low one first")
        with self.shelf.use(request.path_params["a"]) as layer:
            bands = _bands(layer, asked.get("bands", ""))
            return _json(statistics(layer, bands, low, high, self.looks))

    def record(self, request: Request) -> Response:
        """How a layer was made."""
        with self.shelf.use(request.path_params["a"]) as layer:
            return _json(layer.record())

    def spectra(self, request: Request) -> Response:
        """What every layer holds under a point, or some of them."""
        asked = request.query_params
        x, y = _number(asked, "x"), _number(asked, "y")
        numbers = _integers(asked.get("layers", ""), 0, len(self.shelf.layers) - 1, 24) or range(
            min(24, len(self.shelf.layers))
        )
        found = []
        for number in numbers:
            with self.shelf.use(number) as layer:
                found.append(spectrum(layer, x, y))
        return _json([one for one in found if one is not None])

    def colours(self, request: Request) -> Response:
        """The colours of a map, for its legend."""
        table = palette(request.path_params["name"])
        stops = [table[round(at * 255 / (STOPS - 1))] for at in range(STOPS)]
        return _json(["#" + "".join(f"{part:02x}" for part in colour) for colour in stops])


def application(shelf: Shelf, token: str, port: int, session: str) -> Guard:
    """The whole, behind its guard."""
    viewer = Viewer(shelf, session)

    async def failed(_: Request, error: Exception) -> Response:
        return PlainTextResponse(f"unexpected {type(error).__name__}", 500, FRESH)

    return Guard(Starlette(routes=viewer.routes(), exception_handlers={Exception: failed}), token, port)


async def _page(request: Request) -> Response:
    """One of the files of the page: by a name that is in a list."""
    name = PAGE.get(request.path_params["name"])
    if name is None:
        raise HTTPException(404)
    path = STATIC / name
    return FileResponse(path, media_type=KINDS[path.suffix], headers={"cache-control": "no-cache"})


def _png(data: bytes) -> Response:
    """A picture, which the browser may keep."""
    return Response(data, media_type="image/png", headers=KEPT)


def _json(found: Any) -> Response:
    """Plain data; numbers that are none are null."""
    return JSONResponse(_finite(found), headers=FRESH)


def _finite(found: Any) -> Any:
    """The same with what JSON can hold."""
    if isinstance(found, Mapping):
        return {str(key): _finite(value) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [_finite(value) for value in found]
    if hasattr(found, "item"):
        found = found.item()
    return None if isinstance(found, float) and not math.isfinite(found) else found


def _number(asked: Mapping[str, str], name: str, default: float | None = None) -> float:
    """A finite number of the query."""
    text = asked.get(name)
    if text is None and default is not None:
        return default
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not abs(number) < 1e15:
        raise InputError(f"{name}={str(text)[:40]}", "a number")
    return number


def _integers(text: str, lowest: int, highest: int, most: int) -> list[int]:
    """Whole numbers with commas between them."""
    if not text:
        return []
    words = text.split(",")
    if len(words) > most or not all(word.isascii() and word.isdigit() and len(word) < 7 for word in words):
        raise InputError(f"'{text[:40]}'", f"at most {most} numbers")
    found = [int(word) for word in words]
    if not all(lowest <= one <= highest for one in found):
        raise InputError(f"'{text[:40]}'", f"numbers from {lowest} to {highest}")
    return found


def _bands(layer: Layer, text: str, most: int = 3) -> list[int]:
    """Bands counted from 1 in the query, from 0 here; those that are shown first where none is named."""
    found = [one - 1 for one in _integers(text, 1, layer.image.count, most)] or list(layer.colours)
    if len(found) == 2:
        raise InputError("two bands", "one or three")
    return found


def _limits(text: str, count: int) -> list[tuple[float, float]]:
    """``low:high`` for each band."""
    words = [word.split(":") for word in text.split(",")]
    if len(words) != count or any(len(word) != 2 for word in words):
        raise InputError(f"limits '{text[:60]}'", f"low:high, {count} times")
    return [(_number({"low": low}, "low"), _number({"high": high}, "high")) for low, high in words]


def _pairs(first: Layer, second: Layer, asked: Mapping[str, str]) -> list[tuple[int, int]]:
    """The bands that are compared: ``a:b``, counted from 1, or those that agree."""
    text = asked.get("pair", "")
    if not text:
        return spread(pairs(first, second))
    one, _, two = text.partition(":")
    return [(_bands(first, one, 1)[0], _bands(second, two or one, 1)[0])]
