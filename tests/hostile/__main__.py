"""Hostile files by the thousand.

::

    python -m tests.hostile run --models 100000 --pictures 100000 --jobs 8 --resume FILE
    python -m tests.hostile show model 1234 -o FILE     # write one case
    python -m tests.hostile open model 1234             # open it here, with the traceback
    python -m tests.hostile table FILE                  # the table of docs/security.md again

`run` appends a line for each case to FILE and prints those that failed; stopped and started
again, it goes on. It ends with 1 if a case failed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.hostile.campaign import SOUND, read_log, read_starts, run
from tests.hostile.cases import KINDS, make
from tests.hostile.opening import opened
from tests.hostile.summary import table, write_table

_THREADS = "OMP_NUM_THREADS"
_OPTIONS = {"model": "models", "picture": "pictures", "result": "results", "side": "sides",
            "record": "records"}  # fmt: skip


def main() -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser("python -m tests.hostile", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    for kind in KINDS:
        running.add_argument(f"--{_OPTIONS[kind]}", type=int, default=0, metavar="N", dest=kind)
    running.add_argument("--first", type=int, default=0, metavar="SEED")
    running.add_argument("--jobs", type=int, default=1)
    running.add_argument("--resume", type=Path, required=True, metavar="FILE")
    running.add_argument("--again", action="store_true", help="open those that failed again")
    running.add_argument("--table", action="store_true", help="write docs/security.md at the end")
    for name in ("show", "open"):
        one = commands.add_parser(name)
        one.add_argument("kind", choices=KINDS)
        one.add_argument("seed", type=int)
        if name == "show":
            one.add_argument("-o", dest="out", type=Path, required=True)
    tabled = commands.add_parser("table")
    tabled.add_argument("log", type=Path)
    given = parser.parse_args()
    if given.command == "show":
        return _show(given)
    if given.command == "open":
        return _open(given)
    if given.command == "table":
        write_table(_table(given.log))
        return 0
    return _run(given)


def _run(given: argparse.Namespace) -> int:
    if _THREADS not in os.environ:
        # Libraries read it when they are loaded; threads of several processes hold each other up.
        words = [sys.executable, "-m", "tests.hostile", *sys.argv[1:]]
        os.execve(sys.executable, words, {**os.environ, _THREADS: "1"})
    by_kind = [
        [(kind, given.first + k) for k in range(getattr(given, kind))] for kind in KINDS
    ]  # fmt: skip
    numbers = [n for row in itertools.zip_longest(*by_kind) for n in row if n is not None]
    counts: Counter[str] = Counter()
    for entry in run(numbers, given.resume, given.jobs, again=given.again):
        counts[entry["verdict"]] += 1
        if entry["verdict"] not in SOUND:
            said = (entry.get("said") or "").strip().splitlines()[-1:]
            print(entry["kind"], entry["seed"], entry["verdict"], entry["base"], "|",
                  entry["done"], "|", *said, flush=True)  # fmt: skip
        if counts.total() % 2000 == 0:
            print(f"{counts.total():,} of {len(numbers):,}: {dict(counts)}", flush=True)
    if given.table:
        write_table(_table(given.resume))
    wanted = set(numbers)
    log = [e for e in read_log(given.resume) if (e["kind"], e["seed"]) in wanted]
    failed = [e for e in log if e["verdict"] not in SOUND]
    print(f"{len(log):,} cases, {len(failed):,} failed")
    return int(bool(failed))


def _show(given: argparse.Namespace) -> int:
    case = make(given.kind, given.seed)
    print(f"{case.base}: {case.done}")
    for name, content in case.files.items():
        # Files beside the case keep their names.
        path = given.out if name == case.main else given.out.parent / name
        path.write_bytes(content)
        print(f"wrote {path}")
    return 0


def _open(given: argparse.Namespace) -> int:
    case = make(given.kind, given.seed)
    print(f"{case.base}: {case.done}")
    with tempfile.TemporaryDirectory() as name:
        case.write(Path(name))
        verdict = opened(case, Path(name))
    print(verdict.name, verdict.code, verdict.said)
    return int(verdict.name not in SOUND)


def _table(log: Path) -> str:
    entries, starts = read_log(log), read_starts(log)
    commits = ", ".join(dict.fromkeys(s["commit"] for s in starts))
    days = " to ".join(sorted({starts[0]["started"], starts[-1]["started"]}))
    return table(entries, f"{len(entries):,} cases, {days}, at {commits}:")


if __name__ == "__main__":
    sys.exit(main())
