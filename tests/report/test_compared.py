"""The page of a comparison."""

import numpy as np
import pytest

from onnxplain.compare.comparison import LIKENESS, Comparison, PairOfFiles
from onnxplain.render.comparison import ComparedPhoto
from onnxplain.report.compared import reading, write_comparison
from tests.report.conftest import DIGEST, EVIL
from tests.report.test_page import Page

FILES = ["a.onnx", f"{EVIL}.onnx"]


@pytest.fixture
def found():
    pairs = [
        PairOfFiles(
            f"{k}.png", *FILES, k != 2, 0.1, {"lrp": dict.fromkeys(LIKENESS, v)}, {"lrp": 0.1}
        )
        for k, v in enumerate((0.95, 0.9, 0.99))
    ]
    model = {"sha256": DIGEST, "preprocess_sha256": DIGEST}
    model["preprocess"] = {"name": "made", "layout": "NHWC", "size": [8, 8]}
    asked = {
        "models": [{"name": name, **model} for name in FILES],
        "pictures": 3,
        "methods": {"lrp": {"epsilon": 1e-6}},
        "seed": 0,
        "versions": {"onnxplain": "0.1.0"},
    }
    return Comparison(FILES, pairs, [], ["x.png: cannot read image"], asked)


@pytest.mark.parametrize("gray", [False, True])
def test_its_page(found, tmp_path, gray):
    maps = {"lrp": {name: np.eye(112) for name in FILES}}
    pixels = np.zeros((80, 90) if gray else (80, 90, 3), np.uint8)
    photo = ComparedPhoto("2.png", pixels, dict.fromkeys(FILES, "cat 90%"), maps)
    path = write_comparison(tmp_path, found, [photo])
    text = path.read_text("utf-8")
    page = Page(text)
    assert EVIL not in text
    assert EVIL in page.texts["h1"]
    assert len([a for a in page.all("img") if a.get("class") == "layer"]) == 2
    assert all(a["src"].startswith("data:image/") and a["alt"] for a in page.all("img"))
    assert len(page.all("table")) == len(page.all("caption")) == 2
    assert text.index("2.png</th>") < text.index("1.png</th>") < text.index("0.png</th>")
    assert "Left out: x.png: cannot read image" in text


def test_without_photos(found, tmp_path):
    page = Page(write_comparison(tmp_path, found, []).read_text("utf-8"))
    assert page.all("input") == page.all("img") == []
    assert "#photos" not in [a["href"] for a in page.all("a")]


@pytest.mark.parametrize(
    ("low", "high", "control", "said"),
    [
        (0.95, 0.99, 0.3, "the reasons are the same"),
        (0.85, 0.95, 0.3, "is open"),
        (0.5, 0.7, 0.3, "not the same"),
        (0.2, 0.7, 0.3, "may be as different"),
        (0.9, 0.9, None, "no control"),
    ],
)
def test_its_words(low, high, control, said):
    assert said in reading({"low": low, "high": high, "control": control})
