"""A method's warning is a line in the terminal, a field in JSON, and words below the picture."""

import json

import numpy as np
import pytest

from onnxplain import Explanation
from onnxplain.render.sheet import sheet
from tests.made_explanations import made
from tests.readable import require_readable
from tests.render.pages import words

FEW = ("-m", "integrated-gradients", "-p", "steps=1", "-p", "max_steps=1")


def texts(page):
    return " ".join(words(page).split())


def test_terminal_file_and_picture_say_the_same(explain):
    found = explain(*FEW)
    assert found.exit_code == 0
    (warning,) = Explanation.load(explain.folder / "3-10.integrated-gradients.npz").warnings
    lines = found.stdout.splitlines()
    start = lines.index("integrated-gradients of 3 (3) above the mean of the others, logit")
    assert lines[start + 2].startswith("  Do not rely on it before you have read the warning: ")
    assert lines[start + 3] == f"  warning: {warning}"
    saved = Explanation.load(explain.folder / "3-10.integrated-gradients.npz")
    assert f"warning: {warning}" in texts(sheet([saved]))
    enough = explain("-m", "integrated-gradients")
    assert "warning:" not in enough.stdout


def test_the_document_has_them(explain):
    (record,) = json.loads(explain(*FEW, "--json").stdout)["images"][0]["explanations"]
    (warning,) = record["warnings"]
    assert warning.startswith("completeness gap")
    (enough,) = json.loads(explain("-m", "lrp", "--json").stdout)["images"][0]["explanations"]
    assert enough["warnings"] == []
    assert enough["seconds"] > 0


@pytest.mark.parametrize("method", ["lrp", "grad-cam"])
def test_long_warnings_fit_below_the_picture(method):
    text = "the numbers explode at Add 'blocks/" + "layer." * 30 + "Add_output_0'; use another one"
    display = "signed" if method == "lrp" else "positive"
    explanation = made(np.eye(4), method=method, display=display, warnings=(text, text))
    figure = sheet([explanation])
    require_readable(figure)
    assert texts(figure).replace(" ", "").count(f"warning:{text}".replace(" ", "")) == 2
