"""What the graph does to its input before the network proper, against ONNX Runtime."""

import graphs
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.helper import make_node as node
from pixel_forms import BY_255, FORMS, GREY, RGB, F, S, ints, nchw

from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.normalisation import find_normalisation
from onnxplain.graph.pixel_flow import follow
from onnxplain.graph.prepare import prepare
from onnxplain.inputs.fit import misfit
from onnxplain.inputs.guess import contradiction, guess_preprocess
from onnxplain.inputs.preprocess import preset


def made(form, **options):
    nodes, constants, right = FORMS[form]
    return graphs.classifier(before=nodes, constants=constants, **options), right


@pytest.mark.parametrize("form", FORMS)
def test_what_the_network_proper_gets_is_told(form):
    """A picture of one colour comes out as weights and shift say, where nothing is cut off."""
    model, _ = made(form)
    graph = prepare(model)
    image = find_image_input(graph)
    flow = follow(graph, image)
    held = flow.pixels[flow.last]
    limits = [limit for limit in held.limits if np.isfinite([limit.low, limit.high]).all()]
    low, high = (limits[0].low, limits[0].high) if limits else (0.0, 255.0)
    colour = low + (high - low) * F([0.2, 0.5, 0.9])
    prepared = onnx.ModelProto()
    prepared.CopyFrom(graph.model)
    prepared.graph.output.append(onnx.ValueInfoProto(name=flow.last))
    prepared = onnx.shape_inference.infer_shapes(prepared)
    session = onnxruntime.InferenceSession(prepared.SerializeToString())
    x = np.broadcast_to(colour.reshape(1, 3, 1, 1), (1, 3, S, S)).astype(F)
    (found,) = session.run([flow.last], {"image": x})
    middle = found[0, :, found.shape[2] // 2, found.shape[3] // 2]
    expected = held.weights @ colour.astype(float) + held.shift
    step = 0.51 * float(FORMS[form][1].get("qs", 0))
    np.testing.assert_allclose(middle, expected, rtol=1e-5, atol=1e-5 * 255 + step)
    assert flow.last == "ready" or graph.consumers[flow.last][0].op_type == "Conv"


@pytest.mark.parametrize("form", FORMS)
def test_the_guess_is_what_the_graph_needs_and_is_not_contradicted(form):
    model, right = made(form)
    graph = prepare(model)
    image = find_image_input(graph)
    recipe, why = guess_preprocess(graph, image)
    assert recipe.name == right
    assert "channels come first" not in why
    assert contradiction(graph, image, recipe) == ""


# What would be wrong by a factor of 50 and more, or by a shift of as much.
WRONG = {
    "gather": "zero-one", "slice": "imagenet-torch", "split": "minus-one-one", "clip": "zero-one",
    "pad": "imagenet-torch", "resize": "zero-one", "means alone": "zero-one",
    "means of 0..1": "raw", "means of BGR": "raw", "divisors alone": "zero-one",
    "0..1 made pixels": "raw", "clip alone": "raw", "measured means of pixels": "zero-one",
    "quantised": "raw", "-1..1 made pixels": "raw", "clip to -1..1": "raw",
}  # fmt: skip


@pytest.mark.parametrize("form", WRONG)
def test_what_is_wrong_is_contradicted(form):
    model, _ = made(form)
    graph = prepare(model)
    image = find_image_input(graph)
    text = contradiction(graph, image, preset(WRONG[form], "NCHW", image.size))
    assert text
    assert "\n" not in text


def test_a_learned_mixture_of_colours_is_no_preprocessing():
    kernel = graphs.weights(3, 3, 1, 1, seed=3)
    model = graphs.classifier(
        before=[node("Conv", ["image", "w"], ["ready"])], constants={"w": kernel}
    )
    graph = prepare(model)
    assert find_normalisation(graph, find_image_input(graph)) is None


def whole_picture(op, layout="NCHW", value=None):
    shape = (1, 3, S, S) if layout == "NCHW" else (S, S, 3)
    rng = np.random.default_rng(0)
    mean = RGB.reshape(3, 1, 1) if layout == "NCHW" else RGB
    picture = (mean + rng.normal(0, 9, shape)).astype(F) if value is None else value
    model = graphs.classifier(
        layout=layout, before=[node(op, ["image", "m"], ["ready"])], constants={"m": picture}
    )
    graph = prepare(model)
    return graph, find_image_input(graph)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_mean_picture_is_subtracted(layout):
    graph, image = whole_picture("Sub", layout)
    assert guess_preprocess(graph, image)[0].name == "raw"
    assert contradiction(graph, image, preset("raw", layout, image.size)) == ""
    assert contradiction(graph, image, preset("zero-one", layout, image.size))


def test_a_mask_is_no_mean_picture():
    graph, image = whole_picture("Mul")
    assert find_normalisation(graph, image) is None


STATISTICS = {
    "mean and deviation": [
        node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3]),
        node("Sub", ["image", "mean"], ["centred"]),
        node("Mul", ["centred", "centred"], ["square"]),
        node("ReduceMean", ["square"], ["variance"], axes=[1, 2, 3]),
        node("Sqrt", ["variance"], ["deviation"]),
        node("Max", ["deviation", "least"], ["divisor"]),
        node("Div", ["centred", "divisor"], ["ready"]),
    ],
    "of each channel": [
        node("ReduceMean", ["image"], ["mean"], axes=[2, 3]),
        node("Sub", ["image", "mean"], ["centred"]),
        node("Pow", ["centred", "two"], ["square"]),
        node("ReduceMean", ["square"], ["variance"], axes=[2, 3]),
        node("Add", ["variance", "least"], ["enough"]),
        node("Sqrt", ["enough"], ["deviation"]),
        node("Reciprocal", ["deviation"], ["factor"]),
        node("Mul", ["centred", "factor"], ["ready"]),
    ],
    "smallest and largest": [
        node("ReduceMin", ["image"], ["low"], axes=[1, 2, 3]),
        node("ReduceMax", ["image"], ["high"], axes=[1, 2, 3]),
        node("Sub", ["high", "low"], ["span"]),
        node("Sub", ["image", "low"], ["centred"]),
        node("Div", ["centred", "span"], ["ready"]),
    ],
    "instance normalisation": [
        node("InstanceNormalization", ["image", "ones", "zeros"], ["ready"])
    ],
    "mean and variance": [node("MeanVarianceNormalization", ["image"], ["ready"])],
}


@pytest.mark.parametrize("form", STATISTICS)
def test_where_a_picture_s_own_deviation_divides_the_scale_does_not_matter(form):
    constants = {"least": F(1e-3), "two": F(2), "ones": np.ones(3, F), "zeros": np.zeros(3, F)}
    used = {i for n in STATISTICS[form] for i in n.input}
    model = graphs.classifier(
        before=STATISTICS[form], constants={k: v for k, v in constants.items() if k in used}
    )
    graph = prepare(model)
    image = find_image_input(graph)
    _, why = guess_preprocess(graph, image)
    assert "not matter" in why
    for name in ("raw", "zero-one", "minus-one-one"):
        assert contradiction(graph, image, preset(name, "NCHW", image.size)) == ""
    # And so it is: the scores are those of the pixels themselves.
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (1, S, S, 3)).astype(np.uint8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    raw, unit = (
        session.run(["scores"], {"image": preset(n, "NCHW", image.size).encode(pixels)})[0]
        for n in ("raw", "zero-one")
    )
    np.testing.assert_allclose(raw, unit, atol=0.02 * np.abs(raw).max())


@pytest.mark.parametrize("form", ["sum", "mean", "single channels", "product"])
def test_grey_is_made_of_colours(form):
    nodes, constants = {
        "sum": (
            [node("Mul", ["image", "w"], ["p"]), node("ReduceSum", ["p", "one"], ["q"])],
            {"w": nchw(GREY), "one": ints(1)},
        ),
        "mean": ([node("ReduceMean", ["image"], ["q"], axes=[1])], {}),
        "single channels": (
            [
                node("Split", ["image"], ["r", "g", "b"], axis=1),
                *[node("Mul", [c, f"w{c}"], [c * 2]) for c in "rgb"],
                node("Add", ["rr", "gg"], ["rg"]), node("Add", ["rg", "bb"], ["q"]),
            ],
            {f"w{c}": v for c, v in zip("rgb", GREY, strict=True)},
        ),
        "product": (
            [node("Conv", ["image", "w"], ["q"])], {"w": GREY.reshape(1, 3, 1, 1)}
        ),
    }[form]  # fmt: skip
    before = [*nodes, BY_255[0]]
    model = graphs.classifier(before=before, constants={**constants, **BY_255[1]}, channels=1)
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[1].dim_value = 3
    graph = prepare(model)
    image = find_image_input(graph)
    assert image.channels == 3
    recipe, _ = guess_preprocess(graph, image)
    assert recipe.name == "raw"
    inner = find_normalisation(graph, image)
    assert inner.order == ("" if form == "mean" else "RGB")
    low, high = inner.range(np.zeros(3), np.full(3, 255.0))
    np.testing.assert_allclose([low, high], [[0], [1]], atol=1e-6)
    assert misfit(inner, preset("zero-one", "NCHW", image.size)) > misfit(inner, recipe)


def test_grey_of_the_last_axis():
    """How TensorFlow makes grey: pixels as rows of a matrix, times three weights."""
    nodes = [
        node("Reshape", ["image", "two"], ["rows"]),
        node("MatMul", ["rows", "w"], ["grey"]),
        node("Reshape", ["grey", "four"], ["q"]),
        BY_255[0],
    ]
    constants = {
        "two": ints(-1, 3), "w": GREY.reshape(3, 1), "four": ints(-1, S, S, 1), **BY_255[1]
    }  # fmt: skip
    model = graphs.classifier(before=nodes, constants=constants, channels=1, layout="NHWC")
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 3
    graph = prepare(model)
    image = find_image_input(graph)
    assert guess_preprocess(graph, image)[0].name == "raw"
    np.testing.assert_allclose(find_normalisation(graph, image).pixels.weights, GREY[None] / 255)


DAMAGED = {
    "divided by zero": ([node("Div", ["image", "k"], ["ready"])], {"k": F(0)}),
    "no number": ([node("Sub", ["image", "k"], ["ready"])], {"k": F(np.nan)}),
    "infinite": ([node("Mul", ["image", "k"], ["ready"])], {"k": F(np.inf)}),
    "no variance": (
        [node("BatchNormalization", ["image", "g", "b", "m", "v"], ["ready"], epsilon=0.0)],
        {"g": np.ones(3, F), "b": np.zeros(3, F), "m": RGB, "v": np.zeros(3, F)},
    ),
    "clipped to nothing": (
        [node("Clip", ["image", "k", "m"], ["ready"])], {"k": F(1), "m": F(0)}
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", DAMAGED)
def test_numbers_that_normalise_nothing_end_it(form, recwarn):
    nodes, constants = DAMAGED[form]
    graph = prepare(graphs.classifier(before=nodes, constants=constants))
    image = find_image_input(graph)
    assert guess_preprocess(graph, image)[0].name == "imagenet-torch"
    assert not recwarn.list
