"""The words of a report, explained where they stand and once more at its end."""

from __future__ import annotations

from collections.abc import Mapping

from onnxplain.audit.records.record import Head
from onnxplain.evaluate.measures import MEASURES

# What methods say of themselves: in the record, with every map.
_OWN: Mapping[str, str] = {
    "completeness_gap": "how far the map's values are from adding up to the score; 0 is exact",
    "conservation": "share of the score that the map's values add up to; 1 is exact",
    "parity_error": "relative difference between the two engines' scores; 0 means equal",
    "parity_tolerance": "the parity error up to which the engines count as equal",
    "relevance_in": "sum of the relevance that reaches the picture",
    "relevance_out": "relevance that starts at the score",
    "relative_error": "standard error of a sampled map, as a share of its range",
    "samples": "number of samples in the map",
    "computed": "share of the windows computed; the others are interpolated",
    "dominance": "the strongest class's share of the responses",
    "warnings": "share of the maps that carry a warning",
}

GLOSSARY: Mapping[str, str] = {
    "map": "A number for each place of a picture: evidence for the explained class, or against "
    "it. A map shows what this model uses, not what is right.",
    "evidence": "The part of a map that supports the class. Shares of it add up to 100 %.",
    "95 % interval": "Where the true share lies with 95 % certainty if further pictures are like "
    "these (Wilson's interval). Few pictures make it wide.",
    "by chance": "How likely so large a difference is if there is none (Fisher's exact test, times "
    "the number of classes or groups compared). Below 0.05 it is called a difference.",
    "expected calibration error": "How far the claimed probability is from the share of right "
    "answers, on average over ten steps of probability.",
    "shortcut": "A cue that occurs with a class in these pictures but is not the object itself: a "
    "watermark, a border, a background.",
    "deletion": "The score while pixels are removed, the strongest of the map first. A good map "
    "makes it fall early: a small area under the curve.",
    "insertion": "The score while pixels are inserted into a blurred picture, the strongest first. "
    "A good map makes it rise early: a large area.",
    "sanity check": "The network loses its weights, layer by layer from the output on. A map that "
    "stays the same does not show what the network has learned.",
    "rank correlation": "How alike two maps order the places: 1 the same, 0 unrelated, -1 the "
    "reverse.",
    "quartiles": "A quarter of the pictures lies below the lower one, a quarter above the upper "
    "one.",
    "cluster": "Pictures of one class whose maps are similar.",
}


def class_name(record: Head, index: int | None) -> str:
    """Name of a class or value, or its number.

    Parameters
    ----------
    record : Head
        The record with the labels.
    index : int or None
        ``None`` if it is not known.
    """
    labels = record.model.labels
    if index is None:
        return "not known"
    if not has_classes(record) and not labels:
        return f"number {index}"
    return labels[index] if index < len(labels) and labels[index] else f"class {index}"


def has_classes(record: Head) -> bool:
    """Whether answers can be right or wrong."""
    return record.model.task not in ("values", "embedding", "boxes")


def meaning(measure: str) -> str:
    """Say what a measure is, and which end is better; nothing of an unknown one.

    Parameters
    ----------
    measure : str
        Its name in the record.
    """
    known = MEASURES.get(measure)
    if known is None:
        return _OWN.get(measure, "")
    better = "" if known.better == "neither" else f"; {known.better} is better"
    return known.summary + better


def is_own(measure: str) -> bool:
    """Whether a measure is what a method says of itself, rather than a test of its maps."""
    return measure not in MEASURES
