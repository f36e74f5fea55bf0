"""Names of files that lie elsewhere: what GDAL calls them, what in them is secret, and who signs them.

``https://host/x.tif?token`` goes by the name ``https://host/x.tif`` everywhere: in messages, in the provenance, in STAC
items. The rest of it is carried along for whoever opens the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from earthloom.errors import InputError

SCHEMES = {
    "http": "/vsicurl/http://", "https": "/vsicurl/https://", "s3": "/vsis3/", "gs": "/vsigs/", "az": "/vsiaz/",
}  # fmt: skip
SIGN = "EARTHLOOM_SIGN"  # module:function, which worker processes find in their environment too
_ADDRESS = re.compile(r"^(?P<scheme>https?|s3|gs|az):/{1,2}(?!/)", re.IGNORECASE)  # pathlib leaves one slash
_HANDLER = re.compile(r"/vsi(?:curl|s3|gs|az|adls|oss|swift|webhdfs)(?:_streaming)?[/?]")
_QUERY = re.compile(r"((?:https?|s3|gs|az)://?[^\s?'\"#]*|/vsi\w+(?:/[^\s?'\"#]*)?)\?[^\s'\"#]*", re.IGNORECASE)
_ONE_SLASH = re.compile(r"(?<=\b)(https?|s3|gs|az):/(?=[^/])", re.IGNORECASE)
_USER = re.compile(r"(https?://)[^\s/?#'\"@]*@", re.IGNORECASE)
_own: list[Callable[[Any], Any]] = []  # what sign_urls was told


class Address(str):
    """Where a file lies elsewhere, by the name that may be shown.

    Attributes
    ----------
    secret
        The whole of it, with its query and the name of a user: for opening alone.
    """

    secret: str

    def __new__(cls, whole: str) -> Address:
        """Of an address as it was given."""
        secret = whole.secret if isinstance(whole, Address) else _ONE_SLASH.sub(r"\1://", whole)
        made = super().__new__(cls, without_secrets(secret))
        made.secret = secret
        return made

    def __getnewargs__(self) -> tuple[str]:
        return (self.secret,)


class HeldItem(str):
    """An item that somebody gave as an object, by the name of its file.

    Attributes
    ----------
    plain
        The item as JSON has it.
    """

    plain: Mapping[str, Any]

    def __new__(cls, name: str, plain: Mapping[str, Any] | None = None) -> HeldItem:
        """Of a name and an item."""
        made = super().__new__(cls, without_secrets(name))
        made.plain = plain or {}
        return made


def is_remote(path: object) -> bool:
    """Whether a path names a file behind http(s), S3, Google's or Azure's store, in words of ours or of GDAL."""
    text = str(path)
    return _ADDRESS.match(text) is not None or _HANDLER.search(text) is not None


def address(path: object) -> str:
    """A path as text, what is elsewhere as an :class:`Address`; one that carries more as it is."""
    if isinstance(path, Address | HeldItem):
        return path
    text = str(path)
    return Address(text) if is_remote(text) else text


def without_secrets(text: str) -> str:
    """A path or a sentence without the queries and the users of the addresses in it."""
    return _USER.sub(r"\1", _QUERY.sub(r"\1", text))


def gdal_name(path: str) -> str:
    """What GDAL opens: signed, where somebody signs."""
    whole = signed(path.secret if isinstance(path, Address) else path)
    scheme = _ADDRESS.match(whole)
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
    signer = _own[0] if _own else _told(os.environ.get(SIGN, ""))
    if signer is None or _ADDRESS.match(url) is None:
        return url
    try:
        return str(signer(url))
    except Exception as wrong:  # whatever a function of others raises
        text = without_secrets(" ".join(str(wrong).split())) or type(wrong).__name__
        raise InputError(f"{without_secrets(url)} could not be signed: {text}") from wrong


@lru_cache(maxsize=4)
def _told(word: str) -> Callable[[Any], Any] | None:
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
