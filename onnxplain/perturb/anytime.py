"""Sampling that may end early: when the time is up, or when the map has settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.network.context import Context

# Samples between two looks at the map, unless told otherwise.
ROUND = 128
End = Literal["all samples", "time", "settled"]


@dataclass(frozen=True)
class Limits:
    """When sampling ends.

    Attributes
    ----------
    samples : int
        At most so many.
    max_seconds : float, optional
        Time for one picture; the batch that is running is finished.
    tolerance : float, optional
        End when `relative_error` of the map is no larger.
    least : int
        So many samples are always drawn: with fewer there is no map.
    every : int
        Samples between two looks at the map. A fixed number: where sampling ends must not
        depend on the batch size.
    passes : int
        Forward passes that one sample costs.
    """

    samples: int
    max_seconds: float | None = None
    tolerance: float | None = None
    least: int = 2
    every: int = ROUND
    passes: int = 1

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise UsageError(f"samples must be 1 or more, not {self.samples}")
        for name in ("max_seconds", "tolerance"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} must be above 0, not {value}")


class Sampling:
    """One run over samples 0, 1, 2, ... that ends as its limits say.

    Parameters
    ----------
    context : Context
        Gives the batch size, and is told about progress.
    limits : Limits
        When to end.

    Attributes
    ----------
    done : int
        Samples drawn. The same number given as ``samples`` repeats the run exactly.
    end : {"all samples", "time", "settled"}
        Why it ended.
    """

    def __init__(self, context: Context, limits: Limits) -> None:
        self._context, self._limits = context, limits
        self.done = 0
        self.end: End = "all samples"
        self._started = time.monotonic()

    @property
    def over(self) -> bool:
        """Whether no more samples are to be drawn."""
        return self.done >= self._limits.samples or self.end != "all samples"

    def batches(self, error: Callable[[], float]) -> Iterator[slice]:
        """Yield which samples to draw next.

        Parameters
        ----------
        error : callable
            `relative_error` of the map so far; called at most once in `Limits.every` samples.
        """
        size = max(1, self._context.batch_size // self._limits.passes)
        every = self._limits.every
        while not self.over:
            stop = min(self.done + size, self._limits.samples)
            if self._limits.tolerance is not None:
                stop = min(stop, (self.done // every + 1) * every)
            yield slice(self.done, stop)
            self.advance(stop - self.done)
            if self.done % every == 0:
                self.check(error)

    def advance(self, count: int) -> None:
        """Count samples as drawn, and see whether the time is up."""
        limits = self._limits
        self.done += count
        spent = time.monotonic() - self._started
        late = limits.max_seconds is not None and spent >= limits.max_seconds
        if late and limits.least <= self.done < limits.samples:
            self.end = "time"
        self._tell(spent)

    def check(self, error: Callable[[], float]) -> None:
        """See whether the map has settled."""
        limits = self._limits
        if limits.tolerance is None or self.over or self.done < limits.least:
            return
        if error() <= limits.tolerance:
            self.end = "settled"
            self._context.progress(limits.samples, limits.samples)

    def _tell(self, spent: float) -> None:
        total, done = self._limits.samples, self.done
        if self._limits.max_seconds is not None:
            done = max(done, min(total, int(total * spent / self._limits.max_seconds)))
        self._context.progress(total if self.over else done, total)


def relative_error(values: NDArray[np.float64], errors: NDArray[np.float64]) -> float:
    """Root mean square of the standard errors, as a share of the map's range of values.

    A map of noise alone has a range of a few standard errors, so it does not pass for
    settled; a map that is the same everywhere and has no error does (0).
    """
    typical, extent = float(np.sqrt(np.mean(errors**2))), float(np.ptp(values))
    return typical / extent if extent > 0 else (0.0 if typical == 0 else np.inf)
