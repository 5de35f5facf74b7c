"""A wrong derivative is caught, however large the rounding; rounding alone is none."""

import numpy as np
import pytest

import onnxplain
from onnxplain.errors import ParityError
from onnxplain.export import check
from onnxplain.export.export import export
from onnxplain.symbolic.registry import RULES

GAP, VIT = "models/digits-gap.onnx", "models/digits-vit.onnx"
PICTURE = "examples/digits/3-10.png"


def made(path, out, *methods):
    return export(onnxplain.load(path), path, out, methods, picture=PICTURE, steps=5)


def off_by(rule, factor):
    def wrong(at):
        return [None if s is None else at("Mul", s, factor) for s in rule(at)]

    return wrong


@pytest.mark.parametrize(
    ("path", "operator", "method"),
    [
        (GAP, "Conv", "gradient"),
        (GAP, "Relu", "integrated-gradients"),
        (GAP, "Gemm", "grad-cam"),
        (VIT, "Softmax", "gradient"),
        (VIT, "LayerNormalization", "gradient"),
    ],
)
def test_a_rule_that_is_off_by_half_a_percent_is_caught(
    path, operator, method, tmp_path, monkeypatch
):
    assert made(path, tmp_path / "right.onnx", method).maps[0].error < 1e-4
    monkeypatch.setitem(RULES, operator, off_by(RULES[operator], 1.005))
    with pytest.raises(ParityError, match="if both are computed in float64"):
        made(path, tmp_path / "wrong.onnx", method)
    assert not (tmp_path / "wrong.onnx").exists()


def test_it_is_caught_where_onnx_runtime_was_asked_for_gradients(tmp_path, monkeypatch):
    monkeypatch.setitem(RULES, "Conv", off_by(RULES["Conv"], 1.005))
    model = onnxplain.load(GAP, engine="onnxruntime")
    with pytest.raises(ParityError, match="if both are computed in float64"):
        export(model, GAP, tmp_path / "wrong.onnx", ["gradient"], picture=PICTURE)


@pytest.mark.parametrize("method", ["grad-cam", "gradient", "integrated-gradients"])
def test_without_rounding_a_map_is_that_of_the_engine(method, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "_CLOSE", -1.0)
    (found,) = made(GAP, tmp_path / "out.onnx", method).maps
    # Constants and outputs are rounded to float32.
    assert 0 < found.exact < 1e-7


def test_rectifiers_that_rounding_switches_hide_no_wrong_derivative():
    check._judge("gradient", exact=1e-8, mine=9e-3, engine=1e-7)
    check._judge("gradient", exact=1e-8, mine=0.3, engine=0.2)
    with pytest.raises(ParityError, match=r"0\.005 of its size if both are computed in float64"):
        check._judge("gradient", exact=5e-3, mine=9e-3, engine=9e-3)
    with pytest.raises(ParityError, match="nothing was written"):
        check._judge("gradient", exact=np.nan, mine=0.0, engine=0.0)


def test_a_derivative_that_rounds_badly_is_refused():
    with pytest.raises(
        ParityError, match=r"0\.05 of its size, and rounding in that engine makes 0.02"
    ):
        check._judge("gradient", exact=1e-8, mine=0.05, engine=0.02)


@pytest.mark.parametrize("wrong", [np.nan, 1.05, 0.0])
def test_a_wrong_map_is_not_written(tmp_path, monkeypatch, wrong):
    real = check.run

    def spoilt(session, feeds, names):
        found = real(session, feeds, names)
        return {n: v * np.float32(wrong) if n == "attribution" else v for n, v in found.items()}

    monkeypatch.setattr(check, "run", spoilt)
    out = tmp_path / "out.onnx"
    with pytest.raises(ParityError, match="gradient in the file differs"):
        export(onnxplain.load(GAP), GAP, out, ["gradient"], picture=PICTURE)
    assert not out.exists()
