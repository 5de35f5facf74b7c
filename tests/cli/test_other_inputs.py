"""From the command line: two streams, four channels, open axes, a bound number."""

import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from graphs import build, value_info
from onnx.helper import make_node as node
from PIL import Image

from onnxplain import Explanation
from tests.cli.test_failures import require_one_line

RNG = np.random.default_rng(5)
OPEN = ["batch", "channels", "height", "width"]
MEAN, STD = [0.5, 0.4, 0.3, 0.2], [0.2, 0.3, 0.4, 0.5]


def two_streams():
    """Scores of an RGBN picture and of a thermal one, weighed by a number."""
    inputs = [value_info("rgbn", OPEN), value_info("thermal", ["batch", "one", "height", "width"]),
              value_info("weight", [])]  # fmt: skip
    nodes = [
        node("Conv", ["rgbn", "w4"], ["a"], pads=[1, 1, 1, 1]),
        node("Conv", ["thermal", "w1"], ["t"], pads=[1, 1, 1, 1]),
        node("Mul", ["t", "weight"], ["s"]),
        node("Concat", ["a", "s"], ["j"], axis=1),
        node("Relu", ["j"], ["r"]),
        node("GlobalAveragePool", ["r"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "v"], ["scores"], transB=1),
    ]
    constants = {
        "w4": RNG.normal(size=(4, 4, 3, 3)).astype(np.float32),
        "w1": RNG.normal(size=(2, 1, 3, 3)).astype(np.float32),
        "v": RNG.normal(size=(3, 6)).astype(np.float32),
    }
    return build(nodes, ["scores"], constants, inputs=inputs)


@pytest.fixture
def files(tmp_path):
    proto = two_streams()
    onnx.save(proto, tmp_path / "m.onnx")
    pixels = RNG.integers(0, 256, (16, 16, 4)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    thermal = RNG.random((1, 1, 16, 16))
    np.save(tmp_path / "thermal.npy", thermal)
    recipe = {"version": 1, "name": "rgbn", "layout": "NCHW", "size": [16, 16], "color": "bands",
              "scale": 1 / 255, "mean": MEAN, "std": STD, "shown": [3, 0, 1]}  # fmt: skip
    (tmp_path / "m.preprocess.json").write_text(json.dumps(recipe))
    session = ort.InferenceSession(proto.SerializeToString())

    def scores(values):
        x = ((values / 255 - MEAN) / STD).transpose(2, 0, 1)[None]
        feeds = {"rgbn": x, "thermal": thermal, "weight": np.array(0.25)}
        return session.run(None, {k: v.astype(np.float32) for k, v in feeds.items()})[0][0]

    return tmp_path, pixels, scores


def bindings(folder):
    return ["--bind", f"thermal={folder / 'thermal.npy'}", "--bind", "weight=0.25"]


def test_a_file_with_further_inputs_and_open_axes_is_explained(explain, run, files):
    """Two streams, four channels, symbolic axes, a bound scalar: by options alone."""
    folder, pixels, scores = files
    (graph,) = [onnx.load(folder / "m.onnx").graph]
    dims = {i.name: i.type.tensor_type.shape.dim for i in graph.input}
    assert [d.dim_param for d in dims["rgbn"]] == OPEN  # nothing is known of them
    assert len(dims["thermal"]) == 4
    assert len(dims["weight"]) == 0
    recipe = (folder / "m.preprocess.json").rename(folder / "mine.json")
    options = ["--input", "rgbn", "--layout", "NCHW", "--size", "16x16", "--preprocess", recipe]
    seen = run("inspect", folder / "m.onnx", *options, *bindings(folder))
    assert seen.exit_code == 0, seen.stderr
    said = " ".join(seen.stdout.split())
    for words in ("rgbn: NCHW, 4 channels, 16 wide, 16 high", "bound thermal", "bound weight",
                  "all 0.25"):  # fmt: skip
        assert words in said
    done = explain(
        "-m", "grad-cam,occlusion,gradient,lrp", "-t", "1", "--kind", "logit", "-p", "window=4",
        "-p", "stride=4", "-p", "fill_with=black", *options, *bindings(folder),
        model=folder / "m.onnx", images=[folder / "p.png"],
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    found = Explanation.load(explain.folder / "p.occlusion.npz")
    before = scores(pixels.astype(float))[1]
    assert found.score == pytest.approx(before, rel=1e-4)
    drops = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            covered = pixels.astype(float)
            covered[4 * i : 4 * i + 4, 4 * j : 4 * j + 4] = 0
            drops[i, j] = before - scores(covered)[1]
    shown = found.heatmap()[2::4, 2::4]
    np.testing.assert_allclose(shown, drops, atol=1e-4 * np.abs(drops).max())
    np.testing.assert_array_equal(found.pixels, pixels[..., [3, 0, 1]])
    assert found.provenance["bound"]["weight"]["value"] == 0.25
    gradient = Explanation.load(explain.folder / "p.gradient.npz").attribution
    assert gradient.shape == (4, 16, 16)
    # The slope along one pixel of the infrared channel, in units of the normalised input.
    sloped = np.array(pixels, float)
    sloped[5, 6, 3] += 1.0
    rise = scores(sloped)[1] - before
    expected = gradient[3, 5, 6] / 255 / STD[3]
    assert rise == pytest.approx(expected, rel=0.05, abs=1e-6)
    for name in ("p.sheet.png", "p.grad-cam.png", "p.lrp.png", "p.occlusion-maps.png"):
        assert (explain.folder / name).is_file()


def test_inspect_says_where_channels_and_size_come_from(run, files):
    folder, _, _ = files
    (folder / "m.preprocess.json").unlink()
    shown = run("inspect", folder / "m.onnx", "--preprocess", "zero-one", *bindings(folder)[2:],
                "--bind", "thermal=0.5")  # fmt: skip
    assert shown.exit_code == 0, shown.stderr
    assert "channels from Conv" in shown.stdout
    assert "bound thermal" in shown.stdout
    assert "224 x 224 is used" in shown.stderr
    sized = run("inspect", folder / "m.onnx", "--preprocess", "zero-one", "--size", "20x30",
                *bindings(folder)[2:], "--bind", "thermal=0.5")  # fmt: skip
    assert "30 wide, 20 high" in sized.stdout
    assert "224" not in sized.stderr


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--bind", "weight"], "write NAME=FILE.npy"),
        (["--bind", "weight=1", "--bind", "weight=2"], "bound twice"),
        (["--bind", "weight=x.npy"], "there is no such file"),
        (["--bind", "weight=1", "--bind", "wieght=2"], "no input is named"),
        ([], "need a value"),
        (["--bind", "weight=1", "--size", "16"], "HEIGHTxWIDTH"),
        (["--bind", "weight=1", "--size", "0x16"], "HEIGHTxWIDTH"),
    ],
)
def test_what_cannot_be_bound_is_said_in_one_line(explain, files, extra, said):
    folder, _, _ = files
    done = explain("-q", *bindings(folder)[:2], *extra,
                   model=folder / "m.onnx", images=[folder / "p.png"])  # fmt: skip
    assert done.exit_code == 2
    assert said in done.stderr
    require_one_line(done, 2)


def test_audit_and_verify_keep_values_apart(run, files):
    folder, pixels, _ = files
    data = folder / "data"
    data.mkdir()
    for k in range(3):
        Image.fromarray(np.roll(pixels, 3 * k, 1)).save(data / f"{k}.png")
    config = folder / "a.toml"
    config.write_text('methods = ["grad-cam"]\nmeasures = []\nsanity_pictures = 0\n')
    call = ["audit", folder / "m.onnx", data, "-o", folder / "audit", "--config", config, "-q"]
    number, thermal = ["--bind", "weight=0.25"], bindings(folder)[:2]
    first = run(*call, *number, *thermal)
    assert first.exit_code == 0, first.stderr
    again = run(*call, "--bind", "weight=0.5", *thermal)
    assert again.exit_code == 2
    assert "bound" in again.stderr
    record = folder / "audit" / "record.json"
    # The number is in the record, the picture is not.
    told = ("--model", folder / "m.onnx", "--data", data)
    lacking = run("verify", record, "-q", *told)
    assert lacking.exit_code == 2
    assert "'thermal'" in lacking.stderr
    assert run("verify", record, "-q", *told, *thermal).exit_code == 0
    other = run("verify", record, *told, *thermal, "--bind", "weight=0.5")
    assert other.exit_code == 1


def test_compare_and_features_and_evaluate_and_background(run, files):
    folder, pixels, _ = files
    data = folder / "data"
    data.mkdir()
    for k in range(2):
        Image.fromarray(np.roll(pixels, 5 * k, 0)).save(data / f"{k}.png")
    (folder / "n.onnx").write_bytes((folder / "m.onnx").read_bytes())
    model, bound, out = folder / "m.onnx", bindings(folder), ["-o", folder / "out"]
    recipe = ["--preprocess", folder / "m.preprocess.json"]
    metrics = "deletion,shift-consistency,jpeg-consistency"
    calls = [
        ["compare", model, folder / "n.onnx", data, "-m", "grad-cam", *recipe, *out, *bound],
        ["features", "maps", model, data / "0.png", *out, *bound],
        ["evaluate", model, data, "-m", "grad-cam", "--metrics", metrics,
         *out, *bound],
        ["background", model, data, "-o", folder / "b.npz", *bound],
    ]  # fmt: skip
    for call in calls:
        done = run(*call)
        assert done.exit_code == 0, (call[0], done.stderr)
