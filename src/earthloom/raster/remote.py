"""Reading what lies elsewhere: GDAL's settings for it, another try where a failure may pass, and why it failed.

The settings hold while a remote file is opened or read, whoever does so: library, command line, any thread or process.
What the user sets (environment variables, a ``rasterio.Env``) wins.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeVar

import rasterio
from rasterio.env import getenv, hasenv
from rasterio.errors import RasterioError

from earthloom.errors import FileError, InputError
from earthloom.raster.addresses import ADDRESS, Address, is_remote, without_secrets
from earthloom.version import __version__

try:
    from rasterio._err import CPLE_BaseError
except ImportError:  # a private module, it may move

    class CPLE_BaseError(Exception):  # type: ignore[no-redef]
        """Stands in for GDAL's own errors."""


T = TypeVar("T")
SCHEMES = {
    "http": "/vsicurl/http://", "https": "/vsicurl/https://", "s3": "/vsis3/", "gs": "/vsigs/", "az": "/vsiaz/",
}  # fmt: skip
SIGN = "EARTHLOOM_SIGN"  # module:function, which worker processes find in their environment too
SETTINGS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # nothing is listed, no sidecar asked for
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",  # the header of a COG in one request
    "GDAL_HTTP_MULTIRANGE": "SERIAL",  # through the cache that all threads share; a failed range alone is read again
    "CPL_VSIL_CURL_CHUNK_SIZE": "16384",  # bytes that ranges are rounded up to
    "CPL_VSIL_CURL_CACHE_SIZE": str(64 * 2**20),
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "0.5",  # seconds, doubled with every try
    "GDAL_HTTP_RETRY_CODES": "408,425,429,500,502,503,504",
    "GDAL_HTTP_CONNECTTIMEOUT": "15",
    "GDAL_HTTP_LOW_SPEED_TIME": "60",  # a connection that gives nothing for so long is dead
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
    "GDAL_HTTP_USERAGENT": f"earthloom/{__version__}",
}
TRIES = 3  # GDAL's own not counted
LASTING = (400, 401, 403, 404, 405, 410, 416, 451)
_own: list[Callable[[Any], Any]] = []  # what sign_urls was told
_STATUS = re.compile(r"(?:response code(?: on [^:]*)?:?|HTTP error code ?:?|returned error:?) *(\d{3})")
_KEYS = re.compile(r"(AWS|GS|AZURE|OSS|SWIFT)_[A-Z_]+.*(not defined|not filled)|Missing AZURE|InvalidCredentials")
WHERE = {  # what says who one is; what says that nobody has to be
    "AWS": ("AWS_PROFILE or AWS_ACCESS_KEY_ID", "AWS_NO_SIGN_REQUEST=YES"),
    "GS": ("GOOGLE_APPLICATION_CREDENTIALS", "GS_NO_SIGN_REQUEST=YES"),
    "AZURE": ("AZURE_STORAGE_ACCOUNT", "AZURE_NO_SIGN_REQUEST=YES"),
}


def told(name: str) -> str:
    """What holds of a setting: the user's word, or ours."""
    own = getenv() if hasenv() else {}
    return str(own.get(name, os.environ.get(name, SETTINGS.get(name, ""))))


@contextmanager
def settings(**more: str) -> Iterator[None]:
    """GDAL's settings for reading from elsewhere; whatever the user set stays as it is."""
    own = getenv() if hasenv() else {}
    missing = {key: value for key, value in SETTINGS.items() if key not in own and key not in os.environ}
    asked: dict[str, Any] = {**missing, **more}
    with rasterio.Env(**asked):
        yield


def tried(path: str, act: Callable[[], T]) -> T:
    """Call what opens or reads a file; what lies elsewhere again, with back-off, where the failure may pass."""
    if not is_remote(path):
        return act()
    for last in attempts():
        try:
            with settings():
                return act()
        except (RasterioError, CPLE_BaseError, OSError) as error:
            lost = last or lasts(path, error)
            _forget(path)
            if lost:
                raise
    raise AssertionError("the last try returns or raises")


@contextmanager
def one_at_a_time(path: str) -> Iterator[None]:
    """One thread at a time reads a file that lies elsewhere: two would fetch twice what their tiles share."""
    if not is_remote(path):
        yield
        return
    with _gate(str(path)):
        yield


@lru_cache(maxsize=1024)
def _gate(path: str) -> threading.Lock:
    """Held by who reads a file."""
    return threading.Lock()


def lasts(path: str, error: BaseException) -> bool:
    """Whether another try is in vain."""
    found = seen(path)  # GDAL repeats what an earlier file of the thread was refused for
    if found is not None:
        return _lost(found)
    text = _words(error)
    status = _STATUS.search(text)
    lost = status is not None and int(status[1]) in LASTING
    return lost or _KEYS.search(text) is not None or "resolve host" in text or "SSL" in text


def why(path: str, error: BaseException, hint: str) -> tuple[str, str]:
    """Cause of a failure and what to do about it, in words, without secrets."""
    found = seen(path)
    text = without_secrets(_words(error))
    if isinstance(found, BaseException):
        text = f"{type(found).__name__}: {found}"
    elif keys := _KEYS.search(text):
        who, nobody = WHERE.get((keys[1] or "AZURE").upper(), ("them", "what says that none are needed"))
        return "no credentials", f"set {who}; for what is public {nobody}"
    elif found is not None and found.status >= 400:
        return _of_status(found.status)
    elif (status := _STATUS.search(text)) is not None:
        return _of_status(int(status[1]))
    if (named := _of_connection(text)) is not None:
        return named
    if "not recognized" in text:
        return "it is no image that GDAL reads from there", "download it first, or check the address"
    return text, hint


def _of_status(status: int) -> tuple[str, str]:
    """What an answer of a server means."""
    if status in (401, 403):
        return f"access is forbidden ({status})", "check the credentials, or whether the signature has run out"
    if status in (404, 410):
        return f"there is no such file ({status})", "check the address"
    if status == 429:
        return "the server is asked too often (429)", "use fewer `threads`, or try later"
    if status == 416:
        return "the server gives no ranges (416)", "download it first"
    return f"the server answers {status}", "try later"


def _of_connection(text: str) -> tuple[str, str] | None:
    """What the lack of an answer means; None for other words."""
    low = text.lower()
    if "resolve host" in low or "gaierror" in low:
        return "no host of that name is known", "check the address"
    if "certificate" in low or "ssl" in low or "tls" in low:
        return "no safe connection (TLS, certificate)", "check the address, or name the authority: CURL_CA_BUNDLE=FILE"
    if "timed out" in low or "timeout" in low or "too slow" in low:
        return "the server does not answer in time", "try later; GDAL_HTTP_CONNECTTIMEOUT says how long to wait"
    if "refused" in low or "couldn't connect" in low or "could not connect" in low or "failed to connect" in low:
        return "nobody answers there (connection refused)", "check the address, or try later"
    if "reset" in low or "empty reply" in low or "remotedisconnected" in low or "closed connection" in low:
        return "the connection breaks", "try later"
    return None


def _words(error: BaseException) -> str:
    """An error with what caused it, in one line."""
    texts = []
    seen: BaseException | None = error
    while seen is not None and len(texts) < 5:
        texts.append(str(seen))
        seen = seen.__cause__ or seen.__context__
    return " ".join(" ".join(texts).split())


@dataclass(frozen=True)
class Seen:
    """What a web server says of a file: status of its answer, size, and what changes with the content."""

    status: int
    bytes: int | None = None
    etag: str | None = None
    modified: str | None = None


def seen(path: str) -> Seen | BaseException | None:
    """What a web server says of a file, or why it says nothing; None where no web server is asked (S3, Google)."""
    url = gdal_name(path).removeprefix("/vsicurl/")
    if not url.startswith(("http://", "https://")):
        return None
    return _passing(lambda: _first_byte(url))


def read_whole(path: str, most: int) -> bytes:
    """A small file from elsewhere: the JSON of a STAC item.

    Raises
    ------
    FileError
        If it cannot be had, or is longer than ``most`` bytes.
    """
    name = gdal_name(path)
    if not name.startswith("/vsicurl/"):
        raise FileError(f"{path} cannot be read", "an item behind http(s), or a local one", "download it first")
    url = name.removeprefix("/vsicurl/")
    answer = _passing(lambda: _get(url, most))
    if isinstance(answer, bytes):
        if len(answer) > most:
            raise FileError(f"{path} of more than {most / 2**20:.0f} MB", "metadata")
        return answer
    if isinstance(answer, Seen):
        reason, hint = _of_status(answer.status)
    else:
        known = _of_connection(f"{type(answer).__name__}: {answer}")
        reason, hint = known or (without_secrets(" ".join(str(answer).split())), "check the address")
    raise FileError(f"{path} cannot be read: {reason}", hint=hint)


def _first_byte(url: str) -> Seen:
    """What comes with the first byte of a file."""
    with _opened(url, {"Range": "bytes=0-0"}) as answer:
        head = answer.headers
        whole = head.get("Content-Range", "").rpartition("/")[2] or head.get("Content-Length", "")
        return Seen(answer.status, int(whole) if whole.isdigit() else None, head.get("ETag"), head.get("Last-Modified"))


def _get(url: str, most: int) -> bytes:
    """A file, and one byte of what is too much."""
    with _opened(url, {}) as answer:
        return answer.read(most + 1)


def _opened(url: str, headers: dict[str, str]) -> Any:
    """An answer of a web server."""
    import urllib.request  # here and below: what asks the web is loaded when something lies there

    request = urllib.request.Request(url, headers={**headers, "User-Agent": SETTINGS["GDAL_HTTP_USERAGENT"]})
    return urllib.request.urlopen(request, timeout=_seconds("GDAL_HTTP_CONNECTTIMEOUT", 15))


def _passing(ask: Callable[[], T]) -> T | Seen | BaseException:
    """What a server answers, or why not: asked again, with back-off, where that may help."""
    import http.client
    import urllib.error

    answer: Seen | BaseException | None = None
    for last in attempts():
        try:
            return ask()
        except urllib.error.HTTPError as wrong:
            answer = Seen(wrong.code)
        except urllib.error.URLError as wrong:
            answer = wrong.reason if isinstance(wrong.reason, BaseException) else wrong
        except (OSError, ValueError, http.client.HTTPException) as wrong:
            answer = wrong
        if last or _lost(answer):
            break
    assert answer is not None
    return answer


def attempts() -> Iterator[bool]:
    """As many as there may be, with back-off between them; True with the last."""
    pause = _seconds("GDAL_HTTP_RETRY_DELAY", 0.5)
    for left in reversed(range(tries())):
        yield not left
        time.sleep(pause)
        pause *= 2


def tries() -> int:
    """How often something is tried: as the user says for GDAL, within bounds."""
    return min(TRIES, 1 + int(_seconds("GDAL_HTTP_MAX_RETRY", 3)))


def _forget(path: str) -> None:
    """Let GDAL ask again: it keeps for good that a file was not there."""
    name = gdal_name(path)
    kind = "/vsicurl/" if "/vsicurl" in name else name[: name.find("/", 1) + 1]
    with settings(CPL_VSIL_CURL_NON_CACHED=kind, GDAL_HTTP_MAX_RETRY="0"), suppress(Exception):  # it fails, mostly
        rasterio.open(name).close()


def _lost(answer: Seen | BaseException) -> bool:
    """Whether an answer, or the lack of one, is for good."""
    import socket
    import ssl

    if isinstance(answer, Seen):
        return answer.status in LASTING
    return isinstance(answer, ValueError | ssl.SSLError | socket.gaierror)


def _seconds(name: str, otherwise: float) -> float:
    """A setting that is a number."""
    try:
        return max(0.0, float(told(name)))
    except ValueError:
        return otherwise


def gdal_name(path: str) -> str:
    """What GDAL opens: signed, where somebody signs."""
    whole = signed(path.secret if isinstance(path, Address) else path)
    scheme = ADDRESS.match(whole)
    return whole if scheme is None else SCHEMES[scheme["scheme"].lower()] + whole[scheme.end() :]


def sign_urls(function: Callable[[Any], Any] | None) -> None:
    """Sign every address at the moment when it is opened.

    Parameters
    ----------
    function
        Takes an address and gives the one to open, such as ``planetary_computer.sign``; None: nothing is signed.
        A function of a module is found by worker processes too; any other signs in this process alone. What it adds
        is never shown. Environment variable ``EARTHLOOM_SIGN=module:function`` says the same.

    Raises
    ------
    InputError
        If it cannot be called.
    """
    if function is not None and not callable(function):
        raise InputError(f"a signing function of type {type(function).__name__}", "something to call with an address")
    _own[:] = [] if function is None else [function]
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "<")
    if function is None:
        os.environ.pop(SIGN, None)
    elif module and module != "__main__" and "<" not in name:
        os.environ[SIGN] = f"{module}:{name}"


def signed(url: str) -> str:
    """An address as it is opened.

    Raises
    ------
    InputError
        If ``EARTHLOOM_SIGN`` names no function, or what signs fails.
    """
    signer = _own[0] if _own else _signer(os.environ.get(SIGN, ""))
    if signer is None or ADDRESS.match(url) is None:
        return url
    try:
        return str(signer(url))
    except Exception as wrong:  # whatever a function of others raises
        text = without_secrets(" ".join(str(wrong).split())) or type(wrong).__name__
        raise InputError(f"{without_secrets(url)} could not be signed: {text}") from wrong


@lru_cache(maxsize=4)
def _signer(word: str) -> Callable[[Any], Any] | None:
    """The function that a word ``module:function`` names."""
    if not word:
        return None
    module, _, name = word.partition(":")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as wrong:
        raise InputError(f"{SIGN}={word}: {wrong}", "module:function, such as planetary_computer:sign") from wrong
    return found
