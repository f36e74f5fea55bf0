"""Earthloom weaves what several satellite sensors saw into one image with the best of each.

Fuse
    pansharpen      sharpen a multispectral or hyperspectral image with a panchromatic one
    sharpen         coarse bands on the grid of finer ones: Sentinel-2 to 10 m
    predict         the fine image of a date from a coarse one and other dates
    series          the same for every date of a folder
    superresolve    a hyperspectral cube on a finer grid
    align           one sensor's bands as another would see them
    decloud         an optical image without its clouds, from radar and other dates
    batch           any of these for every row of a table

Judge
    evaluate        how good a product is, with or without a reference
    leave_one_out   how well a method predicts the dates that are known
    compare         several methods on the same images, and which suits them
    bench           methods over a data set under a protocol: a leaderboard and its manifest
    report          a page about a product or a folder: pictures, figures, maps
    revisit         clear observations and gaps of several sensors over one place
    simulate        a PAN and MS pair one scale down, so that the MS becomes the truth

Learn
    train           weights of a network from scenes
    fit_alignment   a transform between two sensors from pairs of images
    cases           the cases of a data set, observation and truth
    convert         a data set in another format
    export          a network as an ONNX file for other programs

Look up
    info            what an image file holds and how a product was made
    load_sample     a small scene that travels with the package, and its truth
    methods         ``methods.names("bandpass")``, ``methods.find``, ``methods.make``, ``methods.summary``
    sensors         ``sensors.names()``, ``sensors.load``, ``sensors.select``
    unfinished      products that were begun and are not whole
    doctor          whether this installation works, and what is missing
    metrics         quality indices as plain functions
    plot            a product beside its inputs, whole and near; any object of ours
    progress_bar    to hand to ``progress=``, in a notebook or a terminal
    assets          choose the assets of STAC items, to be given as an image or a series
    sign_urls       sign addresses of remote files at the moment when they are opened

Images go in as paths, numpy, torch or xarray, and come out as the same kind. What goes wrong raises an
:class:`EarthloomError`, which says what was given, what was expected and what to do.

>>> import earthloom
>>> scene = earthloom.load_sample()
>>> sharp = earthloom.pansharpen(scene.pan, scene.ms, method="gsa", sensor=scene.sensor)
>>> sharp.shape
(6, 320, 320)
>>> earthloom.pansharpen("pan.tif", "ms.tif", output="sharp.tif")  # doctest: +SKIP
"""

from earthloom.version import __version__ as __version__

_HOMES = {  # all but the verbs, which are files of verbs/; "" is a module; __init__.pyi tells type checkers the same
    "EarthloomError": "errors", "EarthloomWarning": "errors", "Transform": "prepare.bandpass.transform",
    "cases": "training.cases.open", "progress_bar": "report.progress", "plot": "report.plots.plot",
    "export": "verbs.exporting.export",
    "methods": "", "metrics": "", "sensors": "", "load_sample": "verbs.sampling.sample", "sign_urls": "raster.remote",
    "assets": "raster.metadata.stac_items", "bench": "verbs.benching.bench",
}  # fmt: skip


def _names() -> list[str]:
    """What there is: a file in verbs/ is a name here."""
    from earthloom.verbs.names import public

    return sorted([*_HOMES, "__version__", *public()])


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first asked for: `import earthloom` costs nothing."""
    if name == "__all__":
        return _names()
    home = _HOMES.get(name, f"verbs.{name}" if not name.startswith("_") and name in _names() else None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name) if home else import_module(f"{__name__}.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """What there is to complete: the public names, imported or not."""
    return _names()


def _repr_html_() -> str:
    """What a notebook shows of ``earthloom`` alone in a cell: its names, by what they are for."""
    from earthloom.notebook import contents

    return contents(__doc__ or "")
