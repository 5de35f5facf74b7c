"""Suspected places of a record: what they hold and what they do, found again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from onnxplain.audit.records.pictures import Done, Picture
from onnxplain.audit.records.plain import Unsaid
from onnxplain.audit.records.record import Head, Record
from onnxplain.audit.records.summaries import SuspectSum, TriedPlace
from onnxplain.audit.shortcuts.places import Box
from onnxplain.audit.shortcuts.transplant import mark, mean_rise
from onnxplain.audit.verify.check import Check
from onnxplain.audit.zones import SIDE
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model

# The mean map that a strength is reckoned from has six digits.
_ROUNDED = 1e-3
# Of a mean probability, on other machines.
_RISE = 5e-3


def strengths(record: Head) -> Check:
    """Compare the strength of each place with what the record's mean map has there.

    Parameters
    ----------
    record : Head
        See `onnxplain.audit.record.read_record`.
    """
    check = Check("suspects by place (from mean maps)", _ROUNDED)
    classes = {(c.index, c.method): c for c in record.classes}
    for where, suspect, box in _places(record):
        known = classes.get((suspect.index, suspect.method))
        check.equal(known is not None, True, f"the class of {where}")
        if known is not None:
            check.equal(suspect.count, known.count, f"{where}.count")
            left, top, right, bottom = (round(SIDE * edge) for edge in box)
            window = np.array(known.mean_map)[top:bottom, left:right]
            share = window.size / SIDE**2
            held = float(window.sum()) / share if share else 0.0
            check.near(suspect.strength, held, f"{where}.strength")
    return check


def rises(record: Record, model: Model, by_name: Mapping[str, Sample]) -> Check:
    """Put each place into the same pictures of other classes again, and compare its content.

    Parameters
    ----------
    record : Record
        See `onnxplain.audit.record.read_record`.
    model : Model
        The model.
    by_name : mapping of str to Sample
        The data set.
    """
    check = Check("suspects by place: tried again", _RISE)
    pictures = {p.number: p for p in record.pictures if p.name in by_name}
    for where, suspect, box in _places(record):
        tried, index = suspect.transplant, suspect.index
        if not isinstance(tried, TriedPlace):  # a record of format 1
            continue
        given, taken = ([pictures.get(n) for n in part] for part in (tried.donors, tried.hosts))
        own = [_explains(p, index) for p in given]
        check.equal(all(own) and bool(own), True, f"the donors of {where}")
        others = [p is not None and not _is_of(p, index) for p in taken]
        check.equal(all(others) and bool(others), True, f"the hosts of {where}")
        if check.reproduces and index is not None and index < model.task.count:
            donors, hosts = ([by_name[p.name] for p in part if p] for part in (given, taken))
            rise = mean_rise(model, index, box, donors, hosts)
            check.near(tried.rise, rise, f"{where}.transplant.rise")
            same, way, steady = mark(model, index, box, donors, hosts)
            check.near(tried.same, same, f"{where}.transplant.same")
            for key, known, again in (("way", tried.way, way), ("steady", tried.steady, steady)):
                if not isinstance(known, Unsaid):  # a record before format 5
                    check.near(known, again, f"{where}.transplant.{key}")
    return check


def _explains(picture: Picture | None, index: int | None) -> bool:
    return isinstance(picture, Done) and picture.explained == index


def _is_of(picture: Picture, index: int | None) -> bool:
    """Whether a picture is predicted or explained as a class."""
    return isinstance(picture, Done) and index in (picture.predicted, picture.explained)


def _places(record: Head) -> Iterator[tuple[str, SuspectSum, Box]]:
    for k, suspect in enumerate(record.suspects):
        if suspect.box is not None:
            left, top, right, bottom = suspect.box
            yield f"suspects[{k}]", suspect, (left, top, right, bottom)
