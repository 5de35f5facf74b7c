"""Measure everything that docs/benchmarks.md shows between marks, and write it there.

    python -m benchmarks [SECTION ...]

A section alone takes the place of what the page has of it; the others stay.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence

# Commands that write their own section, each in a process of its own.
SECTIONS: Mapping[str, Sequence[str]] = {
    "start": ("benchmarks.start", "--write"),
    "plain-loops": ("benchmarks.plain_loops", "--write"),
    "peers": ("benchmarks.peers", "--write"),
    "newer-methods": ("benchmarks.newer_methods", "--write"),
    "occlusion": ("benchmarks.occlusion", "--write"),
    "sampling": ("benchmarks.perturbation", "--write"),
    "d-rise": ("benchmarks.detection", "--write"),
    "relevance": ("benchmarks.relevance", "--write"),
    "waiting": ("benchmarks.waiting", "--write"),
    "data-sets": ("benchmarks.data_sets", "--write"),
    "audit": ("benchmarks.audit", "--write"),
    "memory": ("benchmarks.memory", "--write"),
}


def main() -> None:
    """Run the sections that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {min(unknown)!r}; known: {', '.join(SECTIONS)}")
    failed = [
        name
        for name in options.sections or SECTIONS
        if subprocess.run([sys.executable, "-m", *SECTIONS[name]], check=False).returncode
    ]
    if failed:
        sys.exit(f"not written: {', '.join(failed)}")


if __name__ == "__main__":
    main()
