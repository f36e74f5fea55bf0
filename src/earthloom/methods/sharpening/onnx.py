"""ONNX: a network of somebody else in a file, run by onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from earthloom.methods.base import Card
from earthloom.methods.networks.files import OnnxNetwork


@dataclass(frozen=True)
class Onnx(OnnxNetwork):
    """A graph of somebody, or one that `earthloom export` wrote, run by onnxruntime, ``F = s(net(inputs / s))``.

    Of ``coarse``, ``coarse_up`` and ``fine`` it sees what ``inputs`` says; it must give the wanted bands on the
    wanted grid. How far it looks is measured where nobody says it, so that tiles have no seams.
    """

    card: ClassVar[Card] = Card(
        name="ONNX",
        title="A network in an ONNX file",
        family="network",
        citation="onnx",
        halo=0,
        problem="sharpening",
        notes="the file's licence and figures are its author's",
    )
    sharp: ClassVar[str] = "fine"
    coarse: ClassVar[str] = "coarse"
