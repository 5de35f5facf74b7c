"""Measure everything that docs/benchmarks.md shows between marks, and write it there.

    python -m benchmarks [SECTION ...] [--smdl FOLDER]

A section alone takes the place of what the page has of it; the others stay, and so does the row of
region-search if no checkout of its authors' repository is given.
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
    parser.add_argument("--smdl", metavar="FOLDER", help="see benchmarks/newer_methods.py")
    options = parser.parse_args()
    more = {"newer-methods": ("--smdl", options.smdl)} if options.smdl else {}
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {min(unknown)!r}; known: {', '.join(SECTIONS)}")
    failed = [
        name
        for name in options.sections or SECTIONS
        if subprocess.run(
            [sys.executable, "-m", *SECTIONS[name], *more.get(name, ())], check=False
        ).returncode
    ]
    if failed:
        sys.exit(f"not written: {', '.join(failed)}")


if __name__ == "__main__":
    main()
