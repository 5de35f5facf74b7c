"""A disk that is full at the n-th write: ``python -m tests.crash.full_disk [MOST] [--table]``.

For n from 1 on, the n-th call that makes, writes, syncs or renames a file fails as on a full disk,
and so do all that follow, until a run needs no more calls. Each has to end with exit code 7 and
lines that say so, and leave whole files alone; the same command with room again has to end as if
nothing had happened. About so many n are tried for a command, evenly spread; all without a number.
"""

import sys
import tempfile
from pathlib import Path

from tests.crash.calls import Calls, FullDisk
from tests.crash.runs import commands, contents, finish, leftovers
from tests.crash.tables import arguments, publish

# One picture makes as many kinds of writes as ten.
ONE = "examples/digits/3-10.png"
FULL = ("No space left on device", "database or disk is full")


def starve(name, words, folder, most):
    """Let one command meet a full disk at each write; returns a row of figures."""
    said, counted = folder / "said", folder / "counted"
    whole_folder = folder / f"{name}-whole"
    assert finish(words, whole_folder, said, Calls(counted).install) == 0, said.read_text("utf-8")
    calls, whole = int(counted.read_text()), contents(whole_folder)
    tried = range(1, calls + 1, max(1, calls // most))
    for n in tried:
        out = folder / f"{name}-{n}"
        code = finish(words, out, said, FullDisk(n).install)
        lines = said.read_text("utf-8").splitlines()
        assert code == 7, (n, code, lines)
        assert lines, n
        assert all(any(full in line for full in FULL) for line in lines), (n, lines)
        found = contents(out) if out.exists() else {}
        for file, content in found.items():
            if file.endswith(".sqlite"):
                assert content.items() <= whole[file].items(), (n, file)
            else:
                assert content == whole[file], (n, file)
        assert leftovers(out) == [], n
        assert finish(words, out, said) == 0, (n, said.read_text("utf-8"))
        assert contents(out) == whole, n
    return {"command": name, "calls": calls, "failed": len(tried), "exit code 7": len(tried),
            "not whole": 0, "as before with room again": len(tried)}  # fmt: skip


def run(most):
    """Starve all commands; returns rows of figures."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            starve(name, words, Path(folder), most)
            for name, words in commands(Path(folder), ONE).items()
        ]


if __name__ == "__main__":
    number, wanted = arguments(sys.argv[1:], 10_000)
    publish("full-disk-table", run(number), wanted)
