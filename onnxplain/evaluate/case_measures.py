"""What each measure asks of a case: the functions in the table of measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.evaluate import localisation
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.faithfulness import completeness_gap, sensitivity_n, unexplained
from onnxplain.evaluate.fitted import fitted_curve
from onnxplain.evaluate.removal import Curve, Exchange
from onnxplain.evaluate.robustness import jpeg_consistency, max_sensitivity, shift_consistency
from onnxplain.evaluate.sanity import other_class_correlation
from onnxplain.inputs.picture import made_of

# As in Captum's and Quantus' defaults, but of the input's range: models differ in theirs.
_NOISE = 0.02


def located(
    function: Callable[[NDArray[np.float64], NDArray[np.bool_]], float],
) -> Callable[[Case], float]:
    """Ask a function of a map and a mask."""

    def measure(case: Case) -> float:
        assert case.mask is not None
        return function(case.heatmap, case.mask)

    return measure


def overlap(case: Case) -> Curve:
    """Overlap with the mask against the threshold."""
    assert case.mask is not None
    at = localisation.thresholds()
    scores = localisation.iou_curve(case.heatmap, case.mask, at)
    return Curve(at, scores, float(scores.mean()))


def deletion(case: Case) -> Curve:
    """Score while the strongest pixels go first."""
    return _exchange(case, case.picture.x, case.filled(case.settings.deleted))


def insertion(case: Case) -> Curve:
    """Score while the strongest pixels come first."""
    return _exchange(case, case.filled(case.settings.inserted), case.picture.x)


def _exchange(case: Case, start: NDArray[np.float64], end: NDArray[np.float64]) -> Curve:
    exchange = Exchange(
        case.score,
        start,
        end,
        case.heatmap,
        case.context.channel_axis,
        step=case.settings.step,
        batch_size=case.model.network.batch_size,
    )
    enough = case.settings.fit
    if enough is None:
        return exchange.curve()
    relative = not case.target.is_probability
    return fitted_curve(exchange.shares, exchange.scores, enough, relative=relative)


def n_pixels(case: Case) -> float:
    """Mean correlation over the sizes of the sets."""
    found = sensitivity_n(
        case.score,
        case.picture.x,
        case.filled(case.settings.deleted),
        case.heatmap,
        case.context.channel_axis,
        case.rng,
    )
    return float(np.mean(list(found.values())))


def noise(case: Case) -> float:
    """Largest change of the map under noise of a fiftieth of the input's range."""
    low, high = case.model.preprocess.bounds()
    return max_sensitivity(
        lambda x: case.remap(replace(case.picture, x=x, pixels=case.model.preprocess.decode(x)[0])),
        case.picture.x,
        case.rng,
        radius=_NOISE * (high.astype(np.float64) - low),
    )


def _remap_pixels(case: Case) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
    def explain(pixels: NDArray[Any]) -> NDArray[np.float64]:
        return case.remap(made_of(pixels, case.model.preprocess, case.picture.source))

    return explain


def shifted(case: Case) -> float:
    """Agreement with the maps of shifted pictures."""
    return shift_consistency(_remap_pixels(case), case.picture.seen)


def compressed(case: Case) -> float:
    """Agreement with the map of the compressed picture."""
    return jpeg_consistency(_remap_pixels(case), case.picture.seen)


def squares(case: Case) -> float:
    """Error of evidence as prediction of what squares do, next to that of their area."""
    return unexplained(
        case.score,
        case.picture.x,
        case.filled(case.settings.deleted),
        case.heatmap,
        case.context.channel_axis,
        case.rng,
    )


def completeness(case: Case) -> float:
    """Relative gap between the attribution's sum and the change of the score."""
    assert case.explanation is not None
    target, context = case.explanation.target, case.context
    score, absent = (
        float(context.score(x, target)[0])
        for x in (case.picture.x, case.filled(case.settings.deleted))
    )
    return completeness_gap(case.explanation.attribution, score, absent)


def randomised(case: Case) -> Curve:
    """Rank correlation against the share of layers without their weights."""
    return Curve(case.sanity.shares, case.sanity.spearman, case.sanity.left)


def randomised_ssim(case: Case) -> Curve:
    """The same by structural similarity."""
    found = case.sanity.ssim
    number = found[0] if case.sanity.order == "cascading" else found.max()
    return Curve(case.sanity.shares, found, float(number))


def other_class(case: Case) -> float:
    """Rank correlation with the map of another class."""
    return other_class_correlation(
        case.model,
        case.picture,
        case.method,
        case.aim,
        seed=case.seed,
        parameters=case.parameters,
    )
