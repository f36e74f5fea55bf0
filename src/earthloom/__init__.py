"""Earthloom weaves what several satellite sensors saw into one image with the best of each.

>>> import earthloom
>>> earthloom.pansharpen("pan.tif", "ms.tif", method="gsa", output="sharp.tif")  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from earthloom.version import __version__ as __version__

if TYPE_CHECKING:
    from earthloom import metrics as metrics
    from earthloom import sensors as sensors
    from earthloom.prepare.bandpass.transform import Transform as Transform
    from earthloom.training.cases.open import cases as cases
    from earthloom.verbs.align import align as align
    from earthloom.verbs.convert import convert as convert
    from earthloom.verbs.decloud import decloud as decloud
    from earthloom.verbs.evaluate import evaluate as evaluate
    from earthloom.verbs.fit_alignment import fit_alignment as fit_alignment
    from earthloom.verbs.leave_one_out import leave_one_out as leave_one_out
    from earthloom.verbs.pansharpen import pansharpen as pansharpen
    from earthloom.verbs.predict import predict as predict
    from earthloom.verbs.revisit import revisit as revisit
    from earthloom.verbs.series import series as series
    from earthloom.verbs.simulate import simulate as simulate
    from earthloom.verbs.superresolve import superresolve as superresolve
    from earthloom.verbs.train import train as train

_HOMES = {
    "Transform": "prepare.bandpass.transform", "cases": "training.cases.open",
    "metrics": "", "sensors": "",
}  # fmt: skip
__all__ = [
    "Transform", "__version__", "align", "cases", "convert", "decloud", "evaluate", "fit_alignment", "leave_one_out",
    "metrics", "pansharpen", "predict", "revisit", "sensors", "series", "simulate", "superresolve", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for: `import earthloom` costs nothing."""
    home = _HOMES.get(name, f"verbs.{name}" if name in __all__ else None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name) if home else import_module(f"{__name__}.{name}")
    globals()[name] = value
    return value
