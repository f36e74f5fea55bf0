"""A scene in memory: arrays that give out tiles as files do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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
