"""TorchScript: a network of somebody else in a file, run by torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from earthloom.methods.base import Card
from earthloom.methods.networks.files import ScriptNetwork


@dataclass(frozen=True)
class TorchScript(ScriptNetwork):
    """A program of somebody, run by torch once you say that you trust it, ``F = s(net(inputs / s))``.

    Of ``hs`` and ``hs_up`` it sees what ``inputs`` says; it must give the wanted bands on the
    wanted grid. How far it looks is measured where nobody says it, so that tiles have no seams.
    A TorchScript file is a program: it can do what you can do. An ONNX graph only computes.
    """

    card: ClassVar[Card] = Card(
        name="TorchScript",
        title="A network in a TorchScript file",
        family="network",
        citation="torchscript",
        halo=0,
        problem="superresolution",
        notes="the file's licence and figures are its author's",
    )
    sharp: ClassVar[str] = ""
    coarse: ClassVar[str] = "hs"
