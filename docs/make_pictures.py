"""Draw docs/img/sharpen_l8_s2.png and sharpen_hyperion.png: what methods make of pairs without a truth.

Needs the shared data that bench/sharpening/native.py reads.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from earthloom.engine.passes import fuse_whole
from earthloom.methods import catalog
from earthloom.ops.stretch import limits, stretch
from earthloom.types import Observation

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from bench.sharpening.native import native  # noqa: E402
from bench.sharpening.run import as_pan  # noqa: E402

DPI, INCHES = 100, 2.2  # of a panel


@dataclass(frozen=True)
class Picture:
    """A row of panels for every choice of bands.

    Parameters
    ----------
    name
        Of the file.
    scene
        Of bench/sharpening/native.py.
    rows
        Names of the coarse bands shown as red, green and blue, and of the fine bands (three or one) beside them.
    single
        The best method with one PAN there.
    pan
        The scene that gives it its PAN, the mean of the fine bands.
    window
        Rows and columns of the fine grid that are shown.
    """

    name: str
    scene: str
    rows: Mapping[tuple[str, str, str], tuple[str, ...]]
    single: str
    pan: str
    window: tuple[slice, slice]


L8 = "Landsat 8 by Sentinel-2, 30 to 10 m"
PICTURES = (
    Picture(
        "sharpen_l8_s2", L8, {("B4", "B3", "B2"): ("B4", "B3", "B2"), ("B7", "B6", "B5"): ("B8",)}, "cnmf", L8,
        (slice(100, 204), slice(60, 164)),
    ),
    Picture(
        "sharpen_hyperion", "Hyperion by ALI PAN and MS, 30 to 10 m",
        {("B31", "B21", "B13"): ("pan",), ("B205", "B150", "B51"): ("pan",)}, "cnmf", "Hyperion by ALI PAN, 30 to 10 m",
        (slice(36, 140), slice(55, 159)),
    ),
)  # fmt: skip


def pick(image: np.ndarray, names: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Bands by name, (band, y, x)."""
    return image[[list(names).index(name) for name in wanted]]


def panels(picture: Picture) -> tuple[dict[str, np.ndarray], Observation]:
    """The coarse bands as delivered, interpolated, by lines and by one PAN, all on the fine grid."""
    seen = {case.scene: case.obs for case in native() if case.scene in (picture.scene, picture.pan)}
    obs, pan = seen[picture.scene], as_pan(seen[picture.pan])
    coarse = obs["coarse"]
    rows, cols = (
        np.clip(np.round((np.arange(n) - offset) / ratio).astype(int), 0, size - 1)
        for n, offset, ratio, size in zip(obs.shape, coarse.offset, coarse.ratio, coarse.shape, strict=True)
    )
    return {
        "as delivered": coarse.data[:, rows][:, :, cols],
        "interpolated": fuse_whole(catalog.make("exp", "sharpening"), obs),
        "gwr": fuse_whole(catalog.make("gwr", "sharpening"), obs),
        f"{picture.single}, one PAN": fuse_whole(catalog.make(picture.single), pan),
    }, obs


def draw(picture: Picture) -> Path:
    """One file."""
    shown, obs = panels(picture)
    names = {role: [band.name for band in obs[role].bands] for role in ("fine", "coarse")}
    rows, cols = picture.window
    count = 1 + len(shown)
    figure = Figure((INCHES * count, INCHES * len(picture.rows) * 1.1), DPI, layout="constrained")
    axes = figure.subplots(len(picture.rows), count, squeeze=False)
    for line, (bands, guides) in zip(axes, picture.rows.items(), strict=True):
        fine = pick(obs["fine"].data, names["fine"], guides)[:, rows, cols]
        parts = {name: pick(image, names["coarse"], bands)[:, rows, cols] for name, image in shown.items()}
        drawn = {f"fine: {', '.join(guides)}": stretch(fine, *limits(fine))}
        for name, part in parts.items():
            drawn[f"{', '.join(bands)} {name}" if name == "as delivered" else name] = stretch(
                part, *limits(parts["gwr"])
            )
        for axis, (name, image) in zip(line, drawn.items(), strict=True):
            axis.imshow(image if image.shape[2] == 3 else image[..., 0], cmap="gray", interpolation="nearest")
            axis.set_title(name, fontsize=9)
            axis.set_axis_off()
    path = HERE / "img" / f"{picture.name}.png"
    figure.savefig(path, pil_kwargs={"optimize": True}, metadata={"Software": None})
    return path


def main() -> None:
    """Draw all of them."""
    for picture in PICTURES:
        path = draw(picture)
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
