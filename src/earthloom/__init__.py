"""Earthloom weaves what several satellite sensors saw into one image with the best of each.

>>> import earthloom
>>> earthloom.pansharpen("pan.tif", "ms.tif", method="gsa", output="sharp.tif")  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from earthloom import metrics as metrics
    from earthloom import sensors as sensors
    from earthloom.engine.align import align as align
    from earthloom.engine.align_transform import fit_alignment as fit_alignment
    from earthloom.engine.convert import convert as convert
    from earthloom.engine.datasets import cases as cases
    from earthloom.engine.decloud import decloud as decloud
    from earthloom.engine.evaluate import evaluate as evaluate
    from earthloom.engine.leaveout import leave_one_out as leave_one_out
    from earthloom.engine.predict import predict as predict
    from earthloom.engine.revisit import revisit as revisit
    from earthloom.engine.series import series as series
    from earthloom.engine.simulate import simulate as simulate
    from earthloom.engine.superresolve import superresolve as superresolve
    from earthloom.engine.trainjob import train as train
    from earthloom.engine.verbs import pansharpen as pansharpen
    from earthloom.methods.transform import Transform as Transform

_HOMES = {
    "Transform": "methods.transform",
    "align": "engine.align", "cases": "engine.datasets", "convert": "engine.convert", "decloud": "engine.decloud",
    "evaluate": "engine.evaluate", "fit_alignment": "engine.align_transform",
    "leave_one_out": "engine.leaveout", "metrics": "", "pansharpen": "engine.verbs",
    "predict": "engine.predict", "revisit": "engine.revisit", "sensors": "", "series": "engine.series",
    "simulate": "engine.simulate", "superresolve": "engine.superresolve", "train": "engine.trainjob",
}  # fmt: skip
__all__ = [
    "Transform", "__version__", "align", "cases", "convert", "decloud", "evaluate", "fit_alignment", "leave_one_out",
    "metrics", "pansharpen", "predict", "revisit", "sensors", "series", "simulate", "superresolve", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for: `import earthloom` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = _HOMES[name]
    value = getattr(import_module(f"{__name__}.{home}"), name) if home else import_module(f"{__name__}.{name}")
    globals()[name] = value
    return value
