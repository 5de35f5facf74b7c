"""The rate that is printed with each verdict is one that was measured."""

from pathlib import Path

from onnxplain.evaluate.choose.rate import FALSE, MAPS, said_rate
from onnxplain.evaluate.significance import share_interval


def test_the_rate_is_below_what_is_allowed():
    assert MAPS >= 400
    assert share_interval(FALSE, MAPS)[1] < 0.05


def test_it_is_said_as_the_documentation_has_it():
    assert f"{MAPS:,} maps" in said_rate()
    page = (Path(__file__).parents[3] / "docs" / "trust.md").read_text("utf-8")
    assert f"{FALSE} of {MAPS:,} maps" in page
    assert "python -m benchmarks.trust" in page
