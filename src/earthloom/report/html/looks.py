"""Sections of pictures: overviews of inputs and product, details, maps."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from earthloom.errors import EarthloomError
from earthloom.raster.open import open_image, open_mask
from earthloom.report.display import Colours, Stretch, colours_in, colours_of, fits, jpeg, looked_at
from earthloom.report.html.base import NO_FUSION, Shown
from earthloom.report.html.charts import heat, photo
from earthloom.report.html.known import Known
from earthloom.report.html.looked import Ground, Looked, Survey
from earthloom.report.html.parts import Part, Picture, Pictures, Section, Text, address, figure
from earthloom.types import View, Window

OVERVIEW = 560  # pixels of the longer side
DETAIL = 96  # pixels of the product along a side of a detail
ENLARGED = 3  # a pixel of the product there
SAME = 0.6  # of a detail may lie in another one


@dataclass(frozen=True)
class Overview:
    """An image made small."""

    title: str
    colours: np.ndarray
    valid: np.ndarray
    words: str
    shape: tuple[int, int]
    alike: bool


def overview_section(known: Known, shown: Shown) -> Section:
    """All inputs that are there, and the product, small."""
    with open_image(known.path) as image:
        count, own = image.count, colours_in(image)
    images = [
        one for role, files in known.inputs.items() if files
        and (one := small(known.paths(role), shown.title(role), shown.is_alike(role), role, (count, own))) is not None
    ]  # fmt: skip
    product = small([str(known.path)], "Product", True, "ms")
    if product is not None:
        images.append(product)
    stretch = common_stretch(images)
    pictures = [_photo(one, stretch) for one in images]
    return Section("pictures", "Inputs and product", [Pictures(pictures, caption=_alike_words(images, stretch))])


def small(
    paths: Sequence[str], title: str, alike: bool, role: str, product: tuple[int, Colours] | None = None
) -> Overview | None:
    """An image made small, in the colours of the product where it has its bands; None where it cannot be read."""
    if not paths:
        return None
    one = list(paths) if len(paths) > 1 else paths[0]
    with suppress(EarthloomError, OSError):
        mask = role.endswith("mask")
        with open_mask(one) if mask else open_image(one, role={"pan": "pan", "hs": "hs"}.get(role, "ms")) as image:
            same = alike and product is not None and image.count == product[0]
            colours, valid, choice = looked_at(image, OVERVIEW, product[1] if product is not None and same else None)
            return Overview(title, colours, valid, choice.words, image.shape, alike)
    return None


def common_stretch(images: Sequence[Overview]) -> dict[str, Stretch]:
    """By the choice of colours: one stretch for all images whose numbers are alike, set by the last one, the product.

    An image of other units, which it would show black or white, is left to a stretch of its own.
    """
    found: dict[str, Stretch] = {}
    for words in {one.words for one in images if one.alike}:
        same = [one for one in images if one.alike and one.words == words and one.valid.any()]
        if same:
            own = Stretch.of([(same[-1].colours, same[-1].valid)])
            found[words] = Stretch.of([(one.colours, one.valid) for one in same if fits(own, one.colours, one.valid)])
    return found


def _photo(one: Overview, stretch: dict[str, Stretch]) -> Picture:
    """One overview."""
    own = stretch.get(one.words) if one.alike else None
    shared = own is not None and fits(own, one.colours, one.valid)
    used = own if shared and own is not None else Stretch.of([(one.colours, one.valid)])
    pixels = used(one.colours, one.valid)
    size = "{} x {} pixels".format(*one.shape)
    caption = f"{size}, {one.words}{'' if shared or not one.alike else ', stretched by itself'}"
    sharp = max(pixels.shape[:2]) <= 200
    if sharp:
        return photo(pixels, f"{one.title}, {one.words}", one.title, caption, True)
    return Picture(
        address(jpeg(pixels), "jpeg"), f"{one.title}, {one.words}", one.title, caption,
        size=(pixels.shape[1], pixels.shape[0]),
    )  # fmt: skip


def _alike_words(images: Sequence[Overview], stretch: dict[str, Stretch]) -> str:
    """How the overviews are stretched."""
    own = stretch.get(images[-1].words) if images else None
    same = [one for one in images if one.alike and one.words == images[-1].words]
    alike = [one.title for one in same if own is not None and fits(own, one.colours, one.valid)]
    if len(alike) < 2:
        return "Grey pixels hold nothing."
    return f"One stretch for {', '.join(alike[:-1])} and {alike[-1]}, haze taken off. Grey pixels hold nothing."


def detail_section(ground: Ground, survey: Survey) -> Section:
    """Windows at full size: where the product differs most, where it agrees least, and one in the middle."""
    wanted = [("Where the product differs most from no fusion", survey.most_added)]
    if survey.worst is not None:
        wanted.append(("Where it agrees least with what was seen", survey.worst))
    wanted.append(("A usual place", survey.usual))
    parts: list[Part] = []
    shown_at: list[Window] = []
    whole = Stretch.of([looked_at(ground.image, OVERVIEW)[:2]])
    for title, window in wanted:
        place = centred(window, ground.scene.shape)
        if any(overlap(place, one) > SAME for one in shown_at) or (looked := ground.look(place)) is None:
            continue
        shown_at.append(place)
        parts.append(Text(f"{title}: row {place.y}, column {place.x}, {place.height} x {place.width} pixels"))
        parts.append(Pictures(detail_pictures(ground, looked, whole)))
    return Section("details", "Details, pixel by pixel", parts)


def overlap(one: Window, other: Window) -> float:
    """Which share of a window lies in another of its size."""
    rows = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    cols = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    return max(rows, 0) * max(cols, 0) / max(one.height * one.width, 1)


def centred(window: Window, shape: tuple[int, int], side: int = DETAIL) -> Window:
    """A square around the middle of a window, inside the image."""
    height, width = min(side, shape[0]), min(side, shape[1])
    y = min(max(window.y + window.height // 2 - height // 2, 0), shape[0] - height)
    x = min(max(window.x + window.width // 2 - width // 2, 0), shape[1] - width)
    return Window(y, x, height, width)


def detail_pictures(ground: Ground, looked: Looked, whole: Stretch) -> list[Picture]:
    """The views, no fusion, the product, and their difference, all of one window; ``whole`` shows all of it."""
    shown, obs = ground.shown, looked.obs
    bands = ground.shown.wanted(ground.image)
    colours = colours_of(bands.wavelengths_nm, bands.names, bands.colours)
    product, plain = colours.of(looked.product), colours.of(looked.plain)
    stretch = Stretch.of([(product, looked.valid), (plain, looked.valid)]).no_narrower(whole)
    where = f"row {looked.window.y}, column {looked.window.x}"
    pictures = []
    for role, view in obs.views.items():
        if view.data.size == 0:
            continue
        picked = of_view(view, colours, len(looked.product))
        data, valid = on_pixels(picked.of(view.data), view, looked)
        own = stretch if picked is colours and fits(stretch, data, valid, flat=-1.0) else None
        pixels = (own or Stretch.of([(data, valid)]))(data, valid)
        words = "stretched by itself" if own is None and shown.is_alike(role) else ""
        title = shown.title(role)
        pictures.append(photo(enlarged(pixels), f"{title} at {where}", title, words, True))
    for title, image, words in ((NO_FUSION, plain, shown.no_fusion_words), ("Product", product, "")):
        pictures.append(photo(enlarged(stretch(image, looked.valid)), f"{title} at {where}", title, words, True))
    difference = heat(
        looked.added, f"Difference of the product from {shown.no_fusion_words} at {where}", "% of the mean",
        "Difference", "from no fusion", colours="magma", inches=2.1,
    )  # fmt: skip
    pictures.append(difference)
    return pictures


def of_view(view: View, colours: Colours, count: int) -> Colours:
    """The colours of a view: those of the product where it has the same bands."""
    if len(view.bands) == count:
        return colours
    return colours_of([band.centre_nm for band in view.bands], [band.name for band in view.bands])


def on_pixels(data: np.ndarray, view: View, looked: Looked) -> tuple[np.ndarray, np.ndarray]:
    """A view on the pixels of the product's window, each of its pixels as it is: the nearest one."""
    core = looked.obs.core_window
    places = []
    for axis, (first, count) in enumerate(((core.y, core.height), (core.x, core.width))):
        at = (np.arange(first, first + count) - view.offset[axis]) / view.ratio[axis]
        places.append(np.clip(np.round(at).astype(int), 0, view.shape[axis] - 1))
    rows, cols = np.ix_(*places)
    return data[:, rows, cols], view.valid[rows, cols]


def enlarged(pixels: np.ndarray, times: int = ENLARGED) -> np.ndarray:
    """Every pixel a block: what a browser, a printer and a reader of PDF show alike."""
    return np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)


def map_section(ground: Ground, survey: Survey) -> Section:
    """Where the product differs from no fusion, and where from what was seen."""
    share = "" if survey.share == 1.0 else (
        f" Of this large product {len(survey.added.ravel())} windows were looked at, {100 * survey.share:.2g} % of it."
    )  # fmt: skip
    cell = f"One cell is {survey.cell} x {survey.cell} pixels of the product."
    maps = []
    if np.nan_to_num(survey.off).any():
        maps.append(heat(
            survey.off, "Map of the distance between the product, seen coarsely, and what was seen",
            "percent of the mean", "Distance from what was seen",
            "The product blurred and sampled as the coarse sensor does it, less what that sensor saw. "
            "Bright: look there before the product is used.",
        ))  # fmt: skip
    maps.append(heat(
        survey.added, "Map of the difference between the product and no fusion", "percent of the mean",
        "What the method added", ground.shown.added_words, colours="magma",
    ))  # fmt: skip
    return Section(
        "maps", "Maps of consistency and of local quality", [Pictures(maps, drawn=True), Text(cell + share, "note")]
    )


def quick_words(shown: Shown, survey: Survey | None) -> str:
    """The consistency in one sentence."""
    if survey is None or not survey.figures:
        return ""
    own, plain = survey.figures["rmse_percent"], survey.plain.get("rmse_percent")
    if shown.agreement is not None:
        return shown.agreement.format(f"{own:.2f}")
    words = f"Seen as the coarse sensor sees it, the product lies {figure(own, 3)} % from what that saw"
    return f"{words}; without fusion it would be {figure(plain, 3)} %." if plain is not None else f"{words}."
