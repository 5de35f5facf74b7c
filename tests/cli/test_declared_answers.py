"""`--task`, `--scores` and `--output`: numbers, words and refusals, beside ONNX Runtime alone."""

from __future__ import annotations

import json
import re

import numpy as np
import onnxruntime
import pytest
from graphs import weights
from handmade import model
from other_answers import pictures, saved
from PIL import Image

import onnxplain
from onnxplain import Explanation
from onnxplain.errors import OnnxplainError
from onnxplain.render.captions import score_text
from tests.cli.test_failures import require_one_line

OUTPUTS = "float[N,3] logits, float[N,1] age, float[N,4] pose, float[N,3] shares, float[N,1] chance"
BODY = """
    c = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(image, w1) r = Relu(c)
    m = GlobalAveragePool(r) f = Flatten(m)
    logits = MatMul(f, w2) age = MatMul(f, w3) pose = MatMul(f, w4)
    root = MatMul(f, w3) chance = Mul(root, root)
    s = MatMul(f, w5) e = Abs(s) t = ReduceSum<keepdims = 1>(e, axes) shares = Div(e, t)
"""
OPEN = ["--preprocess", "zero-one"]
WINDOWS = ["-m", "occlusion", "-p", "window=6", "-p", "stride=6", "-p", "fill_with=black"]


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def plain(z):
    return z


def both(z):
    return np.array([1 - z[0], z[0]])


# What is declared, the column of numbers, and these from what the output holds; then the target,
# and the number that occlusion explains.
CASES = {
    "logits by the graph": (["--output", "logits"], "logit", plain, "1",
                            lambda z: z[1] - (z[0] + z[2]) / 2),
    "logits": (["--output", "logits", "--scores", "logits"], "probability", softmax, "1",
               lambda z: softmax(z)[1]),
    "raw": (["--output", "logits", "--scores", "raw"], "score", plain, "1", lambda z: z[1]),
    "probabilities": (["--output", "chance", "--task", "yes-no", "--scores", "probabilities"],
                      "probability", both, "no", lambda z: 1 - z[0]),
    "yes or no": (["--output", "age", "--task", "yes-no"], "logit",
                  lambda z: np.array([-z[0], z[0]]), "no", lambda z: -z[0]),
    "yes or no, logits": (["--output", "age", "--task", "yes-no", "--scores", "logits"],
                          "probability", lambda z: both(sigmoid(z)), "yes",
                          lambda z: sigmoid(z)[0]),
    "labels": (["--output", "pose", "--task", "labels", "--scores", "logits"], "probability",
               sigmoid, "2", lambda z: sigmoid(z)[2]),
    "values": (["--output", "pose", "--task", "values"], "value", plain, "2", lambda z: z[2]),
    "one value": (["--output", "age"], "value", plain, "0", lambda z: z[0]),
    "embedding": (["--output", "pose", "--task", "embedding"], "value", plain, "like={other}",
                  None),
    "shares by the graph": ([], "probability", plain, "0", lambda z: z[0]),
}  # fmt: skip


@pytest.fixture(scope="module")
def proto():
    heads = {f"w{k}": weights(6, n, seed=k) for k, n in ((2, 3), (3, 1), (4, 4), (5, 3))}
    more = {"w1": weights(6, 3, 3, 3, seed=1), "axes": np.array([1]), **heads}
    return model(BODY, more, image="float[N,3,12,12] image", output=OUTPUTS)


@pytest.fixture
def files(tmp_path, proto):
    """The model, a folder of pictures, and what the file's outputs hold for one of them."""
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    names = [o.name for o in session.get_outputs()]

    def held(pixels):
        x = (np.asarray(pixels, np.float64) / 255).transpose(2, 0, 1)[None]
        found = session.run(None, {"image": x.astype(np.float32)})
        return {n: v[0].astype(np.float64) for n, v in zip(names, found, strict=True)}

    return saved(proto, tmp_path / "m.onnx"), pictures(tmp_path / "data", 3), held


def output_of(declared):
    return declared[declared.index("--output") + 1] if declared else "shares"


@pytest.mark.parametrize("name", CASES)
def test_explain_and_load_say_what_the_file_holds(run, files, tmp_path, name):
    path, data, held = files
    declared, unit, numbers, target, explained = CASES[name]
    output = output_of(declared)
    pixels = np.asarray(Image.open(data / "0.png"))
    if explained is None:
        other = held(Image.open(data / "1.png"))[output]
        other = other / np.linalg.norm(other)
        explained = lambda z: z @ other / np.linalg.norm(z)  # noqa: E731
    target = target.format(other=data / "1.png")
    call = ["explain", path, data / "0.png", *OPEN, *WINDOWS, *declared, "-t", target]
    done = run(*call, "-o", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.stderr
    (image,) = json.loads(done.stdout)["images"]
    truth = numbers(held(pixels)[output])
    said = {row["index"]: row for row in image["predictions"]}
    assert set(next(iter(said.values()))) - {"index", "name"} <= {unit, "logit"}
    assert [said[k][unit] for k in range(len(truth))] == pytest.approx(truth, rel=1e-4, abs=1e-6)
    # The map: what each window changes, by ONNX Runtime on the covered pictures.
    (record,) = image["explanations"]
    before = explained(held(pixels)[output])
    assert record["score"] == pytest.approx(before, rel=1e-4, abs=1e-6)
    drops = np.zeros((2, 2))
    for i, j in np.ndindex(2, 2):
        covered = pixels.copy()
        covered[6 * i : 6 * i + 6, 6 * j : 6 * j + 6] = 0
        drops[i, j] = before - explained(held(covered)[output])
    found = Explanation.load(tmp_path / "out" / "0.occlusion.npz")
    np.testing.assert_allclose(found.heatmap()[3::6, 3::6], drops, atol=1e-4 * np.abs(drops).max())
    # Words: a percentage and a probability only where something makes it one.
    words = run(*call, "-o", tmp_path / "out").stdout + score_text(found)
    words = re.sub(r"\([^()]+ of the picture\)|[0-9]+ % of the map", "", words)
    probable = unit == "probability"
    assert ("%" in words) == ("probability" in words) == probable
    assert (unit if target[:4] != "like" else "cosine") in words
    # The same from Python.
    options = {k[2:]: v for k, v in zip(declared[::2], declared[1::2], strict=True)}
    opened = onnxplain.load(path, preprocess="zero-one", **options)
    prediction = opened.predict(data / "0.png")
    assert prediction.unit == unit
    np.testing.assert_allclose(prediction.scores, truth, rtol=1e-4, atol=1e-6)
    again = opened.explain(data / "0.png", "occlusion", target, window=6, stride=6,
                           fill_with="black")  # fmt: skip
    np.testing.assert_array_equal(again.attribution, found.attribution)


@pytest.mark.parametrize("name", CASES)
def test_inspect_says_what_was_declared(run, files, name):
    path, _, _ = files
    declared, *_ = CASES[name]
    output = output_of(declared)
    done = run("inspect", path, *OPEN, *declared)
    assert done.exit_code == 0, done.stderr
    said = " ".join(done.stdout.split())
    task = {"--task": "", **dict(zip(declared[::2], declared[1::2], strict=True))}["--task"]
    usual = {"logits": "classes", "shares": "classes", "pose": "classes"}
    usual |= {"age": "values", "chance": "values"}
    assert f"answer {output}: {task or usual[output]}" in said
    found = json.loads(run("inspect", path, *OPEN, *declared, "--json").stdout)["model"]["output"]
    assert found["probabilities"] == (CASES[name][1] == "probability")
    assert {o["name"] for o in found["outputs"]} == {"logits", "age", "pose", "shares", "chance"}
    for other in {"logits", "age", "pose", "shares", "chance"} - {output}:
        assert f"other output {other}:" in said


@pytest.mark.parametrize("name", ["raw", "logits", "values", "yes or no, logits"])
def test_evaluate_measures_the_declared_number(run, files, tmp_path, name):
    """Curves begin and end at what ONNX Runtime says of the pictures, and of black."""
    path, data, held = files
    declared, unit, _, target, explained = CASES[name]
    done = run("evaluate", path, data, *OPEN, *declared, "-m", "occlusion", "--target", target,
               "-o", tmp_path / "out")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert f"unit of the scores: {unit}" in done.stdout
    assert ("probab" in done.stdout) == (unit == "probability")
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert written["provenance"]["unit"] == unit
    # Blackening ends at black: the last point of each deletion curve.
    last = explained(held(np.zeros((12, 12, 3)))[output_of(declared)])
    curves = [c for c in written["curves"] if c["measure"] == "deletion"]
    assert curves
    assert all(c["scores"][-1] == pytest.approx(last, rel=1e-4, abs=1e-6) for c in curves)
    # All begin at the mean of the pictures as they are.
    whole = np.mean([explained(held(Image.open(p))[output_of(declared)]) for p in data.iterdir()])
    assert all(c["scores"][0] == pytest.approx(whole, rel=1e-4, abs=1e-6) for c in curves)


REFUSALS = {
    "unknown task": (["--task", "boxes"], "'boxes' is not one of 'classes', 'yes-no'"),
    "unknown scores": (["--scores", "percent"], "'percent' is not one of 'logits'"),
    "unknown output": (["--output", "age2"], "unknown output 'age2'"),
    "several are not yes or no": (["--output", "pose", "--task", "yes-no"], "holds 4 scores"),
    "one is not classes": (["--output", "age", "--task", "classes"], "declare task yes-no"),
    "shares are no logits": (["--output", "shares", "--scores", "logits"], "the graph makes"),
    "values are no logits": (["--output", "pose", "--task", "values", "--scores", "logits"],
                             "declare the task as well"),
    "no probabilities": (["--output", "logits", "--scores", "probabilities"],
                         "declared to hold probabilities, but on a probe"),
    "no class of a value": (["--output", "age", "-t", "7"], "out of range"),
    "no classes that compete": (["--output", "pose", "--task", "values", "-t", "1", "--margin"],
                                "no classes that compete"),
    "no likeness to classes": (["--output", "logits", "-t", "like=x.png"], "like=x.png"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_wrong_is_said_in_one_line(run, files, tmp_path, name):
    path, data, _ = files
    declared, words = REFUSALS[name]
    done = run("explain", path, data / "0.png", *OPEN, *WINDOWS, *declared, "-o", tmp_path / "o")
    require_one_line(done, 2, words)
    assert not (tmp_path / "o").exists()
    # The same from Python, where the words are those of the library.
    pairs = dict(zip(declared[::2], declared[1::2], strict=False))
    options = {k[2:]: v for k, v in pairs.items() if k in ("--task", "--scores", "--output")}
    with pytest.raises(OnnxplainError) as refusal:
        onnxplain.load(path, preprocess="zero-one", **options).explain(
            data / "0.png", "occlusion", pairs.get("-t"), margin="--margin" in declared
        )
    assert "\n" not in str(refusal.value)
    assert refusal.value.exit_code == 2
