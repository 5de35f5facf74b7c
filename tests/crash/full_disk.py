"""A disk that is full at the n-th write: ``python -m tests.crash.full_disk [MOST]``.

For n from 1 on, the n-th call that writes to, syncs or renames a file of results fails as on a full
disk, and so do all that follow, until a run needs no more calls. Each has to end with exit code 7
and one line, and leave whole files alone. About so many n are tried for a command, evenly spread.
"""

import errno
import os
import sys
import tempfile
from pathlib import Path

import onnxplain.files
import onnxplain.process.leftovers
from tests.crash.runs import commands, contents, finish, leftovers

# One picture makes as many kinds of writes as ten.
ONE = "examples/digits/3-10.png"


class Disk:
    """Calls that need room; from the n-th on there is none."""

    def __init__(self, full_at):
        self._left = full_at
        self.calls = 0

    def need(self):
        self.calls += 1
        if self._left is not None and self.calls >= self._left:
            raise OSError(errno.ENOSPC, "No space left on device")

    def install(self, counted):
        """Stand between the package and the system in this process."""
        made, synced, renamed = os.fdopen, os.fsync, os.replace

        def fdopen(handle, *given, **extra):
            return File(made(handle, *given, **extra), self)

        def fsync(handle):
            self.need()
            return synced(handle)

        def replace(*given):
            self.need()
            renamed(*given)
            if counted:
                counted.write_text(str(self.calls))

        system = Calls(fdopen=fdopen, fsync=fsync, replace=replace)
        onnxplain.files.os = system


class Calls:
    """The module `os`, with some functions of ours."""

    def __init__(self, **ours):
        self.__dict__ |= ours

    def __getattr__(self, name):
        return getattr(os, name)


class File:
    """A file whose writes need room."""

    def __init__(self, file, disk):
        self._file, self._disk = file, disk

    def write(self, data):
        self._disk.need()
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self._file.close()


def starve(name, words, folder, most):
    """Let one command meet a full disk at each write; returns a line of figures."""
    said, counted = folder / "said", folder / "counted"
    whole_folder = folder / f"{name}-whole"
    assert finish(words, whole_folder, said, lambda: Disk(None).install(counted)) == 0
    calls, whole = int(counted.read_text()), contents(whole_folder)
    step = max(1, calls // most)
    tried = range(1, calls + 1, step)
    for n in tried:
        out = folder / f"{name}-{n}"
        code = finish(words, out, said, lambda n=n: Disk(n).install(None))
        lines = said.read_text("utf-8").splitlines()
        assert code == 7, (n, code, lines)
        assert lines, n
        assert all("No space left on device" in line for line in lines), lines
        assert "Traceback" not in said.read_text("utf-8")
        found = contents(out) if out.exists() else {}
        for file, content in found.items():
            if file in whole and not file.endswith(".sqlite"):
                assert content == whole[file], (n, file)
        assert leftovers(out) == [], n
    return f"{name}: {len(tried)} of {calls} writes failed, each with exit code 7 and whole files"


def run(most):
    """Starve all commands."""
    with tempfile.TemporaryDirectory() as folder:
        for name, words in commands(Path(folder), ONE).items():
            print(starve(name, words, Path(folder), most), flush=True)


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
