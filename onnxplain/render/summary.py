"""One picture of one method in two sentences, before any figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from onnxplain.adapters.parity import TOLERANCE
from onnxplain.explanations.contents import PROBABILITY_MOVES
from onnxplain.explanations.place import place_of
from onnxplain.methods import Method, known
from onnxplain.targets.classes import ClassScore
from onnxplain.text import shown

if TYPE_CHECKING:
    from onnxplain.explanations.contents import Contents

# From which share of the score on a map counts as complete, and below which only its shape
# counts; docs/reading.md has the measurements.
GOOD, POOR = 0.9, 0.5
# Standard error of a sampled map, as a share of its range, up to which its places are settled.
SETTLED = 0.05
# How far rounding, to steps of an int8 output too, may take a sum of shares from one.
_ONE = 0.02
# Units of numbers that something speaks for or against; any other one is raised or lowered.
_EVIDENCE = ("logit", "probability", "score", "likeness", "cosine")
# What the strong end of a method's colours shows, by the card's word for it.
_SHOWN = {
    "for": "The evidence for it is",
    "against": "The evidence against it is",
    "raises": "The pixels that raise or lower its score most are",
    "positive": "The strongest values of the averaged method are",
    "strong effect": "The pixels that its score depends on most are",
    "varies": "What varies most under noise is",
    "much of the score": "What its score rests on is",
    "much attention": "What gets most attention, whatever the class, is",
    "stands out": "What stands out to the network, whatever the class, is",
}


def sentences(explanation: Contents) -> list[str]:
    """Say what was explained, where its evidence is, and whether the map can be believed.

    Where the map was judged among blind ones (`explain --trust`), a third sentence says so.
    """
    card = known(explanation.method)
    found = [f"{_said(explanation)} {_where(explanation, card)}", _belief(explanation, card)]
    judged = verdict_of(explanation)
    return [*found, f"Trust: {judged['sentence']}."] if judged else found


def verdict_of(explanation: Contents) -> Mapping[str, str]:
    """Return what was found when the map was judged among blind ones; empty if it was not.

    Anybody may have written a saved explanation: what is not a verdict counts as none.
    """
    found = explanation.notes.get("trust")
    texts = ("verdict", "sentence")
    if isinstance(found, Mapping) and all(isinstance(found.get(key), str) for key in texts):
        return {key: shown(found[key]) for key in texts}
    return {}


def _said(explanation: Contents) -> str:
    """What the model says of the target."""
    target = explanation.target
    if not isinstance(target, ClassScore):
        return f"{_capital(target.describe())}: {explanation.score:.3g}."
    what = f"{'not ' * target.negative}{_name(explanation, target.index)}{target.where}"
    what = _capital(what) + _against(explanation, target)
    scores = np.asarray(explanation.scores, np.float64).ravel()
    if target.index >= len(scores):
        return f"{what}."
    own, best = float(scores[target.index]), int(np.argmax(scores))
    if explanation.unit == "area":
        return f"{what}; it is predicted on {_share(own)} of the picture."
    if explanation.unit != "probability":
        return f"{what}, {explanation.unit} {own:.3g}{_rather(explanation, best, '')}."
    sure = f"{what}, {_share(1 - own if target.negative else own)} sure"
    # Labels that do not compete have no preferred one.
    competing = abs(scores.sum() - 1) < _ONE and not target.negative
    return f"{sure}{_rather(explanation, best, _share(scores[best])) if competing else ''}."


def _rather(explanation: Contents, best: int, value: str) -> str:
    """Which class the model says instead."""
    if getattr(explanation.target, "index", best) == best:
        return ""
    return f"; the model says {_name(explanation, best)}{f', {value}' if value else ''}"


def _against(explanation: Contents, target: ClassScore) -> str:
    if target.contrast is not None:
        return f" rather than {_name(explanation, target.contrast)}"
    return " rather than the next best class" if target.margin else ""


def _name(explanation: Contents, index: int) -> str:
    return explanation.labels.get(index, "") or f"class {index}"


def _share(value: float) -> str:
    """Write a share in whole percent, unless that says none or all of what is neither."""
    whole = f"{100 * value:.0f}"
    if whole == "0" and value > 0:
        return "under 1 %"
    return "over 99 %" if whole == "100" and value < 1 else f"{whole} %"


def _where(explanation: Contents, card: Method | None) -> str:
    both = card is not None and card.ends[1] in ("raises", "positive")
    heatmap = explanation.heatmap()
    place = place_of(np.abs(heatmap) if both else heatmap)
    strong = card.ends[1] if card is not None else ""
    if place is None:
        return "The map shows no evidence for it."
    shown = _SHOWN.get(strong, "What the map shows most of is")
    if strong == "for" and explanation.target.unit not in _EVIDENCE:
        shown = "What raises it is"
    return f"{shown} {place.words} ({_share(place.area)} of the picture)."


def _belief(explanation: Contents, card: Method | None) -> str:
    """Whether the map can be believed, from what was measured."""
    measures = explanation.measures
    said, verdict = [], "Can be read"
    error = measures.get("parity_error")
    if error is not None and error > measures.get("parity_tolerance", TOLERANCE):
        said.append("the engines disagree, so this is not the deployed model")
        verdict = "Do not rely on it"
    elif error is not None:
        said.append("the engines agree")
    elif "slope_error" in measures:
        said.append("its derivatives agree with differences of the deployed file's scores")
    elif explanation.provenance.get("precision") == "as the file":
        said.append("computed by the deployed file itself")
    else:
        said.append("the engines were not compared")
    if PROBABILITY_MOVES in explanation.notes:
        said.append("its logit is explained, because its probability hardly changes")
    share = accounted(explanation)
    if share is not None:
        off = abs(share - 1)
        text = f"{_share(share)} of the score is accounted for"
        if share < 0 or share > 2 - GOOD:
            text = f"its numbers add up to {_share(share)} of the score"
        if off > 1 - POOR:
            text += ", so read its shape, not its size"
        elif off > 1 - GOOD:
            text += ", so take its size with care"
        said.append(text)
    noise = measures.get("relative_error")
    if noise is not None and not noise <= SETTLED:  # unknown as well
        said.append("few samples were drawn, so the map may still change")
        verdict = "Read with care" if verdict == "Can be read" else verdict
    if card is not None and not card.class_discriminative:
        said.append("another class would give much the same map")
    judged = verdict_of(explanation).get("verdict")
    if judged is None:
        said.append("not compared with control maps on this model (`onnxplain evaluate`)")
    if judged == "no method does":
        verdict = "Do not rely on it"
    if explanation.warnings:
        verdict = "Do not rely on it before you have read the warning"
    return f"{verdict}: {'; '.join(said)}."


def accounted(explanation: Contents) -> float | None:
    """Share of the score that the numbers of the map add up to; ``None`` if none is promised."""
    measures = explanation.measures
    if "channels" in explanation.parameters and explanation.parameters["channels"] is not None:
        return None
    if "conservation" in measures:
        return float(measures["conservation"])
    gap = measures.get("completeness_gap")
    return None if gap is None else 1.0 - float(gap)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
