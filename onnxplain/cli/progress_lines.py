"""Progress where nobody watches a terminal: a line on standard error now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from onnxplain.cli.console import remark

# Short work says nothing; long work at each tenth, and after so many seconds without a line.
_SECONDS = 10.0
_TENTHS = 10
# A run of hours would say too much: lines come no faster than this share of what has passed.
_SHARE = 0.05
_LOOK = 1.0


class Lines:
    """Lines with the part that is done and the time that is left.

    A thread of its own looks whether one is due, so that there is one even while a single step
    takes minutes.

    Parameters
    ----------
    jobs : int
        How many there are in all.
    clock : callable
        Seconds.
    say : callable
        Prints one line.
    """

    def __init__(
        self,
        jobs: int,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], None] = remark,
    ) -> None:
        self._jobs, self._clock, self._say = max(jobs, 1), clock, say
        self._started = self._said = clock()
        self._name, self._done, self._tenth = "", 0.0, 0
        self._lock, self._ended = threading.Lock(), threading.Event()

    def __enter__(self) -> Lines:
        threading.Thread(target=self._watch, name="progress", daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()

    def update(self, *, name: str | None = None, done: float | None = None) -> None:
        """Note what is being done, or how many jobs are, parts of one included."""
        with self._lock:
            self._name = self._name if name is None else name
            self._done = self._done if done is None else done
            ended = self._done >= self._jobs
        if not ended:  # the last job's end is the command's, unless something follows for long
            self.look()

    def look(self) -> None:
        """Say a line if one is due."""
        with self._lock:
            now = self._clock()
            share = min(self._done / self._jobs, 1.0)
            tenth = int(share * _TENTHS)
            passed, quiet_for = now - self._started, now - self._said
            late = quiet_for >= max(_SECONDS, _SHARE * passed)
            due = late or (tenth > self._tenth and passed >= _SECONDS)
            if not due or self._ended.is_set():
                return
            self._said, self._tenth = now, tenth
            text = _line(share, passed, self._name)
        with suppress(OSError, ValueError):  # nobody can be told; the work goes on
            self._say(text)

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK):
            self.look()


def _line(share: float, passed: float, name: str) -> str:
    left = f", about {_time(passed * (1 - share) / share)} left" if share else ""
    return f"{100 * share:.0f} % in {_time(passed)}{left}" + (f": {name}" if name else "")


def _time(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
