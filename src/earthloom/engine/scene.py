"""A scene in memory: arrays that give out tiles as files do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from earthloom.types import Convention, Observation, Window


@dataclass(frozen=True)
class ArrayScene:
    """An observation of whole arrays, cut into tiles on request."""

    whole: Observation

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the wanted grid."""
        return self.whole.shape

    @property
    def convention(self) -> Convention:
        """Geometry and physics convention."""
        return self.whole.convention

    def observe(self, core: Window, halo_px: int) -> Observation:
        """The tile ``core`` with its halo (views on the arrays, nothing is copied)."""
        return self.whole.crop(core, halo_px)

    def pick(self, roles: Mapping[str, str]) -> ArrayScene:
        """Some of the views under other roles, ``new: old``."""
        return ArrayScene(replace(self.whole, views={new: self.whole[old] for new, old in roles.items()}))

    def empty(self) -> Observation:
        """The whole observation: in memory there is no need for an empty one."""
        return self.whole


@dataclass(frozen=True)
class Cut:
    """A window of a scene as a scene of its own; what lies around it is still seen."""

    scene: Any
    window: Window

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the window."""
        return self.window.height, self.window.width

    @property
    def convention(self) -> Convention:
        """Geometry and physics convention."""
        return self.scene.convention

    def pick(self, roles: Mapping[str, str]) -> Cut:
        """Some of the images under other roles."""
        return Cut(self.scene.pick(roles), self.window)

    def observe(self, core: Window, halo_px: int) -> Observation:
        """The tile ``core`` of the window with its halo."""
        core = Window(*core)
        return self.scene.observe(core._replace(y=core.y + self.window.y, x=core.x + self.window.x), halo_px)

    def empty(self) -> Observation:
        """As the scene's own."""
        return self.scene.empty()
