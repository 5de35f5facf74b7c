"""Results show themselves in notebooks: pictures or tables, and nothing of a file is markup."""

import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import onnxplain
from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.compare.compare import compare
from onnxplain.evaluate.evaluation import Evaluation, MeanCurve, Row
from onnxplain.inputs.dataset import read_dataset, spread
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.text import html_table
from tests.report.conftest import DIGEST, made_record, picture

GAP, SOFTMAX = "models/digits-gap.onnx", "models/digits-softmax.onnx"
DIGIT = "examples/digits/3-10.png"


class Cells(HTMLParser):
    """Cells of a table, and every tag in it."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.tags = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.cells.append(data)


@pytest.fixture(scope="module")
def model():
    return onnxplain.load(GAP)


def test_text_is_escaped_and_numbers_are_short():
    found = Cells(html_table("<b>", ["a&b"], [["<script>", 0.123456, None, 3]]))
    assert found.cells == ["<b>", "a&b", "<script>", "0.1235", "3"]
    assert found.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}


def test_an_explanation_is_a_picture(model):
    png = model.explain(DIGIT, "cam")._repr_png_()
    assert min(Image.open(io.BytesIO(png)).size) > 100


def test_an_explanation_and_a_prediction_are_one_line_of_text(model):
    """Not their arrays."""
    found = model.explain(DIGIT, "cam")
    assert repr(found) == (
        "<Explanation of 3 (3) above the mean of the others, logit by cam: score "
        f"{found.score:.4g}, 4 x 4 numbers (H, W), 0 warnings>"
    )
    said = repr(model.predict(DIGIT))
    assert said.startswith("<Prediction, probability: 3 0.998")
    assert said.endswith(", ...>")


def test_a_model(model):
    cells = Cells(model._repr_html_()).cells
    assert "digits-gap" in cells[0]
    assert any("classes, from output logits" in c for c in cells)


def test_a_comparison(model):
    other = onnxplain.load(SOFTMAX)
    samples = spread(read_dataset("examples/digits"), 2)
    found = compare([model, other], samples, {"occlusion": {}})
    cells = Cells(found._repr_html_()).cells
    assert {model.name, other.name, "occlusion"} <= set(cells)
    assert f"{found.summary()[0]['spearman']:.4g}" in cells


def test_an_evaluation():
    rows = [Row("a.png", m, "insertion", v) for m, v in (("cam", 0.95), ("random", 0.94))]
    curves = [MeanCurve("cam", "insertion", np.linspace(0, 1, 2), np.array([0.9, 1.0]))]
    cells = Cells(Evaluation(rows, curves, frozenset({"random"}))._repr_html_()).cells
    assert {"insertion", "cam", "(random)", "0.95", "0.94"} <= set(cells)
    assert any("says little here" in c for c in cells)


def test_an_audit():
    recipe = Preprocess("made", "NCHW", (8, 8))
    record = build(Record, made_record([picture(0, "a.png", DIGEST)], recipe))
    cells = Cells(record._repr_html_()).cells
    assert f"audit of {record.model.name}" in cells[0]
    assert "shortcut suspects" in cells
    assert record.data.described in cells
