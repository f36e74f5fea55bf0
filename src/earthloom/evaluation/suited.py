"""Which methods can run on these images, and what each asks for: a table to choose from."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from earthloom.engine.inputs import opened
from earthloom.engine.options import Run
from earthloom.errors import EarthloomWarning, InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.wrappers.each_coarse import OneCoarse
from earthloom.prepare.pansharpening import Sharpening, lay_pair
from earthloom.prepare.sharpening import Pairing
from earthloom.prepare.superresolution.job import Enlarging
from earthloom.prepare.superresolution.opening import ToldCube
from earthloom.problems.sharpening import COARSE
from earthloom.raster.formats import format_of
from earthloom.raster.image import Image
from earthloom.types import Observation

FINE = "fine"
Seen = tuple[list[Observation], tuple[int, int]]  # what methods see without pixels, and the size of the product


@dataclass(frozen=True)
class Suited:
    """A method beside images.

    Parameters
    ----------
    name, family
        As `earthloom methods` lists it.
    needs
        What it needs that the core does not have: ``torch``.
    halo_px
        Pixels of the product on every side that one of them can depend on; None: the whole image.
    cost
        How many times the processor time of no fusion, to a power of two, on a made-up scene; None: not measured.
    why_not
        Why it cannot run; nothing where it can.
    """

    name: str
    family: str
    needs: tuple[str, ...]
    halo_px: int | None
    cost: int | None
    why_not: str = ""


def suited(files: Sequence[str], problem: str = "") -> tuple[str, list[Suited]]:
    """The problem that files are of, and its methods, those that can run first and the cheap ones first of them.

    Parameters
    ----------
    files
        PAN and MS; fine image and coarse ones, or a product that holds them; a cube.
    problem
        ``pansharpening``, ``sharpening`` or ``superresolution``; nothing: what the files look like.

    Raises
    ------
    EarthloomError
        If they cannot be laid on each other, or are of another problem.
    """
    problem = problem or _looks_like(files)
    if problem not in SEEN:
        raise InputError(
            f"methods of {problem} for files", f"a job of {', '.join(sorted(SEEN))}",
            f"`earthloom methods {problem}` lists them all",
        )  # fmt: skip
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore", EarthloomWarning)
        views, shape = SEEN[problem](files, stack)
    rows = [_row(name, problem, views, shape) for name in catalog.names(problem)]
    return problem, sorted(rows, key=lambda row: (bool(row.why_not), row.cost is None, row.cost or 0))


def _row(name: str, problem: str, views: Sequence[Observation], shape: tuple[int, int]) -> Suited:
    """One method."""
    needs = ("torch",) if catalog.is_network(name, problem) else ()
    needs, family = ("file",) if catalog.in_a_file(name, problem) else needs, catalog.family(name, problem)
    halo, why_not = None, ""
    try:
        for obs in views:
            method = catalog.make(name, problem)
            method.check(obs, shape)
            method = method.ready(obs)
            ratio = obs.ratio
            halo = max(halo or 0, method.halo_px(ratio)) if method.card.local else None
    except MethodError as wrong:
        why_not = wrong.given + (f"; expected {wrong.expected}" if wrong.expected else "")
    return Suited(name, family, needs, halo, catalog.cost(name, problem), why_not)


def _looks_like(files: Sequence[str]) -> str:
    """The problem of files nobody said the job of."""
    if len(files) == 1:
        offers = format_of(files[0]).offers(files[0])
        if "pan" in offers:
            return "pansharpening"
        return "sharpening" if any(role.startswith(COARSE) for role in offers) else "superresolution"
    with ExitStack() as stack:
        images = opened({"0": files[0], "1": files[1]}, None, stack)
        alone = len(files) == 2 and min(image.count for image in images.values()) == 1
    return "pansharpening" if alone else "sharpening"


def _pan_and_ms(files: Sequence[str], stack: ExitStack) -> Seen:
    """PAN first, or one product."""
    if len(files) > 2:
        raise InputError(f"{len(files)} files to pansharpen", "a PAN and an MS, or a product that holds both")
    roles = {"pan": files[0], "ms": files[-1]}
    images = opened(roles, None, stack, kinds={role: role for role in roles})
    scene, _ = lay_pair(images["pan"], images["ms"], Sharpening(), Run())
    return [scene.empty()], scene.shape


def _fine_and_coarse(files: Sequence[str], stack: ExitStack) -> Seen:
    """The fine image first, or one product."""
    if len(files) > 1:
        roles: dict[str, str] = {FINE: files[0]} | {f"{COARSE}_{k}": one for k, one in enumerate(files[1:], 1)}
        images = opened(roles, None, stack)
    else:
        offers = [role for role in format_of(files[0]).offers(files[0]) if role.startswith((FINE, COARSE))]
        if len(offers) < 2:
            raise InputError(f"{files[0]} alone to sharpen", "a fine image and a coarse one")
        images = opened(dict.fromkeys(offers, files[0]), None, stack, kinds={role: role for role in offers})
    scene = Pairing(mtf="sensor")(images, Run()).scene
    roles_seen = [role for role in scene.empty().views if role.startswith(COARSE)]
    return [OneCoarse(scene, role).empty() for role in roles_seen], scene.shape


def _cube(files: Sequence[str], stack: ExitStack) -> Seen:
    """A cube."""
    if len(files) > 1:
        raise InputError(f"{len(files)} files to super-resolve", "one cube")
    images: Mapping[str, Image] = opened({"cube": files[0]}, None, stack, kinds={"cube": "hs"})
    scene = Enlarging(ToldCube(), catalog.make("bicubic", "superresolution"))(images, Run()).scene
    return [scene.empty()], scene.shape


SEEN: dict[str, Callable[[Sequence[str], ExitStack], Seen]] = {
    "pansharpening": _pan_and_ms, "sharpening": _fine_and_coarse, "superresolution": _cube,
}  # fmt: skip
