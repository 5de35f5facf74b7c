"""What the machine is doing besides this work."""

from __future__ import annotations

import os


def is_busy() -> bool:
    """Whether more processes want to run than there are cores; False where that is unknown."""
    if not hasattr(os, "getloadavg"):  # Windows
        return False
    return os.getloadavg()[0] > (os.cpu_count() or 1)
