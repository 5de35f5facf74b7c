"""Every measure by name, with what a person has to know to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from onnxplain.errors import UnknownNameError
from onnxplain.evaluate import case_measures as asks
from onnxplain.evaluate import (
    imputed_regions,
    kept_evidence,
    localisation,
    parsimony,
    relative_stability,
    road,
    single_deletion,
    strong_features,
)
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.question import has_rivals
from onnxplain.evaluate.removal import Curve

Needs = Literal[
    "mask", "label", "method", "attribution", "classes", "rivals", "probability", "nothing"
]
Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Measure:
    """A measure and how to read it.

    Attributes
    ----------
    name : str
        Lower case with hyphens.
    function : callable
        From a `Case` to a number, or to a curve whose area is the number.
    needs : str
        What the case must have; "method": it cannot be asked of a control map;
        "attribution": nor of one that is not in the input's shape; "classes": pictures of
        four classes, which are put into one; "rivals": a class among others, and a method;
        "probability": a score that is one.
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
            "attribution": case.explanation is not None
            and case.explanation.attribution.shape == case.picture.x.shape[1:],
            "classes": False,
            "rivals": case.parameters is not None and has_rivals(case.model, case.target),
            # Of another score the measure itself says why it has no number.
            "probability": True,
            "nothing": True,
        }[self.needs]


_ORAMAS = "Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302"
_CLEVR = "Arras, Osman, Samek 2022, arXiv:2003.07258"
_PETSIUK = "Petsiuk, Das, Saenko 2018, arXiv:1806.07421"
_KUMAR = "Kumar, Wong, Taylor 2017, arXiv:1704.04133"
_CHATTOPADHAY = "Chattopadhay et al. 2018, arXiv:1710.11063"
_RONG = "Rong et al. 2022, arXiv:2202.00449"
_AGARWAL = "Agarwal et al. 2022, arXiv:2203.06877"
MEASURES: Mapping[str, Measure] = {
    m.name: m
    for m in (
        Measure(
            "mean-iou",
            asks.overlap,
            "mask",
            "higher",
            "overlap with the mask, mean of 20 cuts",
            _ORAMAS,
        ),
        Measure(
            "best-iou",
            asks.located(localisation.best_iou),
            "mask",
            "higher",
            "overlap with the mask at the cut that suits it best",
            _ORAMAS,
        ),
        Measure(
            "iou-at-area",
            asks.located(localisation.iou_at_area),
            "mask",
            "higher",
            "overlap with the mask when as many pixels are taken as it has",
            _CLEVR,
        ),
        Measure(
            "pointing-game",
            asks.located(localisation.pointing_game),
            "mask",
            "higher",
            "whether the strongest place lies in or close to the mask",
            "Zhang et al. 2018, arXiv:1608.00507",
        ),
        Measure(
            "energy-in-mask",
            asks.located(localisation.energy_in_mask),
            "mask",
            "higher",
            "share of the positive evidence that lies in the mask",
            _CLEVR,
        ),
        Measure(
            "rank-accuracy",
            asks.located(localisation.rank_accuracy),
            "mask",
            "higher",
            "share of the mask among as many strongest pixels",
            _CLEVR,
        ),
        Measure(
            "roc-auc",
            asks.located(localisation.roc_auc),
            "mask",
            "higher",
            "chance that a pixel of the mask is above one outside",
            _CLEVR,
        ),
        Measure(
            "grid-pointing",
            asks.located(localisation.energy_in_mask),
            "classes",
            "higher",
            "share of the positive evidence in the right one of four pictures; chance is 0.25",
            "Böhle, Fritz, Schiele 2021, arXiv:2104.00032",
        ),
        Measure(
            "deletion",
            asks.deletion,
            "nothing",
            "lower",
            "score of the target, mean over blackening the strongest pixels first",
            _PETSIUK,
        ),
        Measure(
            "insertion",
            asks.insertion,
            "nothing",
            "higher",
            "score of the target, mean over unblurring the strongest pixels first",
            _PETSIUK,
        ),
        Measure(
            "sensitivity-n",
            asks.n_pixels,
            "nothing",
            "higher",
            "correlation of summed evidence with the effect of blackening random pixels",
            "Ancona et al. 2018, arXiv:1711.06104",
        ),
        Measure(
            "infidelity",
            asks.squares,
            "nothing",
            "lower",
            "error of evidence as prediction of what black squares do; their area alone has 1",
            "Yeh et al. 2019, arXiv:1901.09392",
        ),
        Measure(
            "completeness",
            asks.completeness,
            "attribution",
            "lower",
            "relative gap of the sum to the change of the score against a black picture",
            "Sundararajan, Taly, Yan 2017, arXiv:1703.01365",
        ),
        Measure(
            "max-sensitivity",
            asks.noise,
            "nothing",
            "lower",
            "largest relative change of the map under invisible noise",
            "Yeh et al. 2019, arXiv:1901.09392",
        ),
        Measure(
            "shift-consistency",
            asks.shifted,
            "nothing",
            "higher",
            "rank correlation with the maps of shifted pictures, shifted back",
            "this project",
        ),
        Measure(
            "jpeg-consistency",
            asks.compressed,
            "nothing",
            "higher",
            "rank correlation with the map of the picture as JPEG of quality 75",
            "this project",
        ),
        Measure(
            "randomisation",
            asks.randomised,
            "method",
            "lower",
            "rank correlation that is left when the last layers lose their weights",
            "Adebayo et al. 2018, arXiv:1810.03292",
        ),
        Measure(
            "randomisation-ssim",
            asks.randomised_ssim,
            "method",
            "lower",
            "the same by structural similarity",
            "Adebayo et al. 2018, arXiv:1810.03292",
        ),
        Measure(
            "other-class",
            asks.other_class,
            "rivals",
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
            "the same when only the strongest pixels are left (a fifth by default)",
            _KUMAR,
        ),
        Measure(
            "accuracy-without-strong",
            strong_features.without_strong,
            "label",
            "lower",
            "the same when the strongest pixels are black (a fifth by default)",
            _KUMAR,
        ),
        Measure(
            "single-deletion",
            single_deletion.single_deletion,
            "nothing",
            "higher",
            "rank correlation of the evidence in single patches with the score's drop",
            "Alvarez-Melis, Jaakkola 2018, arXiv:1806.07538",
        ),
        Measure(
            "road",
            road.most_relevant_first,
            "nothing",
            "lower",
            "score of the target, mean over imputing the strongest 10 to 90 % of the pixels",
            _RONG,
        ),
        Measure(
            "road-least-first",
            road.least_relevant_first,
            "nothing",
            "higher",
            "the same with the weakest pixels imputed first",
            _RONG,
        ),
        Measure(
            "imputed-regions",
            imputed_regions.imputed_regions,
            "nothing",
            "higher",
            "rank correlation of the evidence in random regions with the drop if they are imputed",
            _RONG,
        ),
        Measure(
            "relative-input-stability",
            relative_stability.relative_input_stability,
            "nothing",
            "lower",
            "largest relative change of the map for a relative change of the input",
            _AGARWAL,
        ),
        Measure(
            "relative-output-stability",
            relative_stability.relative_output_stability,
            "nothing",
            "lower",
            "largest relative change of the map for a change of the answer",
            _AGARWAL,
        ),
        Measure(
            "average-drop",
            kept_evidence.average_drop,
            "probability",
            "lower",
            "share of the probability that is lost when the map's evidence alone is left",
            _CHATTOPADHAY,
        ),
        Measure(
            "increase-in-confidence",
            kept_evidence.increase,
            "probability",
            "higher",
            "whether the probability rises when the map's evidence alone is left",
            _CHATTOPADHAY,
        ),
        Measure(
            "complexity",
            parsimony.complexity,
            "nothing",
            "lower",
            "entropy of the pixels' shares in the map's magnitude, in nats",
            "Bhatt, Weller, Moura 2020, arXiv:2005.00631",
        ),
        Measure(
            "sparseness",
            parsimony.sparseness,
            "nothing",
            "higher",
            "Gini index of the map's magnitude",
            "Chalasani et al. 2020, arXiv:1810.06583",
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
