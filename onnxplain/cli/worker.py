"""One process that does a whole command, and is ended where it passes a limit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from onnxplain.cli.unanswered import answer
from onnxplain.errors import NativeFaultError
from onnxplain.process.journal import begin_worker, held_in, signs_in

# Where a worker finds its folder.
VARIABLE = "ONNXPLAIN_WORKER"
_LOOKS_EVERY = 0.1
_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP")
# The same modules as here; without the first line, those of the folder that it starts in.
_BEGIN = "import sys; sys.path[:] = {path!r}; from onnxplain.cli import main; main()"
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
# What the system refuses at once, above what is noticed a moment later.
_SLACK = 1 << 30
_DIES_WITH_PARENT = 1
# Seconds after which a second request to stop is no part of the first.
_AGAIN = 2.0


class Limits(NamedTuple):
    """What a worker may take: bytes of memory, and seconds without a sign of life."""

    memory: int
    silence: float


class Ended(NamedTuple):
    """How a worker ended: with an exit code of its own, or why not."""

    code: int
    why: str = ""


class Worker:
    """A command in a process of its own.

    Parameters
    ----------
    words : sequence of str
        The command line.
    folder : Path
        See `onnxplain.process.journal.prepare_folder`.
    limits : Limits
        What it may take.
    """

    def __init__(self, words: Sequence[str], folder: Path, limits: Limits) -> None:
        self._folder, self._limits = folder, limits
        self._stopped_at: float | None = None
        command = [sys.executable, "-c", _BEGIN.format(path=sys.path), *words]
        environment = {**os.environ, VARIABLE: str(folder)}
        # A group of its own: what it starts ends with it, and signals come to it through us.
        group: dict[str, Any] = {}
        if os.name == "posix":
            young = sys.version_info >= (3, 11)
            group = {"process_group": 0} if young else {"preexec_fn": os.setpgrp}
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            stream.flush()
            with suppress(OSError, ValueError):  # what another program reads may be no file
                group[name] = stream.fileno()
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, **group
        )

    def end(self) -> Ended:
        """Wait until it has ended, and end it where it passes a limit."""
        seen, since = b"", time.monotonic()
        with _forwarded(self._forward):
            while True:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(_LOOKS_EVERY)
                    return self._ended()
                now = signs_in(self._folder)
                if now != seen:
                    seen, since = now, time.monotonic()
                if why := self._passed(time.monotonic() - since):
                    self._kill()
                    self._process.wait()
                    return Ended(NativeFaultError.exit_code, why)

    def _passed(self, silent: float) -> str:
        """Say which limit it passes, if any."""
        if (used := _resident(self._process.pid)) > self._limits.memory:
            return (
                f"it took {used:,} bytes of memory, and {self._limits.memory:,} is the limit; "
                "--budget memory-bytes=N raises it"
            )
        if silent > self._limits.silence and any(held_in(self._folder)[:2]):
            return (
                f"no reply for {self._limits.silence:g} seconds; --budget hang-seconds=N raises "
                "the limit"
            )
        return ""

    def _ended(self) -> Ended:
        code = self._process.returncode
        if code >= 0:
            return Ended(code)
        if self._stopped_at is not None:
            return Ended(128 - code)
        self._kill()  # what it started
        if -code == _KILL:
            return Ended(code, "the system killed the process (SIGKILL), as when memory runs out")
        with suppress(ValueError):
            return Ended(code, f"native code ended the process ({signal.Signals(-code).name})")
        return Ended(code, f"native code ended the process (signal {-code})")

    def _forward(self, number: int) -> None:
        first = self._stopped_at is None
        if first:
            self._stopped_at = time.monotonic()
        # Code that holds Python's lock does not let a request through; who asks again means it.
        again = not first and time.monotonic() - (self._stopped_at or 0) > _AGAIN
        self._signal(_KILL if again else number)

    def _kill(self) -> None:
        self._signal(_KILL)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)


@contextmanager
def _forwarded(forward: Callable[[int], None]) -> Iterator[None]:
    """Hand on what asks this process to stop; the worker unwinds, and its end is ours."""

    def handle(number: int, frame: FrameType | None) -> None:
        answer()
        forward(number)

    before: dict[int, Any] = {}
    for number in (getattr(signal, n) for n in _FORWARDED if hasattr(signal, n)):
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where that is unknown."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def become_worker() -> bool:
    """Make this process a worker if it was begun as one; say whether it is."""
    folder = os.environ.pop(VARIABLE, None)
    if folder is None:
        return False
    state = begin_worker(folder).state
    if sys.platform == "linux":
        _end_with(state.parent)
        _limit(state.memory)
    if hasattr(signal, "SIGTTOU"):
        # It stands behind the terminal, and may write there all the same.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    return True


def _end_with(parent: int) -> None:
    """Let the system end this process when the one that watches is gone, however that ends."""
    import ctypes

    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, int(_KILL), 0, 0, 0)
    if os.getppid() != parent:  # it went before it could be noticed
        os._exit(NativeFaultError.exit_code)


def _limit(memory: int) -> None:
    """Let the system refuse at once what is far above the limit; it becomes a `MemoryError`."""
    import resource

    if os.path.exists("/proc/driver/nvidia/version"):
        return  # CUDA reserves more than all memory
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = memory + _SLACK
    if most == resource.RLIM_INFINITY or wanted < most:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))
