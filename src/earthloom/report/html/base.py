"""What the report of a problem is told by the problem: its views, no fusion, residuals and figures of its own."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import MISSING, fields
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from earthloom.engine.options import Run
from earthloom.engine.passes import fuse_whole
from earthloom.engine.prepared import Prepared
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.physics.forward import reduce
from earthloom.problems import catalog as problems
from earthloom.raster.image import Image
from earthloom.report.html.known import Known
from earthloom.report.html.looked import Ground, Residual, Survey
from earthloom.report.html.parts import Section
from earthloom.report.record import Record
from earthloom.types import Bool, Float, Observation, Report, Scene

HOME = "earthloom.report.problems"
NO_FUSION = "No fusion"
BESIDE = 3  # images beside a product in a preview


class Shown(ABC):
    """How products of one problem are shown; one file of ``report/problems`` is one of these.

    Parameters
    ----------
    prepared
        The inputs as they were laid; None where they are not there.
    """

    problem: ClassVar[str]
    verb: ClassVar[str]
    called: ClassVar[str] = ""  # what was done, where the name of the problem does not say it
    no_fusion: ClassVar[str]  # the method that does nothing, and what that leaves
    no_fusion_words: ClassVar[str]
    added_words: ClassVar[str] = (
        "Difference from no fusion: where there are edges it should be large, on even ground small."
    )
    agreement: ClassVar[str | None] = None  # the sentence about the distance from what was seen, where it is another
    no_figures: ClassVar[str] = (
        "Nothing can be told without the inputs, or a reference: `earthloom evaluate` takes one."
    )
    flags: ClassVar[Mapping[str, str]] = {}  # role to the flag that gives it; an empty one: by its place
    elsewhere: ClassVar[Sequence[str]] = ("registration",)  # beginnings of facts that a section of its own shows
    titles: ClassVar[Mapping[str, str]] = {}  # role to how it is called
    alike: ClassVar[Sequence[str]] = ()  # roles whose numbers are those of the product: one stretch for all

    def __init__(self, prepared: Prepared | None = None) -> None:
        self.prepared = prepared

    def laid(self, known: Known, stack: ExitStack, run: Run) -> Prepared:
        """The inputs opened and laid again, as the product remembers it.

        Raises
        ------
        EarthloomError
            If they do not lie where they did.
        """
        raise MethodError(f"a product of {self.problem} alone", "its inputs as they were laid", "make it with `report`")

    def plain(self, obs: Observation) -> Float[np.ndarray, "band y x"]:
        """What no fusion makes of an observation."""
        return fuse_whole(catalog.make(self.no_fusion, self.problem), obs)

    def wanted(self, image: Image) -> Image:
        """The bands of a product that the scene shows."""
        return image

    def residuals(
        self, obs: Observation, product: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"]
    ) -> list[Residual]:
        """How far a product lies from what was seen, ``D B x - y``; nothing where no coarse view shows it."""
        try:
            role, gains = problems.find(self.problem).observed(obs)
        except MethodError:
            return []
        view = obs[role]
        return [Residual(reduce(obs, product, gains, role) - view.data, view.valid, view.data, role)]

    def trials(self) -> list[Scene]:
        """Scenes on which methods can be tried: one, where one coarse view shows what is wanted."""
        return [] if self.prepared is None else [self.prepared.scene]

    relative_to: ClassVar[str] = ""  # what `relative` is told of

    def relative(self, record: Record | None) -> float | None:
        """How far off the truth a product is, of how far no fusion is, where the run itself knows that."""
        return None

    def judged(self, known: Known) -> Report | None:
        """Quality indices without a reference, as ``evaluate`` tells them; None where it knows none."""
        return None

    def in_short(self, known: Known) -> list[str]:
        """Sentences that say first how the product came out, where the problem has figures of its own for that."""
        return []

    def sections(self, known: Known, ground: Ground | None, survey: Survey | None) -> list[Section]:
        """What this problem shows besides."""
        return []

    def is_alike(self, role: str) -> bool:
        """Whether the numbers of a role are those of the product."""
        return role in self.alike or role.rpartition("_")[0] in self.alike

    def before(self, known: Known) -> list[str]:
        """Roles of a preview, beside the product: first those whose numbers are alike; a few, and no masks."""
        roles = [role for role in known.inputs if not role.endswith("mask") and known.paths(role)]
        return sorted(roles, key=lambda role: not self.is_alike(role))[:BESIDE]

    def outlined(self, obs: Observation) -> Bool[np.ndarray, "y x"] | None:
        """Pixels that a line goes around: those that were masked; None where nothing is."""
        return None

    def title(self, role: str) -> str:
        """How a role is called."""
        stem, _, number = role.rpartition("_")
        if role in self.titles:
            return self.titles[role]
        if number == "mask" and stem:
            return f"Mask of {self.title(stem).lower()}"
        return f"{self.titles[stem]} {number}" if stem in self.titles else role.replace("_", " ")

    def command(self, known: Known) -> list[str]:
        """Words that make the product again, as far as it remembers them."""
        words = ["earthloom", self.verb]
        for role, files in known.inputs.items():
            flag = self.flags.get(role, self.flags.get(role.rpartition("_")[0]))
            if flag is not None and files:
                words += [*([flag] if flag else []), *(one.path or one.name for one in files)]
        words += self.told(known)
        return [*words, *method_words(known), "-o", str(known.path)]

    def told(self, known: Known) -> list[str]:
        """Flags of the verb itself."""
        registered = [v for k, v in known.others.items() if k.startswith("registration") and isinstance(v, dict)]
        words = ["--register"] if any(one.get("corrected") for one in registered) else []
        return [*(["--sensor", known.sensor] if known.sensor else []), *words]


def method_words(known: Known) -> list[str]:
    """The method and its fields that are not as they are by themselves."""
    described = known.described
    if described is None:
        return ["-m", "auto"]
    words = ["-m", known.name]
    defaults = {
        one.name: one.default if one.default is not MISSING else None for one in fields(described)
    }  # fmt: skip
    for name, value in known.parameters.items():
        if name not in defaults or value is None or value == defaults[name]:
            continue
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif isinstance(value, list):
            words += [flag, *(str(one) for one in value)]
        elif not isinstance(value, dict):
            words += [flag, str(value)]
    return words + (["--quality"] if "expected_error" in known.parameters else [])


@cache
def shown_class(problem: str) -> type[Shown]:
    """How products of a problem are shown: the class in the file of its name."""
    module = import_module(f"{HOME}.{problem}")
    own = (one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__)
    return next(one for one in own if issubclass(one, Shown))


def opened_as(known: Known, roles: Sequence[str]) -> dict[str, Any]:
    """Role to the files of a product's inputs, one path or several.

    Raises
    ------
    MethodError
        If some are not there.
    """
    found: dict[str, Any] = {}
    for role in roles:
        paths = known.paths(role)
        if not paths:
            names = ", ".join(one.name for one in known.inputs.get(role, ())) or f"files of {role}"
            raise MethodError(f"no {names}", "the inputs where they were")
        found[role] = paths[0] if len(paths) == 1 else paths
    return found
