"""Keep freed memory at hand: a step asks for the same arrays as the step before."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""Names and numbers of `mallopt` in glibc's malloc.h."""


def keep_freed_memory() -> bool:
    """Ask glibc to give no freed memory back to the system; whether it could be asked.

    By itself it does so with every array of some megabytes, and the system clears the pages anew in each step: one of
    4 layers × 256 took 432 ms so, and 381 without (2 cores, bf16).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    told = [mallopt(M_MMAP_THRESHOLD, 32 << 20), mallopt(M_TRIM_THRESHOLD, 2**31 - 1), mallopt(M_TOP_PAD, 64 << 20)]
    return all(told)
