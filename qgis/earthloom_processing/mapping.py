"""What a window shows of a command of Earthloom, and the command line that its values make. Knows no QGIS.

The commands come from ``earthloom --describe``: their flags, defaults and help are written once, in Earthloom.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COMMANDS = (  # those that work on layers
    "pansharpen", "sharpen", "superresolve", "predict", "series", "align", "align fit", "align apply", "decloud",
    "evaluate", "report",
)  # fmt: skip
LEFT_OUT = {
    "log_json",
    "verbose",
    "quiet",
    "debug",
    "json",
    "no_refine",
}  # the window has its own ways, or another flag
MORE = "more"  # flags as they are typed, such as the fields of a method
PLAIN = ("sensor", "source_sensor", "target_sensor", "register", "refine", "convention")  # shown though no file
SUFFIX = {  # of what is written, where it is no image
    ("align fit", "output"): ".json", ("report", "output"): ".html", "report": ".html", "figure": ".png",
    "save_weights": ".safetensors",
}  # fmt: skip
TRANSLATED = {"image": "image", "output": "raster_out", "output_folder": "folder_out"}
LONGEST = 56  # of a label; a wider one makes the window scroll
CAPITALS = ("pan", "ms", "hs", "sar", "mtf", "stac")
EACH = {"images": "one each, in the same order", "texts": "one each, spaces between", "text": "of the image"}
LINK = re.compile(r"`([^`]*)`")


class MappingError(ValueError):
    """Values that make no command."""


@dataclass(frozen=True)
class Parameter:
    """A field of the window.

    Parameters
    ----------
    name
        Of the field; ``flag`` holds what the program says of its flag, ``part`` which of its words it is.
    kind
        image, images, text, texts, choice, integer, number, switch, file, folder, raster_out, file_out or folder_out.
    label, help
        One line, and all that there is to say.
    default
        Value that is not passed on.
    required
        Nothing runs without it.
    advanced
        Out of sight until it is asked for.
    """

    name: str
    kind: str
    label: str
    help: str
    default: Any
    required: bool
    advanced: bool
    flag: Mapping[str, Any]
    part: int = 0

    @property
    def choices(self) -> tuple[str, ...]:
        """Words to choose from."""
        return tuple(self.flag["choices"])

    @property
    def suffix(self) -> str:
        """Of a file that is written."""
        return str(self.flag.get("suffix", ".tif"))


def offered(described: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The commands to offer, by name, of all that the program has."""
    known = {one["name"]: one for one in described["commands"]}
    return {name: known[name] for name in COMMANDS if name in known}


def parameters_of(command: Mapping[str, Any]) -> list[Parameter]:
    """The fields of the window of a command, in order."""
    flags = [flag for flag in command["flags"] if not _left_out(flag)]
    found = [one for flag in flags for one in _fields(command["name"], flag)]
    return sorted(found, key=lambda one: ("_out" in one.kind, "_out" in one.kind and not one.required, one.advanced))


def _left_out(flag: Mapping[str, Any]) -> bool:
    """Whether the window does without: it has batches of its own, and fields of methods are typed."""
    return flag["name"] in LEFT_OUT or flag["group"] == "Batch" or flag["group"].startswith("Fields of")


def _fields(command: str, flag: Mapping[str, Any]) -> Iterator[Parameter]:
    """A field for each word of a flag."""
    name, several = flag["name"], len(flag["takes"]) > 1
    suffix = SUFFIX.get((command, name), SUFFIX.get(name, ".tif"))  # type: ignore[call-overload]
    for part, (takes, word) in enumerate(zip(flag["takes"], flag["words"], strict=True)):
        kind = _kind(takes, flag["many"], suffix, bool(flag["choices"]) and name == "method")
        own = name if not several or word == name else f"{name}_{word}"
        about = flag["help"].replace("``", "`")
        label = _label(own, about if not several else EACH.get(kind, about))
        yield Parameter(
            name=own, kind=kind, label=label, help=about, default=flag["default"], required=flag["required"],
            advanced=_advanced(command, flag), flag={**flag, "suffix": suffix}, part=part,
        )  # fmt: skip


def _kind(takes: str, many: bool, suffix: str, named: bool) -> str:
    """The kind of field for a word."""
    if takes == "output" and suffix != ".tif":
        return "file_out"
    if named:
        return "choice"
    kind = TRANSLATED.get(takes, takes)
    return {"image": "images"}.get(kind, "texts") if many else kind


def _label(name: str, about: str) -> str:
    """A line: what it is called, and the first clause of its help."""
    first = re.split(r"[:.;(]\s|[:.;(]$", about, maxsplit=1)[0].replace("`", "").strip()
    called = " ".join(word.upper() if word in CAPITALS else word for word in name.split("_"))
    line = f"{called[0].upper()}{called[1:]}" + (f": {first}" if first else "")
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rsplit(' ', 1)[0].rstrip(',')} …"


def _advanced(command: str, flag: Mapping[str, Any]) -> bool:
    """Whether a flag is out of sight at first."""
    seen = flag["required"] or flag["name"] in PLAIN or {"image", "folder"} & set(flag["takes"])
    return not (seen or flag["group"] in ("Files", "Arguments") or (command == "evaluate" and flag["name"] == "ratio"))


def argv_of(command: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """The words behind ``earthloom`` that the values of a window make.

    Parameters
    ----------
    command
        As the program describes it.
    values
        By the names of the fields: texts, numbers, switches, paths, lists of them; None and an empty text are nothing.

    Raises
    ------
    MappingError
        If something that is required is missing, or lists that belong together differ in length.
    """
    parameters = parameters_of(command)
    missing = [one.label for one in parameters if one.required and _empty(values.get(one.name))]
    if missing:
        raise MappingError(f"nothing is given for {', '.join(missing)}")
    bare, typed = list[str](), list[str]()
    for flag, fields in _by_flag(parameters):
        given = [values.get(one.name) for one in fields]
        if all(_empty(one) for one in given) or (len(fields) == 1 and _usual(fields[0], given[0])):
            continue
        words = _words(flag, fields, given)
        (typed if flag["flag"] else bare).extend(words)
    return [*command["name"].split(), *bare, *typed, *shlex.split(str(values.get(MORE) or ""))]


def _by_flag(parameters: Sequence[Parameter]) -> list[tuple[Mapping[str, Any], list[Parameter]]]:
    """The fields of each flag, in the order of its words."""
    flags: dict[str, list[Parameter]] = {}
    for one in parameters:
        flags.setdefault(one.flag["name"], []).append(one)
    return [(own[0].flag, sorted(own, key=lambda one: one.part)) for own in flags.values()]


def _words(flag: Mapping[str, Any], fields: Sequence[Parameter], given: Sequence[Any]) -> list[str]:
    """What is typed for one flag."""
    typed = flag["flag"]
    if fields[0].kind == "switch":
        return [typed if given[0] else flag["off"]] if given[0] or flag["off"] else []
    if len(fields) > 1 and flag["many"]:  # once for each
        columns = [_several(one) for one in given]
        if len({len(column) for column in columns}) > 1:
            told = ", ".join(f"{len(column)} of {one.name}" for column, one in zip(columns, fields, strict=True))
            raise MappingError(f"{told}; expected as many of each")
        return [word for row in zip(*columns, strict=True) for word in (typed, *row)]
    words = _several(given[0]) if flag["many"] else [_text(one) for one in given]
    if not typed:
        return words
    return [f"{typed}={words[0]}"] if len(words) == 1 else [typed, *words]


def _usual(one: Parameter, value: Any) -> bool:
    """Whether a value need not be said."""
    if one.kind == "switch":
        return bool(value) == bool(one.default)
    return not one.required and _text(value) == _text(one.default)


def _empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, (list, tuple)) and not value)


def _several(value: Any) -> list[str]:
    """A list, or a text with spaces or commas between."""
    if isinstance(value, (list, tuple)):
        return [_text(one) for one in value]
    return shlex.split(str(value or "").replace(",", " "))


def _text(value: Any) -> str:
    """A value as it is typed; whole numbers without a point."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def source_of(provider: str, source: str, name: str) -> str:
    """The file of a layer, as Earthloom opens it.

    Parameters
    ----------
    provider
        Of the layer in QGIS; ``gdal`` for files.
    source
        What QGIS calls its source: a path, ``NETCDF:"file.nc":array``, ``/vsizip/...``, with options behind ``|``.
    name
        Of the layer, for the message.

    Raises
    ------
    MappingError
        If the layer is no file, such as a map service.
    """
    if provider != "gdal":
        raise MappingError(
            f"the layer '{name}' comes from '{provider}'; expected a raster file; export it to a GeoTIFF"
        )
    return re.split(r"\|(?:option|credential|layername):", source, maxsplit=1)[0]


def manual_of(command: Mapping[str, Any]) -> str:
    """The help of a window, as HTML."""
    paragraphs = [f"<p>{_html(text)}</p>" for text in command["manual"].split("\n\n") if text.strip()]
    fields = {one.flag["name"]: one for one in reversed(parameters_of(command))}  # one for each flag, in their order
    rows = [f"<p><b>{_html(one.label.split(':')[0])}</b>: {_html(one.help)}</p>" for one in reversed(fields.values())]
    typed = "".join(f"<p>{_html(one['what'])}<br><code>{_html(one['line'])}</code></p>" for one in command["examples"])
    return "".join([*paragraphs, "<h2>Fields</h2>", *rows, "<h2>In a terminal</h2>", typed])


def _html(text: str) -> str:
    """A text of the program for a window."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return LINK.sub(r"<code>\1</code>", safe)
