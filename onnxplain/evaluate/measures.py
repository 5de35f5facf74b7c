"""Every measure by name, with what a person has to know to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnknownNameError
from onnxplain.evaluate import localisation, strong_features
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.faithfulness import sensitivity_n
from onnxplain.evaluate.removal import Curve, exchange_curve
from onnxplain.evaluate.robustness import jpeg_consistency, max_sensitivity, shift_consistency
from onnxplain.evaluate.sanity import other_class_correlation, randomisation_check

Needs = Literal["mask", "label", "method", "nothing"]
Better = Literal["higher", "lower", "neither"]
# As in Captum's and Quantus' defaults, but of the input's range: models differ in theirs.
_NOISE = 0.02


@dataclass(frozen=True)
class Measure:
    """A measure and how to read it.

    Attributes
    ----------
    name : str
        Lower case with hyphens.
    function : callable
        From a `Case` to a number, or to a curve whose area is the number.
    needs : {"mask", "label", "method", "nothing"}
        What the case must have; "method": it cannot be asked of a control map.
    better : {"higher", "lower", "neither"}
        Which end speaks for the map.
    summary : str
        One line.
    reference : str
        Where it was published.
    """

    name: str
    function: Callable[[Case], float | Curve]
    needs: Needs
    better: Better
    summary: str
    reference: str

    def applies(self, case: Case) -> bool:
        """Whether a case has what the measure needs."""
        return {
            "mask": case.mask is not None,
            "label": case.label is not None,
            "method": case.parameters is not None,
            "nothing": True,
        }[self.needs]


def _located(
    function: Callable[[NDArray[np.float64], NDArray[np.bool_]], float],
) -> Callable[[Case], float]:
    def measure(case: Case) -> float:
        assert case.mask is not None
        return function(case.heatmap, case.mask)

    return measure


def _iou(case: Case) -> Curve:
    assert case.mask is not None
    at = localisation.thresholds()
    # A mean over the thresholds is the area over [0, 1] of the steps between them.
    return Curve(at, localisation.iou_curve(case.heatmap, case.mask, at), mean=True)


def _deletion(case: Case) -> Curve:
    return _exchange(case, case.picture.x, case.filled("black"))


def _insertion(case: Case) -> Curve:
    return _exchange(case, case.filled("blur"), case.picture.x)


def _exchange(case: Case, start: NDArray[np.float64], end: NDArray[np.float64]) -> Curve:
    subject = case.subject
    return exchange_curve(
        case.score,
        start,
        end,
        case.heatmap,
        subject.spatial_axes,
        batch_size=case.model.network.batch_size,
    )


def _sensitivity_n(case: Case) -> float:
    found = sensitivity_n(
        case.score,
        case.picture.x,
        case.filled("black"),
        case.heatmap,
        case.subject.spatial_axes,
        case.rng,
    )
    return float(np.mean(list(found.values())))


def _max_sensitivity(case: Case) -> float:
    low, high = case.model.preprocess.bounds()
    return max_sensitivity(
        lambda x: case.remap(replace(case.picture, x=x, pixels=case.model.preprocess.decode(x)[0])),
        case.picture.x,
        case.rng,
        radius=_NOISE * (high.astype(np.float64) - low),
    )


def _remap_pixels(case: Case) -> Callable[[NDArray[np.uint8]], NDArray[np.float64]]:
    def explain(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        x = case.model.preprocess.encode(pixels[None])
        return case.remap(replace(case.picture, x=x, pixels=pixels))

    return explain


def _randomisation(case: Case) -> float:
    return randomisation_check(
        case.model,
        case.picture,
        case.method,
        case.target.index,
        seed=case.seed,
        parameters=case.parameters,
    ).left


def _other_class(case: Case) -> float:
    return other_class_correlation(
        case.model,
        case.picture,
        case.method,
        case.target.index,
        seed=case.seed,
        parameters=case.parameters,
    )


_ORAMAS = "Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302"
_CLEVR = "Arras, Osman, Samek 2022, arXiv:2003.07258"
_PETSIUK = "Petsiuk, Das, Saenko 2018, arXiv:1806.07421"
_KUMAR = "Kumar, Wong, Taylor 2017, arXiv:1704.04133"
MEASURES: Mapping[str, Measure] = {
    m.name: m
    for m in (
        Measure(
            "mean-iou", _iou, "mask", "higher", "overlap with the mask, mean of 20 cuts", _ORAMAS
        ),
        Measure(
            "best-iou",
            _located(localisation.best_iou),
            "mask",
            "higher",
            "overlap with the mask at the cut that suits it best",
            _ORAMAS,
        ),
        Measure(
            "iou-at-area",
            _located(localisation.iou_at_area),
            "mask",
            "higher",
            "overlap with the mask when as many pixels are taken as it has",
            _CLEVR,
        ),
        Measure(
            "pointing-game",
            _located(localisation.pointing_game),
            "mask",
            "higher",
            "whether the strongest place lies in or close to the mask",
            "Zhang et al. 2018, arXiv:1608.00507",
        ),
        Measure(
            "energy-in-mask",
            _located(localisation.energy_in_mask),
            "mask",
            "higher",
            "share of the positive evidence that lies in the mask",
            _CLEVR,
        ),
        Measure(
            "rank-accuracy",
            _located(localisation.rank_accuracy),
            "mask",
            "higher",
            "share of the mask among as many strongest pixels",
            _CLEVR,
        ),
        Measure(
            "roc-auc",
            _located(localisation.roc_auc),
            "mask",
            "higher",
            "chance that a pixel of the mask is above one outside",
            _CLEVR,
        ),
        Measure(
            "deletion",
            _deletion,
            "nothing",
            "lower",
            "probability, mean over blackening the strongest pixels first",
            _PETSIUK,
        ),
        Measure(
            "insertion",
            _insertion,
            "nothing",
            "higher",
            "probability, mean over unblurring the strongest pixels first",
            _PETSIUK,
        ),
        Measure(
            "sensitivity-n",
            _sensitivity_n,
            "nothing",
            "higher",
            "correlation of summed evidence with the effect of blackening random pixels",
            "Ancona et al. 2018, arXiv:1711.06104",
        ),
        Measure(
            "max-sensitivity",
            _max_sensitivity,
            "nothing",
            "lower",
            "largest relative change of the map under invisible noise",
            "Yeh et al. 2019, arXiv:1901.09392",
        ),
        Measure(
            "shift-consistency",
            lambda case: shift_consistency(_remap_pixels(case), case.picture.pixels),
            "nothing",
            "higher",
            "rank correlation with the maps of shifted pictures, shifted back",
            "this project",
        ),
        Measure(
            "jpeg-consistency",
            lambda case: jpeg_consistency(_remap_pixels(case), case.picture.pixels),
            "nothing",
            "higher",
            "rank correlation with the map of the picture as JPEG of quality 75",
            "this project",
        ),
        Measure(
            "randomisation",
            _randomisation,
            "method",
            "lower",
            "rank correlation that is left when the last layers lose their weights",
            "Adebayo et al. 2018, arXiv:1810.03292",
        ),
        Measure(
            "other-class",
            _other_class,
            "method",
            "lower",
            "rank correlation with the map of a random other class",
            "Sixt, Granz, Landgraf 2020, arXiv:1912.09818",
        ),
        Measure(
            "accuracy",
            strong_features.whole,
            "label",
            "neither",
            "whether the picture is classified right",
            _KUMAR,
        ),
        Measure(
            "accuracy-strong-only",
            strong_features.only_strong,
            "label",
            "higher",
            "the same when only the strongest fifth of the pixels is left",
            _KUMAR,
        ),
        Measure(
            "accuracy-without-strong",
            strong_features.without_strong,
            "label",
            "lower",
            "the same when the strongest fifth of the pixels is black",
            _KUMAR,
        ),
    )
}


def find_measure(name: str) -> Measure:
    """Look a measure up.

    Raises
    ------
    UnknownNameError
        If there is none of that name; the nearest names are offered.
    """
    key = name.strip().lower().replace("_", "-")
    if key not in MEASURES:
        raise UnknownNameError("measure", name, MEASURES, f"measures: {', '.join(MEASURES)}")
    return MEASURES[key]
