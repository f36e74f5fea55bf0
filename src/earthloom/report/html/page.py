"""A page as one file that needs no other: styles, script and pictures inside, nothing asked of any network."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from earthloom.errors import InputError
from earthloom.report.html.parts import Page
from earthloom.report.plain import plain, strict
from earthloom.version import __version__

TEMPLATES = Path(__file__).parents[1] / "templates"
TEMPLATE, STYLE, SCRIPT = "page.html.jinja", "page.css", "page.js"
CODE = re.compile(r"`([^`]+)`")
KINDS = {  # what a browser may take, and from where: nothing from anywhere
    "default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'",
}  # fmt: skip


def require_jinja() -> None:
    """Refuse pages where there is nothing to lay them out with.

    Raises
    ------
    InputError
        If Jinja is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError as missing:
        raise InputError("a report without Jinja", "the package jinja2", "pip install 'earthloom[report]'") from missing


def rendered(page: Page) -> str:
    """The page as HTML.

    Raises
    ------
    InputError
        If Jinja is not installed.
    """
    require_jinja()
    style, script = (_resource(name) for name in (STYLE, SCRIPT))
    policy = KINDS | {"style-src": _hash(style), "script-src": _hash(script)}
    return _template().render(
        page=page, style=style, script=script, version=__version__, data=_inside(page.data),
        policy="; ".join(f"{kind} {sources}" for kind, sources in policy.items()),
    )  # fmt: skip


@cache
def _template() -> Any:
    """The template, which escapes all that it is given."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    there = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    there.filters["coded"] = _coded
    return there.get_template(TEMPLATE)


def _coded(text: str) -> Any:
    """Words with what stands in backticks as code; all of it escaped."""
    from markupsafe import Markup, escape

    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))


@cache
def _resource(name: str) -> str:
    """A file that goes into every page."""
    return (TEMPLATES / name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    """By which a browser knows the one style and the one script that may be used."""
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode('ascii')}'"


def _inside(data: Mapping[str, Any]) -> str:
    """Data for programs, as JSON that ends no element."""
    text = json.dumps(strict(data), default=plain, allow_nan=False, sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
