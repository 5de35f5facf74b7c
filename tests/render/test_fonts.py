"""The font is matplotlib's, found without matplotlib."""

import pytest
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.textpath import TextToPath

from onnxplain.render import fonts
from onnxplain.render.fonts import font, width_of


@pytest.fixture(autouse=True)
def fresh():
    yield
    for cached in (fonts.font, fonts._file, fonts.width_of):
        cached.cache_clear()


@pytest.mark.parametrize("weight", ["normal", "bold"])
@pytest.mark.parametrize(
    ("text", "kerned"),
    [("", 0), ("AV To, Wa.", 0.4), ("w" * 50, 0), ("\u00e4\u00c5 \u2212 \u2265 \u00b7", 0)],
)
def test_widths_are_matplotlibs(weight, text, kerned):
    """Letters that matplotlib moves together stay apart here: no line is wider than was said."""
    properties = FontProperties(size=10, weight=weight)
    expected = TextToPath().get_text_width_height_descent(text, properties, False)[0] / 10
    rounded = 0.002 * len(text)
    assert expected - rounded <= width_of(text, weight) <= expected + kerned + rounded


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_where_the_file_is_elsewhere_matplotlib_finds_it(weight, monkeypatch):
    expected = findfont(FontProperties(family="DejaVu Sans", weight=weight))
    assert fonts._file(weight) == expected
    fonts._file.cache_clear()
    monkeypatch.setattr(fonts, "find_spec", lambda name: None)
    assert fonts._file(weight) == expected
    assert font(12.5, weight).size == 12.5
