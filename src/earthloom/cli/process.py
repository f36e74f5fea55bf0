"""Settings of the whole process, which a program may make and a library may not."""

from __future__ import annotations

import ctypes
import os
import sys

CACHE_MB = 128  # GDAL's block cache; its default, 5 % of the memory, is mostly pages touched for the first time


def tune() -> None:
    """Keep freed memory for the next tile instead of giving it back.

    Arrays of a few MB come and go with every tile. By default each is mapped and unmapped anew, and the kernel
    clears its pages every time (a third of the run time of a cheap method). Variables set by the user win.
    """
    os.environ.setdefault("GDAL_CACHEMAX", str(CACHE_MB))
    if not sys.platform.startswith("linux") or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # numbers of malloc.h
    mallopt(trim_threshold, 1 << 30)
    mallopt(top_pad, 1 << 26)
    mallopt(mmap_threshold, 1 << 30)
