"""The table of a job, from what its run measures."""

from __future__ import annotations

from collections.abc import Mapping

from bench.results import Cell, Column, Table
from bench.speed.jobs import OURS, Entry


def beside(found: Mapping[Entry, Mapping[str, float]], runs: int) -> Table:
    """Every program, and its wall time over that of ours (or of torch) in the same job."""
    columns = [
        Column("program"), Column("job"), Column("whole process, s", "{:.2f}"), Column("times ours", "{:.2f}"),
        Column("processor, s", "{:.2f}"), Column("peak memory, MiB", "{:.0f}"),
        Column("a call, s", "{:.2f}", "{:.3f}"), Column("times ours, call", "{:.2f}"),
    ]  # fmt: skip
    ours = {one.job: figures for one, figures in found.items() if one.program in (OURS, "torch")}
    rows: list[list[Cell]] = []
    for one, figures in found.items():
        own, call = ours[one.job], figures.get("call_s")
        ratio = figures["wall_s"] / own["wall_s"]
        again = None if call is None else call / own["call_s"]
        rows.append(
            [f"{one.program}: {one.job.partition(',')[0]}", one.job, figures["wall_s"], ratio, figures["cpu_s"],
             figures["peak_mib"], call, again]
        )  # fmt: skip
    return Table(columns, rows, caption=f"Medians of {runs} runs of every program, in turn.")
