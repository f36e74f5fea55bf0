"""A PAN and an MS image: opened, laid on one grid, their displacement measured."""

from __future__ import annotations

from typing import Any

from earthloom.engine.options import Options
from earthloom.errors import InputError
from earthloom.prepare import registering as register
from earthloom.raster.image import Image
from earthloom.raster.open import open_image
from earthloom.raster.scenes.sharpening import RasterScene, collocate
from earthloom.sensors import Sensor, load


def checked(scene: Any, options: Options, georeferenced: bool) -> tuple[Any, register.Registration]:
    """Measure the displacement between the inputs, tell it, and correct it when asked."""
    if options.register and scene.convention == "toolbox":
        raise InputError("register with the toolbox convention", "convention 'centre'", "the protocol knows no offset")
    found = register.measure(scene, options.workers)
    options.tell(str(found))
    for y, x, shift in found.blocks:
        options.tell(f"  block at ({y}, {x}): {shift.y:+.2f} rows, {shift.x:+.2f} columns, +- {shift.sigma_px:.2f}")
    register.warn(found, options.register, georeferenced, scene)
    return (register.corrected(scene, found) if options.register and found.known else scene), found


def open_scene(pan: Any, ms: Any, options: Options) -> tuple[RasterScene, Sensor | None]:
    """Open a PAN and an MS image and lay them on one grid.

    Raises
    ------
    EarthloomError
        Whatever stands in the way, in words.
    """
    if options.convention not in (None, "centre", "toolbox"):
        raise InputError(f"convention '{options.convention}'", "'centre' or 'toolbox'")
    images: list[Image] = []
    try:
        for paths, role in ((pan, "pan"), (ms, "ms")):
            images.append(open_image(paths, role=role, nodata=options.nodata))
        name = options.sensor or images[1].sensor
        sensor = load(name) if name else None
        scene = collocate(
            images[0], images[1], sensor=sensor, convention=options.convention or "auto",  # type: ignore[arg-type]
            ignore_georeferencing=options.ignore_georeferencing,
        )  # fmt: skip
    except BaseException:
        for image in images:
            image.close()
        raise
    for note in scene.notes:
        options.tell(note)
    ratio, offset = scene.fit.ratio, scene.offset
    options.tell(
        f"PAN grid {scene.shape[0]} x {scene.shape[1]}, MS {len(scene.ms_bands)} band(s) at ratio {ratio[0]:g}, "
        f"MS pixel 0 at PAN pixel ({offset[0]:g}, {offset[1]:g}), sensor {sensor.title if sensor else 'unknown'}"
    )
    return scene, sensor
