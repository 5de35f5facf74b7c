"""A picture in a record: what earlier versions left out has the meaning that it had then."""

import pytest
from audit.made_results import picture, spot

from onnxplain.audit.records.pictures import Done, Failed, Picture, SanityPicture
from onnxplain.audit.records.plain import UNSAID, build, plain


def made(**changes):
    value, _ = picture(1, spot(0, 0), **changes)
    return build(Picture, {"number": 4, **value})


def test_a_picture_is_done_or_failed():
    assert isinstance(made(), Done)
    data = {"number": 0, "name": "a", "file_sha256": None, "status": "failed", "problem": "?"}
    failed = build(Picture, data)
    assert isinstance(failed, Failed)
    assert failed.mask_sha256 is UNSAID
    assert plain(failed) == data
    assert plain(build(Picture, {**data, "mask_sha256": None}))["mask_sha256"] is None


def test_without_a_unit_numbers_are_probabilities():
    old = made()
    assert (old.unit, old.target_unit, old.value) == ("probability", "probability", 0.9)
    new = made(probability=None, score=-2.5, unit="logit", target_unit="score")
    assert (new.unit, new.target_unit, new.value) == ("logit", "score", -2.5)


def test_without_curves_and_warnings_there_are_none():
    value, _ = picture(1, spot(0, 0))
    del value["methods"]["m"]["curves"]
    result = build(Picture, {"number": 0, **value}).methods["m"]
    assert (result.said_curves, dict(result.curves), list(result.warnings)) == (None, {}, [])
    assert "curves" not in plain(result)


@pytest.mark.parametrize(("label", "wrong"), [(None, False), (1, False), (2, True)])
def test_wrong_is_what_is_known_to_be(label, wrong):
    assert made(label=label).is_wrong == wrong


def test_sanity_of_a_picture():
    checked = {"layers": ["a"], "spearman": [0.5], "ssim": [0.1], "left": 0.5}
    data = {"number": 3, "name": "a", "methods": {"m": checked}}
    found = build(SanityPicture, data)
    assert found.methods["m"].other_class is None
    assert plain(found) == data
