"""Bandpass alignment: what every number became, and both images beside the target where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import ClassVar

import numpy as np

from earthloom import sensors
from earthloom.errors import EarthloomError
from earthloom.ops.tiling import spread_blocks
from earthloom.problems.bandpass import nearest_band
from earthloom.raster.image import Image
from earthloom.raster.labels import bands_of
from earthloom.raster.open import open_image
from earthloom.report.display import thinned
from earthloom.report.html.base import Shown
from earthloom.report.html.density import densities, typical_and_bias
from earthloom.report.html.known import Known
from earthloom.report.html.looked import Ground, Survey
from earthloom.report.html.parts import Part, Pictures, Section, Table, Text, figure
from earthloom.report.record import Record
from earthloom.training.bandpass.pairs import Pairs
from earthloom.types import Band, Float, Observation

CHANGED, BESIDE = "What every number became", "Beside the target"
SIDE = 400  # pixels of the longer side, of which pairs are made


class Aligned(Shown):
    """One sensor's bands as those of another: pixels stay where they are, so there is no window to look through."""

    problem: ClassVar[str] = "bandpass"
    verb: ClassVar[str] = "align"
    called: ClassVar[str] = "Alignment"
    no_fusion: ClassVar[str] = "none"
    no_fusion_words: ClassVar[str] = "not aligned"
    added_words: ClassVar[str] = (
        "Difference from the source: what the numbers of the other sensor would be less its own."
    )
    no_figures: ClassVar[str] = "How far source and product lie off a target is told below, where there was a target."
    flags: ClassVar[Mapping[str, str]] = {"source": "", "target": "--target"}
    titles: ClassVar[Mapping[str, str]] = {"source": "Source", "target": "Target"}
    alike: ClassVar[Sequence[str]] = ("source", "target")

    def plain(self, obs: Observation) -> Float[np.ndarray, "band y x"]:
        """The bands of the source that see most nearly the same; where none does, that of the product's first."""
        source, wanted = obs["source"], obs["target"].bands
        partner = nearest_band(source.bands, wanted)
        return source.data[[one if one is not None else 0 for one in partner]]

    def told(self, known: Known) -> list[str]:
        """From which sensor to which."""
        sensors_ = known.others.get("alignment")
        told = sensors_ if isinstance(sensors_, dict) else {}
        pairs = (("--from", told.get("from")), ("--to", told.get("to")))
        return [word for flag, name in pairs if name for word in (flag, str(name))]

    relative_to: ClassVar[str] = "the target, on ground that it was fitted to"

    def relative(self, record: Record | None) -> float | None:
        """Distance of the product from the target, of that of the source."""
        off = _off_target(record)
        return off[1] / off[0] if off is not None and off[0] else None

    def in_short(self, known: Known) -> list[str]:
        """How far off the target it is, and how far the source was."""
        if not known.inputs.get("target"):
            return ["There was no target: nothing here tells how near the product is to what the other sensor sees."]
        off = _off_target(known.record)
        if off is None:
            return []  # a later page: what is beside the target stands there
        before, after = off
        better = "better" if after < before else "no better"
        return [f"{after:.3g} % off the target; the source was {before:.3g} % off: {better}."]

    def sections(self, known: Known, ground: Ground | None, survey: Survey | None) -> list[Section]:
        """What became of the numbers; both beside the target."""
        found: list[Section] = []
        with ExitStack() as stack, suppress(EarthloomError, OSError):
            made = stack.enter_context(open_image(known.path))
            images = {
                role: stack.enter_context(open_image(paths if len(paths) > 1 else paths[0]))
                for role in ("source", "target") if (paths := known.paths(role))
            }  # fmt: skip
            pairs = None if known.record is None else known.record.figures.get("pairs")
            if "source" in images:
                sides = self._bands(known, made, images["source"])
                found.append(self._changed(made, images["source"], sides, ground))
                if "target" in images and not isinstance(pairs, Pairs):
                    found.append(self._laid_beside(made, images, sides))
            if isinstance(pairs, Pairs):
                names = [band.name for band in pairs.bands]
                found.append(_beside(pairs.before, pairs.after, pairs.target, names))
        return found

    def _bands(self, known: Known, made: Image, source: Image) -> tuple[tuple[Band, ...], tuple[Band, ...]]:
        """Bands of the product and of the source."""
        told = known.others.get("alignment")
        names = told if isinstance(told, dict) else {}
        own = [names.get("to") or known.sensor, names.get("from")]
        loaded = [sensors.load(str(name)) if name else None for name in own]
        return bands_of(made, loaded[0]), bands_of(source, loaded[1])

    def _changed(
        self, made: Image, source: Image, sides: tuple[tuple[Band, ...], tuple[Band, ...]], ground: Ground | None
    ) -> Section:
        """Source against product: in the units of the run where it is at hand, else as the files store them."""
        if ground is not None:
            sides = sides[0], ground.scene.empty()["source"].bands
        partner = nearest_band(sides[1], sides[0])
        seen = [(at, one) for at, one in enumerate(partner) if one is not None]
        names = [sides[0][at].name for at, _ in seen]
        if ground is None:
            before, valid = source.pick([one for _, one in seen]).decimated(SIDE)
            after, known = made.pick([at for at, _ in seen]).decimated(SIDE)
            both = valid & known
            one, other = before[:, both], after[:, both]
        else:
            one, other = _numbers(ground, seen)
        if not one.size:
            return Section("change", CHANGED, [Text("No pixel holds numbers of both.", "note")])
        picture = densities(
            one, other, names, ("source", "product"), f"Numbers of the source against those of the product, for "
            f"{', '.join(names)}", compared=False,
        )  # fmt: skip
        change = [
            [n, figure(float(a.mean())), figure(float(b.mean())), f"{100 * (b.mean() / a.mean() - 1):+.2f} %"]
            for n, a, b in zip(names, one, other, strict=True) if a.mean()
        ]  # fmt: skip
        words = "A thin line is one table for all pixels; a cloud means that other bands were looked at too."
        table = Table(["Band", "Mean of the source", "Mean of the product", "Change"], change, "How bands changed")
        return Section("change", CHANGED, [Pictures([picture], wide=True), Text(words, "note"), table])

    def _laid_beside(
        self, made: Image, images: Mapping[str, Image], sides: tuple[tuple[Band, ...], tuple[Band, ...]]
    ) -> Section:
        """Source and product against the target, on common ground, as the files store their numbers."""
        partner = nearest_band(sides[1], sides[0])
        answers = nearest_band(bands_of(images["target"], None), sides[0])
        both = zip(partner, answers, strict=True)
        seen = [(at, s, t) for at, (s, t) in enumerate(both) if s is not None and t is not None]
        if not seen:
            return Section("target", BESIDE, [Text("The target does not say which of its bands is which.", "note")])
        own, theirs, named = images["source"].pick([s for _, s, _ in seen]), [t for _, _, t in seen], sides[0]
        laid = on_one_grid([own, made.pick([at for at, _, _ in seen]), images["target"].pick(theirs)])
        valid = np.logical_and.reduce([known for _, known in laid])
        before, after, truth = (data[:, valid] for data, _ in laid)
        return _beside(before, after, truth, [named[at].name for at, _, _ in seen])


def _off_target(record: Record | None) -> tuple[float, float] | None:
    """How far source and product lie off the target, in percent of its mean, where the run looked."""
    pairs = None if record is None else record.figures.get("pairs")
    return pairs.rmse_percent() if isinstance(pairs, Pairs) else None


def _numbers(ground: Ground, seen: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of source and product from some windows of the run itself."""
    parts = []
    for window in spread_blocks(ground.scene.shape, (128, 128)):
        obs = ground.scene.observe(window, 0)
        data, valid = ground.image.read(window)
        both = valid & obs["source"].valid
        parts.append((obs["source"].data[[s for _, s in seen]][:, both], data[[at for at, _ in seen]][:, both]))
    one, other = (np.concatenate(side, axis=1) for side in zip(*parts, strict=True))
    return one, other


def _beside(before: np.ndarray, after: np.ndarray, truth: np.ndarray, names: list[str]) -> Section:
    """Numbers of source and product against those of the target."""
    if not truth.size:
        return Section("target", BESIDE, [Text("No ground is covered by both.", "note")])
    parts: list[Part] = [
        Pictures([densities(
            truth, numbers, names, ("target", title), f"Numbers of the target against those of the {title}",
            compared=True,
        )], wide=True) for title, numbers in (("source", before), ("product", after))
    ]  # fmt: skip
    rows, best = [], set()
    for at, (name, a, b, t) in enumerate(zip(names, before, after, truth, strict=True)):
        off, biases = zip(*(typical_and_bias(one - t) for one in (a, b)), strict=True)
        rows.append([name, figure(off[0]), figure(off[1]), figure(biases[1])])
        best.add((at, 2 if off[1] < off[0] else 1))
    heads = ["Band", "RMSE of the source", "RMSE of the product", "Bias of the product"]
    parts.append(Table(heads, rows, "Off the target, on ground that both cover", frozenset(best)))
    return Section("target", BESIDE, parts)


def on_one_grid(images: Sequence[Image]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images on the grid of the last one, thinned: means over its cells where all have a place on Earth."""
    last = images[-1]
    step = max(1.0, max(last.shape) / SIDE)
    shape = (max(1, round(last.shape[0] / step)), max(1, round(last.shape[1] / step)))
    if all(one.crs is not None for one in images):
        grid = thinned(last.transform, last.shape[0] / shape[0], last.shape[1] / shape[1])
        return [one.warped(last.crs, grid, shape, "average").read() for one in images]
    if len({one.shape for one in images}) > 1:
        return [(data[:, :0, :0], known[:0, :0]) for data, known in (one.decimated(8) for one in images)]
    return [one.decimated(SIDE) for one in images]
