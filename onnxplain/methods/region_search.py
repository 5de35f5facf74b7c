"""Region search: the few regions that carry the score, found one after the other."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.registry import method
from onnxplain.network.context import Context, Progress
from onnxplain.perturb.coalitions import Scores, score_coalitions
from onnxplain.perturb.fills import fill
from onnxplain.perturb.outcome import constant_score
from onnxplain.perturb.regions import find_regions
from onnxplain.targets.target import Target

Array = NDArray[np.float64]


@method(
    name="region-search",
    family="perturbation",
    needs=Capability.FORWARD,
    explains="probability",
    of_scores=True,
    display="positive",
    shows="which regions were found first",
    ends=("last", "first"),
    summary="Regions in the order in which a greedy search adds them to keep the score high.",
    reference="Chen, Zhang, Liang, Li, Cao 2024, arXiv:2402.09164; for boxes: Chen et al. 2024, "
    "arXiv:2411.16198, equations 3 to 5",
    meaning="score units (each pixel shows the value of its region): how much the search still "
    "changed after this region; never negative",
    class_discriminative=True,
    promises="falls from region to region in the order found; the last one has zero",
    failures="says which regions are enough, not what each adds: of two that say the same, one "
    "comes late; depends on segmentation and fill; the cost grows with the square of the number of "
    "regions",
)
def region_search(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    segments: str = "slic",
    regions: int = 36,
    fill_with: str = "black",
    collaboration: float = 1.0,
) -> Attribution:
    """Add the region that maximises F(s) = S(s alone) + c (S(all) - S(all without s)), again.

    With F_k after k regions, the k-th has the sum of abs(F_j - F_(j-1)) over all j > k. (The
    papers for single pictures add two terms more, which need features of another network.)

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    segments : {"slic", "grid"}
        slic: superpixels; grid: rectangles.
    regions : int
        Approximate number of regions K; the search costs K (K + 1) forward passes.
    fill_with : str
        Fill of removed regions: black, white, mean, blur, noise, an image file, or a number in the
        model's units.
    collaboration : float
        Weight c of what is lost without the regions, 0 or more.

    Returns
    -------
    Attribution
        (N, H, W), not negative, in score units. Maps: ``regions``, the number of each pixel's
        region, and ``order``, its place in the search, from 1 on. Measures: ``best_score``, the
        highest score of the first regions alone, and ``best_regions``, how many these are.

    Raises
    ------
    UsageError
        If a number makes no sense.
    """
    if not 0 <= collaboration < np.inf:
        raise UsageError(
            f"region-search: collaboration {collaboration} is out of range; it must be 0 or more"
        )
    values, orders, numbers, best, count = [], [], [], [], []
    warnings: tuple[str, ...] = ()
    for single, empty in zip(x, fill(context, x, fill_with), strict=True):
        labels = find_regions(context, single, segments, regions)
        score = partial(score_coalitions, context, target, single, empty, labels)
        found, alone, worth = _search(score, int(labels.max()) + 1, collaboration, context.progress)
        changes = np.abs(np.diff(worth))
        after = np.append(np.cumsum(changes[::-1])[::-1], 0.0)[1:]
        rank = np.argsort(found)
        warnings = warnings or _warnings(worth)
        values.append(after[rank][labels])
        orders.append((rank + 1)[labels])
        numbers.append(labels)
        best.append(alone.max())
        count.append(alone.argmax() + 1)
    return Attribution(
        np.stack(values),
        ("H", "W"),
        measures={"best_score": np.array(best), "best_regions": np.array(count)},
        maps={"regions": np.stack(numbers), "order": np.stack(orders)},
        warnings=warnings,
    )


def _warnings(worth: Array) -> tuple[str, ...]:
    if len(worth) == 2:
        return (
            "the whole picture is one region, so there is no order to find; use segments=grid, or "
            "more regions",
        )
    return constant_score(worth)


def _search(
    score: Scores, count: int, collaboration: float, progress: Progress
) -> tuple[NDArray[np.int64], Array, Array]:
    """Find the order of the regions, and S(s) and F(s) of the first ones.

    F begins with that of no region, S with that of one.
    """
    everything = np.ones((1, count), bool)
    whole, empty = float(score(everything)[0]), float(score(~everything)[0])
    chosen = np.zeros(count, bool)
    order, alone, worth = [], [], [empty]
    for step in range(count):
        left = np.flatnonzero(~chosen)
        kept = np.repeat(chosen[None], len(left), axis=0)
        kept[np.arange(len(left)), left] = True
        scores = score(np.concatenate([kept, ~kept]))
        own, lost = scores[: len(left)], whole - scores[len(left) :]
        goals = own + collaboration * lost
        best = int(goals.argmax())
        chosen[left[best]] = True
        order.append(left[best])
        alone.append(own[best])
        worth.append(goals[best])
        progress((step + 1) * (2 * count - step), count * (count + 1))
    return np.array(order), np.array(alone), np.array(worth)
