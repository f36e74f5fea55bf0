"""Names of files that lie elsewhere, and what in them is secret.

``https://host/x.tif?token`` goes by the name ``https://host/x.tif`` everywhere: in messages, in the provenance, in STAC
items. The rest of it is carried along for whoever opens the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ADDRESS = re.compile(r"^(?P<scheme>https?|s3|gs|az):/{1,2}(?!/)", re.IGNORECASE)  # pathlib leaves one slash
_HANDLER = re.compile(r"/vsi(?:curl|s3|gs|az|adls|oss|swift|webhdfs)(?:_streaming)?[/?]")
_QUERY = re.compile(r"((?:https?|s3|gs|az)://?[^\s?'\"#]*|/vsi\w+(?:/[^\s?'\"#]*)?)\?[^\s'\"#]*", re.IGNORECASE)
_ONE_SLASH = re.compile(r"(?<=\b)(https?|s3|gs|az):/(?=[^/])", re.IGNORECASE)
_USER = re.compile(r"(https?://)[^\s/?#'\"@]*@", re.IGNORECASE)


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
    return ADDRESS.match(text) is not None or _HANDLER.search(text) is not None


def address(path: object) -> str:
    """A path as text, what is elsewhere as an :class:`Address`; one that carries more as it is."""
    if isinstance(path, Address | HeldItem):
        return path
    text = str(path)
    return Address(text) if is_remote(text) else text


def without_secrets(text: str) -> str:
    """A path or a sentence without the queries and the users of the addresses in it."""
    return _USER.sub(r"\1", _QUERY.sub(r"\1", text))
