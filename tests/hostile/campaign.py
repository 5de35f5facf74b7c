"""Open many cases in several processes, keep a log of them, and go on from it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.hostile.cases import make, make_bases
from tests.hostile.opening import load_libraries
from tests.hostile.worker import MEMORY_BYTES, WALL_SECONDS, work

ROOT = Path(__file__).parents[2]
Number = tuple[str, int]
# Cases of one process: what libraries keep would otherwise add up.
_CHUNK = 250
_LOOKS_EVERY = 0.25
SOUND = ("answer", "refused")


@dataclass
class _Running:
    pid: int
    pipe: int
    left: list[Number]
    since: float = field(default_factory=time.monotonic)
    text: bytes = b""
    killed: str = ""


def run(
    numbers: Sequence[Number], log: Path, jobs: int, *, again: bool = False
) -> Iterator[dict[str, Any]]:
    """Open the cases that the log does not hold yet; yields the line of each.

    Parameters
    ----------
    numbers : sequence of (kind, seed)
        The cases.
    log : path
        Lines of JSON; made if it is not there, and begun anew nowhere.
    jobs : int
        Processes at a time.
    again : bool
        Also open those that failed before.
    """
    done = {
        (entry["kind"], entry["seed"])
        for entry in read_log(log)
        if not (again and entry["verdict"] not in SOUND)
    }
    todo = [n for n in numbers if n not in done]
    if not todo:
        return
    load_libraries()
    for kind in {kind for kind, _ in todo}:
        make_bases(kind)
    chunks = [todo[k : k + _CHUNK] for k in range(0, len(todo), _CHUNK)]
    chunks.reverse()
    running: list[_Running] = []
    with open(log, "a") as file, selectors.DefaultSelector() as selector:
        _kept({"started": time.strftime("%Y-%m-%d", time.gmtime()), "commit": commit()}, file)
        try:
            while chunks or running:
                while chunks and len(running) < jobs:
                    one = _start(chunks.pop(), selector)
                    running.append(one)
                for key, _ in selector.select(_LOOKS_EVERY):
                    one = key.data
                    for entry in _read(one):
                        yield _kept(entry, file)
                for one in list(running):
                    _watch(one)
                    ended = os.waitpid(one.pid, os.WNOHANG)
                    if ended[0]:
                        for entry in _read(one):
                            yield _kept(entry, file)
                        if one.left:
                            yield _kept(_dead(one, ended[1]), file)
                        if one.left:
                            chunks.append(one.left)
                        selector.unregister(one.pipe)
                        os.close(one.pipe)
                        running.remove(one)
        finally:
            for one in running:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(one.pid, signal.SIGKILL)
                    os.waitpid(one.pid, 0)


def read_log(log: Path) -> list[dict[str, Any]]:
    """How each case of a log ended when it was opened last."""
    found = {(e["kind"], e["seed"]): e for e in _lines(log) if "kind" in e}
    return list(found.values())


def read_starts(log: Path) -> list[dict[str, Any]]:
    """Date and commit of each run that wrote a log."""
    return [e for e in _lines(log) if "started" in e]


def commit() -> str:
    """The commit that is tested; a sign behind it says that files were changed since."""
    words = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    found = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    return found.stdout.strip() or "unknown"


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    """Every whole line; the last one of a killed run may be cut."""
    if log.exists():
        for line in log.read_text().splitlines():
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def _start(chunk: list[Number], selector: selectors.BaseSelector) -> _Running:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            work(chunk, writing)
        finally:
            os._exit(99)
    os.close(writing)
    os.set_blocking(reading, False)
    one = _Running(pid, reading, list(chunk))
    selector.register(reading, selectors.EVENT_READ, one)
    return one


def _read(one: _Running) -> list[dict[str, Any]]:
    with contextlib.suppress(BlockingIOError):
        while part := os.read(one.pipe, 1 << 16):
            one.text += part
    *lines, one.text = one.text.split(b"\n")
    entries = [json.loads(line) for line in lines]
    for entry in entries:
        one.left.remove((entry["kind"], entry["seed"]))
    if entries:
        one.since = time.monotonic()
    return entries


def _watch(one: _Running) -> None:
    """End a process that takes too much memory, or none of the processor for long."""
    try:
        pages = int(Path(f"/proc/{one.pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has just ended
        return
    if pages * os.sysconf("SC_PAGE_SIZE") > MEMORY_BYTES:
        one.killed = "memory"
    elif time.monotonic() - one.since > WALL_SECONDS:
        one.killed = "hang"
    if one.killed:
        os.kill(one.pid, signal.SIGKILL)


def _dead(one: _Running, status: int) -> dict[str, Any]:
    """The line of the case at which a process ended; it is taken from what is left."""
    kind, seed = one.left.pop(0)
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    verdict = one.killed or ("hang" if number == signal.SIGXCPU else "signal")
    said = signal.Signals(number).name if number else f"exit {os.WEXITSTATUS(status)}"
    case = make(kind, seed)
    return {
        "kind": kind, "seed": seed, "verdict": verdict, "code": 128 + number,
        "base": case.base, "done": case.done[:300], "said": said,
    }  # fmt: skip


def _kept(entry: dict[str, Any], file: IO[str]) -> dict[str, Any]:
    file.write(json.dumps(entry) + "\n")
    file.flush()
    return entry
