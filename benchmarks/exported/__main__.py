"""Export every file with each method, and write docs/exported.md.

``python -m benchmarks.exported`` measures every file that results.jsonl lacks, each in a process
of its own, and can be stopped at any time. ``--only PATTERN`` takes those whose "library network
form" matches, ``--again`` measures what is there, too, and ``--write`` writes the page alone.
``--keras PYTHON`` names an interpreter with tensorflow, keras and tf2onnx that writes the files of
Keras; what is written is kept in a cache.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.exported.files import ROOT, Key, keys
from benchmarks.exported.measure import CRASH, METHODS, Row
from benchmarks.exported.table import add, load, write_page


def measured(key: Key, given: argparse.Namespace) -> Row:
    """Measure one file in a process of its own, with bounds on time and memory."""
    command = [
        sys.executable, "-m", "benchmarks.exported.measure", *key, "--cache", given.cache,
        "--keras", given.cache / "Keras", "--methods", given.methods, "--memory", given.memory,
    ]  # fmt: skip
    single = {"OMP_NUM_THREADS": "1", **os.environ}
    try:
        done = subprocess.run(
            list(map(str, command)), cwd=ROOT, env=single, capture_output=True, text=True,
            timeout=given.timeout,
        )  # fmt: skip
        return Row(**json.loads(done.stdout.splitlines()[-1]))
    except subprocess.TimeoutExpired:
        return Row(*key, CRASH, note=f"not done after {given.timeout} s")
    except (IndexError, ValueError):
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Row(*key, CRASH, note=said)


def write_keras(folder: Path, python: str, only: str) -> None:
    """Let an interpreter that has tensorflow write the files of Keras."""
    command = [python, "-m", "benchmarks.layers.keras_files", str(folder.resolve()), only]
    subprocess.run(command, check=True, cwd=ROOT)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression for 'library network form'")
    parser.add_argument("--again", action="store_true", help="measure what is there, too")
    parser.add_argument("--all", action="store_true", help="all networks of timm")
    parser.add_argument("--write", action="store_true", help="write the page, measure nothing")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--jobs", type=int, default=1, help="files at a time")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one file")
    parser.add_argument("--memory", type=int, default=12, help="GiB for one file")
    parser.add_argument("--keras", help="python that has tensorflow, keras and tf2onnx")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/onnxplain-exported")
    given = parser.parse_args()
    if not given.write:
        if given.keras:
            write_keras(given.cache / "Keras", given.keras, given.only)
        known, wanted = load(), re.compile(given.only)
        left = [k for k in keys(given.cache / "Keras", everything=given.all)
                if wanted.search(" ".join(k)) and (given.again or k not in known)]  # fmt: skip
        for row in _rows(left, given):
            add(row)
            said = f"{len(row.maps)} maps" if row.maps else row.note or str(row.refused)[:200]
            print(f"{row.seconds:6.1f} s  {' '.join(row.key)}: {row.result}, {said}", flush=True)
    write_page(load())


def _rows(left: list[Key], given: argparse.Namespace) -> Iterator[Row]:
    with ThreadPoolExecutor(given.jobs) as pool:
        yield from pool.map(lambda key: measured(key, given), left)


if __name__ == "__main__":
    main()
