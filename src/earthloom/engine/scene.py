"""A scene in memory: arrays that give out tiles as files do."""

from __future__ import annotations

from dataclasses import dataclass

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

    def empty(self) -> Observation:
        """The whole observation: in memory there is no need for an empty one."""
        return self.whole
