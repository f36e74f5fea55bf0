"""What a tile costs besides its pixels when workers elsewhere make it: messages, the ledger, the scheduler, the client.

    python -m bench.reliability.traffic

Runs the methods of ``bench.reliability.scaling`` on 4 megapixels by two local workers, counts, and adds the counts to
``scaling.json``. A task that does nothing tells what the scheduler and the client spend on every task.
"""

from __future__ import annotations

import json
import pickle
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import earthloom
from bench import results
from bench.reliability import scaling
from bench.reliability.cluster import count
from earthloom.engine.dask import Desk
from earthloom.engine.job import Made
from earthloom.engine.ledger import TILES, Ledger
from earthloom.engine.options import Run

SIDE, WORKERS, EMPTY, MERGES = 2000, 2, 3000, 200
DAYS = {"dates": ["2024-05-24"], "date": "2024-06-10"}


def products(images: Mapping[str, Path], **how: Any) -> dict[str, Any]:
    """The commands of ``scaling`` as calls."""
    pair = images["pan"], images["ms"]
    sensors = {"source_sensor": "sentinel2b", "target_sensor": "landsat8", "source_scale": 1e-4}
    known = [(images["fine1"], images["coarse1"])]
    return {
        "brovey": lambda: earthloom.pansharpen(*pair, method="brovey", **how),
        "hls": lambda: earthloom.align(images["fine1"], method="hls", **sensors, **how),
        "starfm": lambda: earthloom.predict(known, images["coarse2"], method="starfm", window_px=31, **DAYS, **how),
        "cf2n": lambda: earthloom.pansharpen(*pair, method="cf2n", weights="generic_4to1", **how),
    }  # fmt: skip


@contextmanager
def counted() -> Iterator[dict[str, Any]]:
    """While the block runs: tasks sent out, bytes of what every worker is given, of the ledger, of statistics."""
    found: dict[str, Any] = {"tasks": 0, "tiles": 0, "given_to_each_worker_bytes": 0, "ledger_bytes": 0}
    begin, call, add, keep = Desk.__init__, Desk.call, Ledger.add, Ledger.keep

    def begun(self: Desk, *given: Any) -> None:
        begin(self, *given)
        found["given_to_each_worker_bytes"] += len(self._parcel.data)

    def called(self: Desk, number: int) -> Any:
        found["tasks"] += 1
        return call(self, number)

    def added(self: Ledger, *told: Any) -> None:
        add(self, *told)
        found["tiles"] += 1
        found["ledger_bytes"] = (self.folder / TILES).stat().st_size if self.folder else 0

    def kept(self: Ledger, name: str, value: Any) -> None:
        keep(self, name, value)
        if name.startswith("statistics"):
            found["statistics"] = value[1]

    with (
        patch.object(Desk, "__init__", begun), patch.object(Desk, "call", called), patch.object(Ledger, "add", added),
        patch.object(Ledger, "keep", kept),
    ):  # fmt: skip
        yield found


def nothing(number: int) -> Made:
    """A tile that is made elsewhere and sends back what every tile does."""
    return Made((), True, None, 0, None, (number,))


def empty(runner: Any, client: Any) -> dict[str, float]:
    """Milliseconds that a task takes of the clock, of the scheduler's processor and of the client's."""
    list(runner.map(nothing, range(100)))
    scheduler, own, began = client.run_on_scheduler(time.process_time), time.process_time(), time.perf_counter()
    list(runner.map(nothing, range(EMPTY)))
    took, own = time.perf_counter() - began, time.process_time() - own
    scheduler = client.run_on_scheduler(time.process_time) - scheduler
    each = {"clock_ms": took, "scheduler_cpu_ms": scheduler, "client_cpu_ms": own}
    return {name: round(seconds / EMPTY * 1000, 3) for name, seconds in each.items()}


def merging(part: Any) -> float:
    """Milliseconds that it takes to add the statistics of a tile."""
    began = time.perf_counter()
    for _ in range(MERGES):
        part + part
    return (time.perf_counter() - began) / MERGES * 1000


def compressing(folder: Path, steps: Mapping[str, int]) -> dict[str, Any]:
    """What the end of a product takes that is compressed: seconds of the process that asked for it, by two threads."""
    side, said = scaling.BASE, list[Mapping[str, Any]]()
    pan, ms = (scaling.virtual(folder, name, steps[name], side) for name in ("pan", "ms"))
    place = folder / "compressed.tif"
    earthloom.pansharpen(pan, ms, method="brovey", output=place, threads=2, facts=said.append)
    seconds = said[-1]["record"].timings["written"]
    return {"side_px": side, "threads": 2, "seconds": round(seconds, 2), "file_bytes": place.stat().st_size}


def measured(folder: Path) -> dict[str, Any]:
    """Of the methods, and of an empty task."""
    steps = scaling.bases(folder)
    images = {name: scaling.virtual(folder, name, step, SIDE) for name, step in steps.items()}
    began = time.perf_counter()
    with Run(workers=WORKERS).begin() as runner:
        list(runner.map(nothing, range(WORKERS)))
        found: dict[str, Any] = {"seconds_to_start": round(time.perf_counter() - began, 2), "workers": WORKERS}
        client = runner._held["link"].client()  # type: ignore[attr-defined]
        client.run_on_scheduler(count)
        for name, call in products(
            images, output=folder / "product.tif", compress="none", overwrite=True, workers=WORKERS
        ).items():
            before = sum(client.run_on_scheduler(count))
            with counted() as row:
                call()
            row["scheduler_bytes"] = sum(client.run_on_scheduler(count)) - before
            if part := row.pop("statistics", None):
                row |= {"statistics_bytes": len(pickle.dumps(part)), "merge_ms": round(merging(part), 4)}
            found[name] = row
            print(name, row, flush=True)
        found["empty_task"] = empty(runner, client)
    found["compressing"] = compressing(folder, steps)
    return found


def main() -> None:
    """Count, show and write."""
    known = json.loads(scaling.RESULTS.read_text())
    with tempfile.TemporaryDirectory() as name:
        known["cluster"] = {"made": results.made(scaling.SEED), "side_px": SIDE, **measured(Path(name))}
    print(known["cluster"]["empty_task"])
    scaling.RESULTS.write_text(results.dump(known))


if __name__ == "__main__":
    main()
