"""Models whose input is not the usual one, explained by every method and against oracles."""

import numpy as np
import onnxruntime as ort
import pytest
from applicable import WITHOUT_ATTENTION
from graphs import build, value_info
from onnx.helper import make_node as node

import onnxplain
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.inputs.preprocess import Preprocess

RNG = np.random.default_rng(3)
SIDE, CLASSES = 12, 3


def net(shape, channels, front=(), dtype=np.float32, constants=None):
    """Convolution, ReLU, mean, linear: behind `front`, which ends in NCHW."""
    last = front[-1].output[0] if front else "image"
    nodes = [
        *front,
        node("Conv", [last, "w", "b"], ["maps"], pads=[1, 1, 1, 1]),
        node("Relu", ["maps"], ["r"]),
        node("GlobalAveragePool", ["r"], ["pooled"]),
        node("Flatten", ["pooled"], ["flat"]),
        node("Gemm", ["flat", "v"], ["scores"], transB=1),
    ]
    given = {
        "w": RNG.normal(size=(6, channels, 3, 3)).astype(np.float32),
        "b": RNG.normal(size=6).astype(np.float32),
        "v": RNG.normal(size=(CLASSES, 6)).astype(np.float32),
        **(constants or {}),
    }
    return build(nodes, ["scores"], given, inputs=[value_info("image", shape, dtype)])


FIRST = {"first": np.array([0])}
TO_NCHW = node("Transpose", ["image"], ["t"], perm=[0, 3, 1, 2])
OPEN = ["batch_size", "num_channels", "height", "width"]
FORMS = {
    "2 channels": (net([1, 2, SIDE, SIDE], 2), 2, "NCHW"),
    "4 channels": (net(["N", 4, SIDE, SIDE], 4), 4, "NCHW"),
    "4 channels, all axes open": (net(OPEN, 4), 4, "NCHW"),
    "5 channels last": (net(["N", SIDE, SIDE, 5], 5, [TO_NCHW]), 5, "NHWC"),
    "5 channels last, no axis named": (net([None] * 4, 5, [TO_NCHW]), 5, "NHWC"),
    "3 channels last, all axes open": (net(["b", "h", "w", "c"], 3, [TO_NCHW]), 3, "NHWC"),
    "12 channels": (net(["N", 12, "h", "w"], 12), 12, "NCHW"),
    "no batch": (
        net([3, SIDE, SIDE], 3, [node("Unsqueeze", ["image", "first"], ["u"])], constants=FIRST),
        3,
        "NCHW",
    ),
    "no batch, bytes, channels last": (
        net(
            ["h", "w", 3],
            3,
            [
                node("Transpose", ["image"], ["t"], perm=[2, 0, 1]),
                node("Cast", ["t"], ["f"], to=1),
                node("Div", ["f", "k"], ["d"]),
                node("Unsqueeze", ["d", "first"], ["u"]),
            ],
            np.uint8,
            {**FIRST, "k": np.array(255, np.float32)},
        ),
        3,
        "NHWC",
    ),
}


def opened(form):
    proto, channels, layout = FORMS[form]
    kind = "raw" if proto.graph.input[0].type.tensor_type.elem_type == 2 else "zero-one"
    model = onnxplain.load(proto, preprocess=kind, size=(SIDE, SIDE))
    image = model.network.image
    assert (image.channels, image.layout, image.size) == (channels, layout, (SIDE, SIDE))
    return model, proto


def sample(model):
    x = np.random.default_rng(1).random(model.network.image.shape)
    integer = model.network.image.dtype == "uint8"
    return np.round(255 * x).astype(np.uint8) if integer else x.astype(np.float32)


def original(proto):
    """Scores by ONNX Runtime on the file as it is, one picture at a time."""
    session = ort.InferenceSession(proto.SerializeToString())
    rank = len(proto.graph.input[0].type.tensor_type.shape.dim)
    return lambda x: session.run(None, {"image": x if rank == 4 else x[0]})[0].reshape(CLASSES)


@pytest.mark.parametrize("form", FORMS)
def test_scores_are_those_of_the_file(form):
    model, proto = opened(form)
    x = sample(model)
    np.testing.assert_allclose(model.predict(x).logits, original(proto)(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_occlusion_is_that_of_single_runs(form):
    model, proto = opened(form)
    x, run = sample(model), original(proto)
    options = {"kind": "raw", "window": 4, "stride": 4, "fill_with": "0"}
    found = model.explain(x, "occlusion", 1, **options)
    rows = 2 if model.network.image.layout == "NCHW" else 1
    drops = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            covered = x.copy()
            part = [slice(None)] * 4
            part[rows], part[rows + 1] = slice(4 * i, 4 * i + 4), slice(4 * j, 4 * j + 4)
            covered[tuple(part)] = 0
            drops[i, j] = run(x)[1] - run(covered)[1]
    shown = found.heatmap()[2::4, 2::4]
    np.testing.assert_allclose(shown, drops, atol=1e-4 * np.abs(drops).max())
    brute = model.explain(x, "occlusion", 1, **options, engine="brute-force")
    np.testing.assert_allclose(found.heatmap(), brute.heatmap(), atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_the_formula(form):
    """The network written out: d(v.mean(relu(w*x+b)))/dx, by a transposed convolution."""
    model, proto = opened(form)
    x = sample(model)
    found = model.explain(x, "gradient", 1, kind="logit")
    weights = {t.name: np.array(_array(t), np.float64) for t in proto.graph.initializer}
    nchw = x if model.network.image.layout == "NCHW" else np.moveaxis(x, -1, 1)
    scale = 1 / 255 if x.dtype == np.uint8 else 1.0
    padded = np.pad(nchw[0] * scale, ((0, 0), (1, 1), (1, 1)))
    slope = np.zeros_like(padded)
    for i in range(SIDE):
        for j in range(SIDE):
            patch = padded[:, i : i + 3, j : j + 3]
            open_ = np.tensordot(weights["w"], patch, 3) + weights["b"] > 0
            slope[:, i : i + 3, j : j + 3] += np.tensordot(weights["v"][1] * open_, weights["w"], 1)
    expected = slope[:, 1:-1, 1:-1] / SIDE**2 * scale
    shown = found.attribution
    if model.network.image.layout == "NHWC":
        shown = np.moveaxis(shown, -1, 0)
    np.testing.assert_allclose(shown, expected, atol=1e-4 * np.abs(expected).max())


def _array(tensor):
    from onnx.numpy_helper import to_array

    return to_array(tensor)


@pytest.mark.parametrize("form", ["4 channels, all axes open", "5 channels last", "no batch"])
@pytest.mark.parametrize("method", WITHOUT_ATTENTION)
def test_every_method_runs(form, method, tmp_path):
    model, _ = opened(form)
    options = {"prediction-difference": {"window": 4}, "lime": {"samples": 30},
               "kernel-shap": {"samples": 30}, "rise": {"samples": 30}}  # fmt: skip
    try:
        found = model.explain(sample(model), method, 1, **options.get(method, {}))
    except MethodRefusedError as error:
        pytest.skip(str(error))
    assert np.isfinite(found.attribution).all()
    assert found.heatmap().shape == (SIDE, SIDE)
    found.save(tmp_path / "found.npz")
    again = onnxplain.Explanation.load(tmp_path / "found.npz")
    np.testing.assert_array_equal(again.attribution, found.attribution)
    again.overlay()


class TestWithoutPreprocessing:
    def test_ready_inputs_work(self):
        proto, _, _ = FORMS["4 channels"]
        model = onnxplain.load(proto)
        assert any("preprocessing is unknown" in text for text in model.warnings)
        x = sample(model)
        found = model.explain(x, "occlusion", 1)
        raw = model.predict(x).raw
        wanted = raw[1] - np.delete(raw, 1).mean()
        np.testing.assert_allclose(found.score, wanted, rtol=1e-5, atol=1e-6)

    def test_pictures_are_refused(self):
        model = onnxplain.load(FORMS["4 channels"][0])
        with pytest.raises(UsageError, match="color 'bands' and 4 values of mean and std"):
            model.read(np.zeros((SIDE, SIDE, 4), np.uint8))

    def test_a_preset_of_colours_is_refused(self):
        with pytest.raises(UsageError, match="works for red, green and blue only"):
            onnxplain.load(FORMS["4 channels"][0], preprocess="imagenet-torch")

    def test_a_recipe_of_other_channels_is_refused(self):
        recipe = Preprocess("p", "NCHW", (SIDE, SIDE))
        with pytest.raises(UsageError, match="'bands' and give 4 values"):
            onnxplain.load(FORMS["4 channels, all axes open"][0], preprocess=recipe)
