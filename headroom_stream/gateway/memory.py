"""What processes hold in memory, as the system tells."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from msgspec import Struct


class Resident(Struct, frozen=True):
    """Of one process, in bytes; 0 where the system does not tell."""

    rss: int
    vms: int


def of_process(pid: int | None = None) -> Resident:
    """Of the process with this id; None: this one."""
    try:
        pages = Path(f"/proc/{pid or os.getpid()}/statm").read_text(encoding="ascii").split()
    except OSError:
        # No /proc on this system; of ourselves it tells the peak at least.
        if pid is not None:
            return Resident(0, 0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return Resident(peak if sys.platform == "darwin" else 1024 * peak, 0)
    size = os.sysconf("SC_PAGE_SIZE")
    return Resident(int(pages[1]) * size, int(pages[0]) * size)


def of_machine() -> int:
    """Bytes that the machine has; 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
