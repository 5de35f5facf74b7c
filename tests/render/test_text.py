"""Lines end where the font says so."""

import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from onnxplain.render.text import broken


def inches(text, size):
    font = FontProperties(size=size)
    return TextToPath().get_text_width_height_descent(text, font, False)[0] / 72


@pytest.mark.parametrize("text", ["a few words that go on and on " * 5, "w" * 200, "i" * 200])
@pytest.mark.parametrize("width", [0.8, 3.0])
def test_no_line_is_wider_and_nothing_is_lost(text, width):
    lines = broken([text], width, 8)
    assert max(inches(line, 8) for line in lines) <= width
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert len(lines) > 1


def test_each_text_starts_a_line():
    assert broken(["one", "", "two\nthree"], 5.0, 8) == ["one", "", "two three"]
