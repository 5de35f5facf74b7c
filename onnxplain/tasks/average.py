"""The mean of several runs of a file that draws random numbers, and how far it is off.

No method needs to know of it: each run is a whole explanation, and only the maps meet here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.explanations.display import reduce_channels
from onnxplain.network.context import Context, Progress
from onnxplain.perturb.anytime import relative_error


def require_runs(runs: int | None) -> None:
    """Check the number of runs.

    Raises
    ------
    UsageError
        If there are too few to know how they differ.
    """
    if runs is not None and runs < 2:
        raise UsageError(f"an average needs 2 runs or more, not {runs}")


def averaged(context: Context, explain: Callable[[Context], Attribution], runs: int) -> Attribution:
    """Explain one input several times.

    Parameters
    ----------
    context : Context
        Is told about progress.
    explain : callable
        One run of a method.
    runs : int
        As many; a single one is returned as it is.

    Returns
    -------
    Attribution
        Values, maps and measures are means over the runs; maps of whole numbers (classes,
        regions) hold what most runs say; parameters and notes are those of the first. Map
        ``standard_error``: that of the sum over channels, from the spread of the runs; where a
        method has one of its own, because it draws samples, the root of the sum of the squares
        of both. Measure ``relative_error``, see `relative_error`. Note ``average``: how many
        runs.
    """
    if runs == 1:
        return explain(context)
    first, totals = None, _Totals()
    for number in range(runs):
        found = explain(replace(context, progress=_part(context.progress, number, runs)))
        totals.add(found)
        first = first or found
    assert first is not None
    error = totals.standard_error()
    if "standard_error" in first.maps:
        error = np.hypot(error, totals.means["map standard_error"])
    pairs = zip(totals.means["flat"], error, strict=True)
    relative = np.array([relative_error(mean, e) for mean, e in pairs])
    maps = {
        k: totals.most(k) if k in totals.whole else totals.means[f"map {k}"] for k in first.maps
    }
    measures = {k: totals.means[f"measure {k}"] for k in first.measures}
    return replace(
        first,
        values=totals.means["values"],
        maps={**maps, "standard_error": error},
        measures={**measures, "relative_error": relative},
        notes={**first.notes, "average": {"runs": runs}},
    )


def _part(progress: Progress, number: int, runs: int) -> Progress:
    return lambda done, total: progress(number * total + done, runs * total)


class _Totals:
    """Running means of all arrays of the runs, and the spread of their maps (Welford 1962)."""

    def __init__(self) -> None:
        self.means: dict[str, NDArray[Any]] = {}
        self.whole: dict[str, list[NDArray[Any]]] = {}
        self._squares: Any = 0.0
        self._count = 0

    def add(self, found: Attribution) -> None:
        flat = np.stack([reduce_channels(v, found.axes) for v in found.values])
        arrays = {"values": found.values, "flat": flat}
        arrays |= {f"measure {k}": v for k, v in found.measures.items()}
        for name, values in found.maps.items():
            if values.dtype.kind == "f":
                arrays[f"map {name}"] = values
            else:
                self.whole.setdefault(name, []).append(values)
        before = self.means.get("flat", 0.0)
        self._count += 1
        for name, values in arrays.items():
            mean = self.means.get(name, 0.0)
            self.means[name] = mean + (values - mean) / self._count
        self._squares = self._squares + (flat - before) * (flat - self.means["flat"])

    def most(self, name: str) -> NDArray[Any]:
        import scipy

        return np.asarray(scipy.stats.mode(self.whole[name]).mode)

    def standard_error(self) -> NDArray[np.float64]:
        return np.asarray(np.sqrt(self._squares / (self._count - 1) / self._count))
