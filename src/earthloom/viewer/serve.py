"""`earthloom view`: open what was named, listen on this machine alone, and tell the address."""

from __future__ import annotations

import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from earthloom.errors import EarthloomError, InputError, MethodError
from earthloom.raster.settings import block_cache

LOOPBACK = "127.0.0.1"
CACHE_BYTES = 128 * 2**20  # of blocks that GDAL keeps, unless the environment says another size
WAITING = 256  # requests that may wait to be taken


def view(
    paths: str | Path | Sequence[str | Path],
    *,
    port: int = 0,
    browser: bool = True,
    tell: Callable[[str], Any] = print,
    state: str = "",
) -> None:
    """Show images in the browser until Ctrl-C.

    Parameters
    ----------
    paths
        Anything that opens as an image, and folders of images; those with days in their names become a series.
    port
        Of this machine; 0 takes a free one. A link to a view works again where the port is the same.
    browser
        Open the browser.
    tell
        Is given the lines to print: the address first.
    state
        What stands behind the ``#`` of an address: the view to begin with.

    Raises
    ------
    EarthloomError
        If an image cannot be opened, the port is taken, or a package is missing.
    """
    uvicorn = _needed()
    from earthloom.viewer.app import application
    from earthloom.viewer.layers import open_layers

    shelf = open_layers([paths] if isinstance(paths, (str, Path)) else list(paths))
    listening = _listen(port)
    token, own = secrets.token_urlsafe(24), listening.getsockname()[1]
    app = application(shelf, token, own, secrets.token_hex(4))
    config = uvicorn.Config(
        app, log_level="error", access_log=False, server_header=False, lifespan="off", ws="none", loop="asyncio",
        http="h11", proxy_headers=False, timeout_graceful_shutdown=1, timeout_keep_alive=75,
        h11_max_incomplete_event_size=16384,
    )  # fmt: skip
    address = f"http://{LOOPBACK}:{own}/?token={token}{'#' + state.lstrip('#') if state else ''}"
    tell(f"{address}\nopen this address in a browser of this machine; Ctrl-C stops")
    for name, why in shelf.left_out.items():
        tell(f"left out: {name}: {why}")
    if browser:
        threading.Thread(target=_open_browser, args=(address,), daemon=True).start()
    try:
        with block_cache(CACHE_BYTES, asked=False):
            uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn raises it again when it has closed what was open
        pass
    finally:
        listening.close()
        shelf.close()


def _needed() -> Any:
    """The server; or what to install."""
    try:
        import PIL.Image  # noqa: F401
        import starlette.applications  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise MethodError(
            f"the viewer without {error.name}", "the packages of the viewer", "pip install 'earthloom[view]'"
        ) from error
    return uvicorn


def _listen(port: int) -> socket.socket:
    """A socket of this machine alone."""
    if not 0 <= port <= 65535:
        raise InputError(f"port {port}", "0 to 65535")
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen(WAITING)  # whoever reads the address may ask at once
    except OSError as error:
        listening.close()
        raise EarthloomError(f"port {port}: {error.strerror}", "a free port", "`port=0` takes one") from error
    return listening


def _open_browser(address: str) -> None:
    """In a thread: some programs that open browsers wait for them."""
    webbrowser.open(address)
