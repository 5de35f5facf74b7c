"""Whether the model leaves a processor to what is done beside it: of many pictures, it may pay."""

from __future__ import annotations

import time
from collections.abc import Callable

# Pictures that are not timed: the first ones prepare for the others, and after a change some are
# still under way.
_FIRST, _NEXT = 4, 2
# Pictures that are timed in each way.
_TIMED = 10
# Seconds of a picture above which the model takes most of them, and needs all processors.
_SLOW = 0.05


class Pace:
    """Times pictures with all processors for the model and with one fewer, and keeps to the best.

    What is computed is the same either way.

    Parameters
    ----------
    leave : callable
        Takes how many processors the model leaves to other work.
    clock : callable
        Seconds.
    """

    def __init__(
        self, leave: Callable[[int], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._leave, self._clock = leave, clock
        self._count, self._since = -_FIRST, 0.0
        self._before: float | None = None
        self._settled = False

    def finish(self) -> None:
        """Note that a picture was finished."""
        if self._settled:
            return
        self._count += 1
        if self._count == 0:
            self._since = self._clock()
        elif self._count == _TIMED:
            self._judge((self._clock() - self._since) / _TIMED)

    def _judge(self, took: float) -> None:
        if self._before is None and took < _SLOW:
            self._before, self._count = took, -_NEXT
            self._leave(1)
            return
        self._settled = True
        if self._before is not None and took > self._before:
            self._leave(0)
