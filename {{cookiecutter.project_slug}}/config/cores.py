"""How many cores there are for the service: in a container, fewer than the machine has."""

import os
import sys
from pathlib import Path

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
"""A container's limit: microseconds of CPU, or `max`, and the microseconds that they are for.

https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
"""


def available_cores() -> int:
    """Return the number of cores that this process may use; part of one counts as one."""
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        quota, period = CPU_MAX.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else min(cores, -(-int(quota) // int(period)))
