"""A small valid thing of every reader, and how each is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.fuzz import samples as made
from bench.fuzz.subject import Subject, in_safetensors, in_zip, with_checksum

SIDE = 16  # pixels of a decimated read


def look(path: Path, role: str | None = "ms") -> object:
    """Open an image, read it thinly, and its first rows as they are."""
    from earthloom.raster.open import open_image
    from earthloom.types import Window

    with open_image(path, role=role) as image:
        thin = image.decimated(SIDE)
        height, width = (min(size, SIDE) for size in image.shape)
        image.read(Window(0, 0, height, width))
        return thin


def bare(path: Path) -> object:
    """Bare numbers of a published shape, as small as ours."""
    from earthloom.raster.formats import bare as published

    published.SHAPES["CIA"] = (6, 12, 10)
    return look(path)


def cube(path: Path) -> object:
    """As the cube of super-resolution."""
    return look(path, "hs")


def told(path: Path) -> object:
    """Everything that `earthloom info` says of a file."""
    from earthloom.report.described import describe

    return json.dumps(describe(path), default=str)


def listed(path: Path) -> object:
    """As a data set of pansharpening, its first sample read."""
    from earthloom.raster.listing.layouts import find_sources

    sources = find_sources(path)
    first: Any = sources[0]
    return first.read(0) if hasattr(first, "read") else sources


def sights(path: Path) -> object:
    """As the list of `earthloom revisit`."""
    from earthloom.raster.listing.sights import read_sights

    return read_sights([path])


def sensor(path: Path) -> object:
    """A sensor, with its response curves."""
    from earthloom.physics.srf import load_srf
    from earthloom.sensors import load

    return load_srf(load(path))


def library(path: Path) -> object:
    """A table of spectra."""
    from earthloom.samples.spectra import spectral_library

    return spectral_library(str(path))


def configured(path: Path) -> object:
    """The file of a training run."""
    from earthloom.training.loop.config import Config, read_toml

    values = read_toml(path)
    return Config.of({key: value for key, value in values.items() if not isinstance(value, dict)})


def transform(path: Path) -> object:
    """A fitted transform, applied to one image."""
    from earthloom.prepare.bandpass.transform import Transform

    ready = Transform.load(path)
    return str(ready), ready.apply(np.full((len(ready.source.bands), 4, 4), 0.1, np.float32))


def weights(path: Path) -> object:
    """Weights with their header."""
    from earthloom.weights.store import read

    return read(path)


def checkpoint(path: Path) -> object:
    """A checkpoint of a run."""
    from earthloom.training.loop.checkpoint import load_checkpoint

    return load_checkpoint(path)


def published_lut(path: Path) -> object:
    """The authors' checkpoint of UNet-LUT."""
    from earthloom.methods.networks.published_tables import _module

    return _module(str(path), 0)


def published_list(path: Path) -> object:
    """The lists of the published data set."""
    from earthloom.raster.listing.published import published_pairs

    return list(published_pairs(path, "train"))


def named(path: Path) -> object:
    """A file that holds a name, given wherever a user gives one."""
    from earthloom.errors import EarthloomError
    from earthloom.prepare.bandpass.transform import Transform
    from earthloom.raster.listing.layouts import find_sources
    from earthloom.sensors import load

    name = path.read_bytes().decode("utf-8", "surrogateescape")
    ways: tuple[Callable[[Any], object], ...] = (
        look,
        Transform.load,
        load,
        weights,
        lambda one: sights(Path(one)),
        find_sources,
    )
    for way in ways:
        try:
            way(name)
        except EarthloomError:
            continue
    return None


SUBJECTS: dict[str, Subject] = {
    "geotiff": Subject(made.geotiff, look),
    "geotiff_tags": Subject(made.geotiff, told),
    "geotiff_tiled": Subject(made.tiled, look),
    "envi": Subject(made.envi, look),
    "landsat_txt": Subject(made.landsat("txt"), look, ("MTL.txt", "B1.TIF")),
    "landsat_json": Subject(made.landsat("json"), look, ("MTL.json",)),
    "landsat_xml": Subject(made.landsat("xml"), look, ("MTL.xml",)),
    "safe": Subject(made.safe, look, (".xml", "B02_10m.jp2.tif")),
    "hls": Subject(made.hls, look),
    "stac_beside": Subject(made.stac_beside, look, (".json",)),
    "mat5": Subject(made.mat5, cube),
    "mat5_plain": Subject(made.mat5_plain, cube),
    "mat73": Subject(made.mat73, cube),
    "h5": Subject(made.h5, look),
    "netcdf": Subject(made.netcdf, look),
    "netcdf3": Subject(made.netcdf3, look),
    "bare": Subject(made.bare, bare),
    "prisma": Subject(made.sample("prisma"), look),
    "enmap": Subject(made.sample("enmap"), look, (".XML",)),
    "desis": Subject(made.sample("desis"), look, (".xml",)),
    "emit": Subject(made.sample("emit"), look),
    "planetscope": Subject(made.sample("planetscope"), look, (".xml",)),
    "planetscope_json": Subject(made.planet_json, look, (".json",)),
    "modis": Subject(made.sample("modis"), look),
    "eo1": Subject(made.sample("eo1"), look, (".TXT",)),
    "zip": Subject(made.zipped, look, (".zip",), {".zip": in_zip}),
    "tar": Subject(made.tarred, look, (".tar",)),
    "dataset_h5": Subject(made.stack, listed),
    "dataset_folder": Subject(made.dataset, listed, (".json",)),
    "published_list": Subject(made.published, published_list, ("train.txt",)),
    "weights": Subject(made.weights, weights, mutate={".safetensors": in_safetensors}),
    "pth_coarsr": Subject(made.coarsr, weights, mutate={".pth": in_zip}),
    "pth_published": Subject(made.unet, published_lut, mutate={".pth": in_zip}),
    "checkpoint": Subject(made.checkpoint, checkpoint, mutate={".ckpt": in_zip}),
    "transform": Subject(made.transform, transform, mutate={".json": with_checksum}),
    "sensor": Subject(made.sensor, sensor),
    "spectra": Subject(made.spectra, library),
    "run_toml": Subject(made.run_toml, configured),
    "sights_stac": Subject(made.items, sights),
    "sights_lines": Subject(made.item_lines, sights),
    "sights_csv": Subject(made.sights_csv, sights),
    "names": Subject(made.name, named),
}
