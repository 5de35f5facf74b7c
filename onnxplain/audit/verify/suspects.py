"""Suspected places of a record: what they hold and what they do, found again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from onnxplain.audit.shortcuts.transplant import mean_rise, sameness
from onnxplain.audit.verify.check import Check
from onnxplain.audit.zones import SIDE
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model

# The mean map that a strength is reckoned from has six digits.
_ROUNDED = 1e-3
# Of a mean probability, on other machines.
_RISE = 5e-3


def strengths(record: Mapping[str, Any]) -> Check:
    """Compare the strength of each place with what the record's mean map has there.

    Parameters
    ----------
    record : mapping
        See `onnxplain.audit.record.read_record`.
    """
    check = Check("suspects by place (from mean maps)", _ROUNDED)
    classes = {(c["index"], c["method"]): c for c in record["classes"]}
    for where, suspect in _places(record):
        known = classes.get((suspect["index"], suspect["method"]))
        check.equal(known is not None, True, f"the class of {where}")
        if known is not None:
            check.equal(suspect["count"], known["count"], f"{where}.count")
            left, top, right, bottom = (round(SIDE * edge) for edge in suspect["box"])
            window = np.array(known["mean_map"])[top:bottom, left:right]
            share = window.size / SIDE**2
            held = float(window.sum()) / share if share else 0.0
            check.near(suspect["strength"], held, f"{where}.strength")
    return check


def rises(record: Mapping[str, Any], model: Model, by_name: Mapping[str, Sample]) -> Check:
    """Put each place into the same pictures of other classes again, and compare its content.

    Parameters
    ----------
    record : mapping
        See `onnxplain.audit.record.read_record`.
    model : Model
        The model.
    by_name : mapping of str to Sample
        The data set.
    """
    check = Check("suspects by place: tried again", _RISE)
    pictures = {p["number"]: p for p in record["pictures"] if p["name"] in by_name}
    for where, suspect in _places(record):
        tried, index = suspect.get("transplant"), suspect["index"]
        if tried is None:  # a record of format 1
            continue
        given, taken = ([pictures.get(n) for n in tried[key]] for key in ("donors", "hosts"))
        own = [p is not None and p.get("explained") == index for p in given]
        check.equal(all(own) and bool(own), True, f"the donors of {where}")
        others = [p is not None and index not in (p.get("predicted"), p.get("explained"))
                  for p in taken]  # fmt: skip
        check.equal(all(others) and bool(others), True, f"the hosts of {where}")
        if check.reproduces and index < model.network.classes:
            donors, hosts = ([by_name[p["name"]] for p in part if p] for part in (given, taken))
            rise = mean_rise(model, index, suspect["box"], donors, hosts)
            check.near(tried["rise"], rise, f"{where}.transplant.rise")
            same = sameness(model, suspect["box"], donors, hosts)
            check.near(tried["same"], same, f"{where}.transplant.same")
    return check


def _places(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for k, suspect in enumerate(record["suspects"]):
        if suspect["box"] is not None:
            yield f"suspects[{k}]", suspect
