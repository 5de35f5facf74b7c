"""Sanity checks: a map that survives losing the model, or the class, explains neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.evaluate.randomise import RandomisedModels
from onnxplain.evaluate.settings import Order
from onnxplain.evaluate.similarity import spearman, ssim
from onnxplain.evaluate.support import common_support, is_local
from onnxplain.explanations.display import reduce_channels, upsample
from onnxplain.explanations.explanation import Explanation
from onnxplain.explanations.spread import Spread
from onnxplain.inputs.picture import Picture
from onnxplain.model.model import Model
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.request import TargetLike
from onnxplain.targets.target import Target

# Rank correlations at which a reader should doubt a map, and stop trusting it. There is no
# agreed bound; these lie in the gap between methods known to pass and known to fail.
_DOUBTFUL, _FAILED = 0.5, 0.8


@dataclass(frozen=True)
class SanityCheck:
    """How alike a method's maps are with and without what the network has learned.

    Attributes
    ----------
    method : str
        The method.
    order : {"cascading", "independent"}
        Whether layers lose their weights from the output on, or one at a time.
    layers : tuple of str
        Output tensor of the layer at which each stage ends.
    shares : (S,) array
        Share of the layers that lie between the output and there.
    spearman : (S,) array
        Rank correlation of the magnitudes of the two maps at each stage; where the target is
        local, over the pixels of `common_support`.
    ssim : (S,) array
        Structural similarity of the same, over the whole picture.
    places : int
        Places of the map that are not zero.
    """

    method: str
    order: Order
    layers: tuple[str, ...]
    shares: NDArray[np.float64]
    spearman: NDArray[np.float64]
    ssim: NDArray[np.float64]
    places: int = 2

    @property
    def left(self) -> float:
        """Rank correlation by which to judge.

        Of a cascade its first stage: once the layers next to the output are random, the
        score means nothing, and a map that stays explains something else. Later stages
        judge less, since they destroy the features that any map is drawn with. Of
        independent layers the highest.
        """
        return float(self.spearman[0] if self.order == "cascading" else self.spearman.max())

    @property
    def verdict(self) -> str:
        """What that means, in words."""
        if self.places < 2:
            return "cannot tell: the map is one place, and has no ranks that could change"
        return verdict(self.left, "what the network has learned")


def verdict(left: float, lost: str) -> str:
    """Say in words what it means that maps are alike after something was taken away.

    Parameters
    ----------
    left : float
        Rank correlation of the maps before and after.
    lost : str
        What was taken away.
    """
    if abs(left) >= _FAILED:
        return f"fails: the map hardly depends on {lost} (rank correlation {left:.2f} is left)"
    if abs(left) >= _DOUBTFUL:
        return f"doubtful: part of the map does not depend on {lost} ({left:.2f} is left)"
    return f"passes: the map depends on {lost} ({left:.2f} is left)"


def randomisation_check(
    model: Model,
    picture: Picture,
    method: str,
    target: TargetLike | Target,
    *,
    order: Order = "cascading",
    steps: int = 6,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    lost: RandomisedModels | None = None,
) -> SanityCheck:
    """Compare a method's map with its maps on networks that lost their weights.

    Parameters
    ----------
    model : Model
        The model.
    picture : Picture
        What is explained.
    method : str
        Name in the registry.
    target : str, int, TargetRequest or Target
        What is explained, the same at every stage; it is resolved on the model itself.
    order : {"cascading", "independent"}
        ``cascading`` replaces the weights of more and more layers, from the output
        backwards; ``independent`` those of a single layer at a time.
    steps : int
        Number of stages.
    seed : int
        Of the random weights.
    parameters : mapping, optional
        Parameters of the method.
    lost : RandomisedModels, optional
        Opened models, for many pictures; they stand for `order`, `steps` and `seed`.

    Returns
    -------
    SanityCheck

    Raises
    ------
    UsageError
        If `order` or `steps` is not possible.

    References
    ----------
    Adebayo et al. 2018, arXiv:1810.03292, section 3.
    """
    lost = lost or RandomisedModels(model, order=order, steps=steps, seed=seed)
    whole = model.explain(picture, method, target, **(parameters or {}))
    aim, first = whole.target, _magnitude(whole)
    shares, ends, ranks, structures = [], [], [], []
    for share, end, other in lost.stages(aim):
        # Such a network may answer hardly at all: its engines need not agree on noise.
        found = other.explain(picture, method, aim, allow_mismatch=True, **(parameters or {}))
        shares.append(share)
        ends.append(end)
        ranks.append(_rank(first, _magnitude(found), aim))
        structures.append(ssim(first, _magnitude(found)))
    shown = reduce_channels(whole.attribution, whole.axes)
    return SanityCheck(
        method,
        lost.order,
        tuple(ends),
        np.array(shares),
        np.array(ranks),
        np.array(structures),
        int(np.count_nonzero(shown)),
    )


def _rank(first: NDArray[np.float64], second: NDArray[np.float64], target: Target) -> float:
    """Rank correlation, of a local target where either map has anything to say."""
    if not is_local(target):
        return spearman(first, second)
    where = common_support(first, second)
    return spearman(first[where], second[where]) if where.any() else 0.0


def other_class_correlation(
    model: Model,
    picture: Picture,
    method: str,
    target: Target,
    *,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
) -> float:
    """Rank correlation of the maps of a class and of another one, drawn at random.

    Signed maps are compared: evidence for one class may be evidence against the other. At a place
    of a dense output, over the pixels of `common_support`.

    References
    ----------
    Sixt, Granz, Landgraf 2020, arXiv:1912.09818, section 5 (random logit).
    """
    if not isinstance(target, ClassScore) or target.classes < 2:
        raise UsageError(f"{target.describe()} has no other class to compare with")
    index = int(np.random.default_rng(seed).integers(target.classes - 1))
    index += index >= target.index
    other = replace(target, index=index, name="")
    first, second = (
        model.explain(picture, method, c, **(parameters or {})).heatmap() for c in (target, other)
    )
    return _rank(first, second, target)


def _magnitude(explanation: Explanation) -> NDArray[np.float64]:
    flat = np.abs(reduce_channels(explanation.attribution, explanation.axes))
    size = (explanation.pixels.shape[0], explanation.pixels.shape[1])
    return upsample(flat, size, Spread.of_notes(explanation.notes))
