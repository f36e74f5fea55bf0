"""Where training runs: devices and processes, batches made ahead of time, seeds and threads."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from earthloom.errors import InputError
from earthloom.machine import device_wanted
from earthloom.methods.networks.placement import half_is_fast, resolved
from earthloom.training.loop.config import Config

CUTTERS = 4  # threads that cut patches for a device
_PARTED: list[Any] = []  # see part()


def launched(config: Config) -> Any:
    """The devices of a run, in every process of it.

    Raises
    ------
    InputError
        If there are no such devices, or lightning-fabric is missing.
    """
    try:
        from lightning_fabric import Fabric
    except ImportError as missing:
        raise InputError("training without lightning-fabric", hint="pip install 'earthloom[torch]'") from missing
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    several, device = config.devices != 1 or config.nodes > 1, resolved(config.device)
    one = [device.index or 0] if not several and device.type != "cpu" else config.devices
    try:
        fabric = Fabric(
            accelerator=device.type, devices=one, num_nodes=config.nodes,
            strategy="ddp" if several else "auto", precision=config.precision,
        )  # fmt: skip
        fabric.launch()
    except (RuntimeError, ValueError, TypeError) as error:  # Fabric's own errors are RuntimeErrors and ValueErrors
        given = f"{config.devices} device(s) of kind {device.type}"
        raise InputError(given, "devices that are there", " ".join(str(error).split())) from error
    return fabric


def fast_precision() -> str:
    """``bf16-mixed`` where the device that is wanted computes in it, else float32 (emulated it is slower)."""
    if resolved(device_wanted()).type != "cpu":
        return "bf16-mixed" if half_is_fast() else "32-true"
    asked = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return "bf16-mixed" if asked is not None and asked() else "32-true"


def part(fabric: Any) -> None:
    """Leave the other processes of a run.

    The group stays until the interpreter ends. Freed together with the reducer of DistributedDataParallel, its
    destructor would hold the interpreter's lock while it waits for threads that may need it to drop a tensor
    (pytorch issue 56297), and now and then a process never ended.
    """
    if fabric.world_size > 1 and torch.distributed.is_initialized():
        _PARTED.append(torch.distributed.group.WORLD)
        torch.distributed.destroy_process_group()


def ahead(
    cut: Callable[[int], dict[str, np.ndarray]], steps: Iterable[int], device: Any, channels_last: bool
) -> Generator[dict[str, Tensor]]:
    """The batches of some steps on their device, cut by other threads while the network computes."""
    gpu = device.type == "cuda"

    def make(step: int) -> dict[str, Tensor]:
        tensors = {name: torch.from_numpy(array) for name, array in cut(step).items()}
        return {name: tensor.pin_memory() for name, tensor in tensors.items()} if gpu else tensors

    workers, left = CUTTERS if gpu else 1, iter(steps)
    with ThreadPoolExecutor(workers, thread_name_prefix="earthloom-patches") as pool:
        waiting: deque[Future[dict[str, Tensor]]] = deque(pool.submit(make, step) for step in islice(left, 2 * workers))
        try:
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(pool.submit(make, step) for step in islice(left, 1))
                yield {
                    name: laid_out(tensor.to(device, non_blocking=True), channels_last)
                    for name, tensor in batch.items()
                }
        finally:
            for future in waiting:
                future.cancel()


def laid_out(tensor: Tensor, channels_last: bool) -> Tensor:
    """In the layout that convolutions like."""
    layout = torch.channels_last if channels_last and tensor.ndim == 4 else torch.contiguous_format
    return tensor.contiguous(memory_format=layout)


def seed(number: int, step: int, fabric: Any) -> None:
    """Seed what is random inside the network, such as dropout, for one step of one process.

    The generators themselves: ``torch.manual_seed`` takes 0.3 ms, as it keeps a stack trace for devices not yet used.
    """
    mixed = (((number + 1) * 1_000_003 + step) * 4096 + fabric.global_rank) % (1 << 63)
    torch.default_generator.manual_seed(mixed)
    if fabric.device.type == "cuda":
        torch.cuda.manual_seed(mixed)


@contextmanager
def borrowed(threads: int) -> Generator[None]:
    """Torch with so many threads (0: as many as before); its generator and threads come back as they were."""
    before, state = torch.get_num_threads(), torch.get_rng_state()
    if threads:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_rng_state(state)
        torch.set_num_threads(before)
