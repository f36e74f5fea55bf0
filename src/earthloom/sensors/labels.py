"""How bands are called: by name or by number, in any case and with or without ``B`` and leading zeros."""

from __future__ import annotations

import re

from earthloom.sensors.files import fold


def number_key(text: str) -> str:
    """What is left of a band's number: ``B05``, ``band 5`` and ``5`` are ``#5``, ``B8A`` is ``#8a``."""
    match = re.fullmatch(r"(?:band|b)?0*(\d[0-9a-z]*)", fold(text))
    return "#" + (match[1] if match else fold(text))


def label_keys(name: str, number: str) -> set[str]:
    """Under which keys a band can be found."""
    return {fold(name)} | ({number_key(number)} if number else set())
