"""The first lines of a report tell what failed, before anything else."""

import json

import pytest

from onnxplain.report.again import read_again
from onnxplain.report.verdict import silent_measures, trusted_first, untrusted, verdict
from onnxplain.report.write import write_report

FAILED = "fails: the map hardly depends on what the network has learned (0.93 is left)"


@pytest.fixture
def changed(audited):
    folder, record, _ = audited

    def change(**parts):
        (folder / "record.json").write_text(json.dumps({**record, **parts}))
        return read_again(folder)[0]

    return change


def test_a_failed_sanity_check_is_in_the_headline(changed, audited, tmp_path):
    passed = {**audited[1]["sanity"][0], "method": "lrp"}
    ran = [passed, {**passed, "method": "grad-cam", "verdict": FAILED}]
    shown = changed(sanity=ran, failures=[])
    assert untrusted(shown.record) == shown.verdict.failed
    (text,) = shown.verdict.failed
    assert "grad-cam" in text
    assert FAILED in text
    page, brief = (f.read_text("utf-8") for f in write_report(tmp_path / "out", shown))
    head = page[page.index("<body>") : page.index("<main")]
    assert "1 thing failed" in head
    assert head.index(FAILED) < head.index('<ul class="key">')
    assert brief.index("1 thing failed") < brief.index("data:")


def test_the_report_opens_with_the_method_that_passed(changed, audited):
    shown = changed(sanity=[{**audited[1]["sanity"][0], "method": "grad-cam", "verdict": FAILED}])
    assert trusted_first(shown.record) == shown.methods == ["lrp", "grad-cam"]


def test_a_map_that_stays_for_another_class_fails_too(changed, audited):
    entry = {**audited[1]["sanity"][0], "other_class": 0.9, "other_class_verdict": FAILED}
    (text,) = changed(sanity=[entry], failures=[]).verdict.failed
    assert text.startswith("sanity check of grad-cam: fails")


def test_what_was_not_checked_is_open(changed):
    shown = changed(sanity=[], failures=[])
    assert shown.verdict.failed == []
    assert any("was not checked" in text for text in shown.verdict.open)


def test_insertion_from_a_picture_that_is_known_says_little(changed, audited):
    curves = [
        {**c, "mean": [0.9 + 0.1 * k / 32 for k in range(33)]}
        for c in audited[1]["curves"]
        if c["measure"] == "insertion"
    ]
    shown = changed(curves=curves)
    assert set(silent_measures(shown.record)) == {("grad-cam", "insertion"), ("lrp", "insertion")}
    assert any("insertion says little here (grad-cam, lrp)" in t for t in shown.verdict.open)


def test_accuracy_has_its_interval(changed):
    shown = changed()
    said = shown.record.predictions
    found = verdict(shown.record, None, 0).found[0]
    assert found.startswith(f"{said.right} of {said.labelled} labelled pictures")
    assert "95 % interval" in found
