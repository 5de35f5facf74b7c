"""Curves in a report: every method is drawn, the numbers are those of the record."""

import json

import pytest

from onnxplain.audit.records.pictures import Picture
from onnxplain.audit.records.plain import build
from onnxplain.audit.records.summaries import CurveSum
from onnxplain.report.again import read_again
from onnxplain.report.curves import mean_curves, picture_curves
from onnxplain.report.write import write_report
from tests.report.conftest import EVIL, FALLING, picture
from tests.report.test_page import Page


def mean(method, measure="deletion", **changes):
    quartiles = {"lower_quartile": [0.0] * 33, "upper_quartile": [1.0] * 33}
    found = {"method": method, "measure": measure, "count": 3, "mean": FALLING, **quartiles}
    return CurveSum(**{**found, **changes})


def test_one_chart_a_measure_with_the_methods_in_their_order():
    found = mean_curves(
        [mean("b"), mean("a"), mean("a", "insertion")], ["a", "b", "c"], "probability"
    )
    assert [(c.name, c.reading) for c in found] == [
        ("deletion", "lower lines are better"),
        ("insertion", "higher lines are better"),
    ]
    assert [line.name for line in found[0].chart.lines] == found[0].table.columns == ["a", "b"]
    assert len(found[0].chart.lines[0].band) == 66
    assert "share of pixels removed" in found[0].chart.title
    shares = [share for share, _ in found[0].table.rows]
    assert shares == [k / 8 for k in range(9)]
    assert found[0].table.rows[2][1][0] == "0.750 (0.000 to 1.000)"


def test_a_score_that_is_no_probability_has_its_own_range():
    (found,) = mean_curves([mean("a", upper_quartile=[30.0] * 33)], ["a"], "value")
    assert found.chart.axes[1] == "value"
    assert [tick.text for tick in found.chart.up] == ["0", "7.5", "15", "22.5", "30"]
    same = {name: [5.0] * 33 for name in ("mean", "lower_quartile", "upper_quartile")}
    (found,) = mean_curves([mean("a", **same)], ["a"], "value")
    assert [tick.text for tick in found.chart.up] == ["5", "5.25", "5.5", "5.75", "6"]


def test_a_measure_that_nobody_knows_is_drawn_without_a_reading():
    (found,) = mean_curves([mean("a", EVIL)], ["a"], "probability")
    assert found.reading == ""


def test_a_method_that_did_not_run_has_none():
    assert mean_curves([mean("made up")], ["a"], "probability") == []


def test_those_of_a_picture():
    entry = picture(0, "a.png", "0" * 64)
    entry["methods"]["lrp"] = {**entry["methods"]["lrp"], "curves": {}}
    (found,) = picture_curves(build(Picture, entry))
    assert found.name == "grad-cam"
    assert "deletion and insertion of a.png by grad-cam" in found.chart.title
    assert found.table.rows[1] == (0.25, ["0.750", "0.250"])


def test_every_pictured_example_has_its_own(page):
    text = page.read_text("utf-8")
    photos = text.count('class="photo')
    assert text.count('<details class="plain">') == photos > 0
    assert text.count('class="chart small"') == 2 * photos
    parsed = Page(text)
    assert [a["data-of"] for a in parsed.all("div") if "data-of" in a][:2] == ["grad-cam", "lrp"]
    # Two charts of means, with a line and a band for each method; one of the sanity, and one of
    # how often answers of each probability are right.
    assert len([a for a in parsed.all("svg") if a.get("class") == "chart"]) == 4
    assert len(parsed.all("polygon")) == 4
    assert 'href="#curves"' in text


def test_in_markdown(audited):
    text = write_report(audited[0], read_again(audited[0])[0])[1].read_text("utf-8")
    assert "| deletion: lower lines are better | grad-cam | lrp |\n| ---: | ---: | ---: |" in text
    row = "0.500 (0.250 to 0.707)"
    assert f"| 50 % | {row} | {row} |\n" in text


@pytest.fixture
def old(audited):
    """Folder of an audit by a version that kept no curves."""
    folder, record, _ = audited
    record["format"] = 1
    del record["curves"]
    for entry in record["pictures"]:
        for result in entry.get("methods", {}).values():
            result.pop("curves", None)
    (folder / "record.json").write_text(json.dumps(record))
    return folder


def test_a_record_of_format_1_has_a_report_that_says_what_it_lacks(old):
    shown, lacking = read_again(old, old.parent / "data")
    assert lacking == []
    html, markdown = (p.read_text("utf-8") for p in write_report(old, shown))
    assert "stored only the areas under the curves" in html
    assert 'href="#curves"' not in html
    assert "Deletion and insertion" not in markdown
    assert '<details class="plain">' not in html
