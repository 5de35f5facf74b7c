"""`onnxplain background`: fitted once, used by prediction difference analysis."""

import numpy as np

from onnxplain import Explanation
from onnxplain.perturb.background import Background

MODEL = "models/digits-gap.onnx"


def test_what_is_fitted_is_used(run, explain, tmp_path):
    path = tmp_path / "b.npz"
    options = ("--window", "2x2", "--padding", "1")
    found = run("background", MODEL, "examples/digits", "-o", path, *options)
    assert found.exit_code == 0
    assert "conditional, window 2 x 2, padding 1, 10 pictures" in found.stdout
    made = Background.load(path)
    assert (made.window, made.padding, made.count, made.shape) == ((2, 2), 1, 10, (1, 8, 8))
    options = ("-m", "prediction-difference", "-p", "samples=3")
    assert explain(*options, "-p", f"background={path}").exit_code == 0
    stored = Explanation.load(explain.folder / "3-10.prediction-difference.npz")
    assert stored.parameters["background_pictures"] == 10
    again = ("-p", "background=examples/digits", "-p", "window=2", "-p", "padding=1")
    assert explain(*options, *again).exit_code == 0
    fitted = Explanation.load(explain.folder / "3-10.prediction-difference.npz")
    np.testing.assert_allclose(fitted.attribution, stored.attribution, atol=1e-4)


def test_what_makes_no_sense_is_said_in_one_line(run, tmp_path):
    for arguments, code, text in (
        (("examples/digits", "-o", tmp_path / "b.bin"), 2, "stored as .npz"),
        (("examples/digits", "-o", tmp_path / "b.npz", "--window", "9"), 2, "window (9, 9)"),
        (("examples/digits", "-o", tmp_path / "b.npz", "--sampler", "x"), 2, "unknown sampler"),
        ((tmp_path, "-o", tmp_path / "b.npz"), 4, "no pictures"),
    ):
        found = run("background", MODEL, *arguments)
        assert found.exit_code == code
        assert text in found.stderr
        assert not list(tmp_path.iterdir())
