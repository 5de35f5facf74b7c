"""The rest of a network behind its own preprocessing, and what black means there."""

import numpy as np
import pytest
from handmade import model

from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.graph.prepare import prepare
from onnxplain.inputs.preprocess import preset
from onnxplain.network.network import Network
from onnxplain.network.preprocessing_cut import after_preprocessing, preprocessing_tensor

MEAN, STD = np.array([10.0, 20.0, 30.0]), np.array([2.0, 4.0, 8.0])
VALUES = {
    "mean": MEAN,
    "std": STD,
    "perm": np.array([2, 1, 0]),
    "minus": np.array([-1.0]),
    "halves": np.array([1, 1, 0.5, 0.5]),
}
HEAD = "g = GlobalAveragePool(last) scores = Flatten(g)"
CHAIN = f"""
    f = Cast<to = 1>(image) c = Sub(f, mean) n = Div(c, std)
    last = Transpose<perm = [0,3,1,2]>(n) {HEAD}
"""
PIXELS = np.random.default_rng(0).integers(0, 256, (1, 6, 6, 3)).astype(np.uint8)
RECIPE = preset("raw", "NHWC", (6, 6), dtype="uint8")


def opened(body=CHAIN, image="uint8[N,6,6,3] image"):
    used = {n: v for n, v in VALUES.items() if f", {n})" in body}
    proto = model(body, used, image=image, output="float[N,3] scores")
    return Network(prepare(proto), device="cpu")


def cut(name, body=CHAIN, recipe=RECIPE, **more):
    network = opened(body, **more)
    return network, *after_preprocessing(network, recipe, preprocessing_tensor(network, name))


def test_tensors_have_names_for_people():
    network = opened()
    assert preprocessing_tensor(network, "float") == "f"
    assert preprocessing_tensor(network, "normalised") == "last"
    for name in ("image", "f", "c", "n", "last"):
        assert preprocessing_tensor(network, name) == name


def test_another_name_is_refused_with_those_that_are_meant():
    for name in ("g", "scores", "nonsense"):
        with pytest.raises(UnknownNameError, match=r"float, normalised, .*: f, c, n, last"):
            preprocessing_tensor(opened(), name)
    plain = opened(HEAD.replace("last", "image"), "float[N,3,6,6] image")
    # A file of floats that does nothing to them is explained at its input.
    assert preprocessing_tensor(plain, "normalised") == "image"


@pytest.mark.parametrize("name", ["f", "c", "n", "last"])
def test_the_rest_computes_what_the_whole_does(name):
    network, rest, recipe = cut(name)
    assert rest.image.name == name
    found = network.ort.activations(PIXELS, [name, "scores"])
    np.testing.assert_array_equal(rest.ort.forward(found[name]), found["scores"])
    # The recipe makes of pixels what stands at the tensor.
    made = recipe.encode(PIXELS.astype(np.float64))
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, found[name], rtol=1e-5, atol=1e-4)
    assert recipe.layout == rest.image.layout == ("NCHW" if name == "last" else "NHWC")


@pytest.mark.parametrize(("name", "black", "white"), [
    ("f", np.zeros(3), np.full(3, 255.0)),
    ("c", -MEAN, 255 - MEAN),
    ("n", -MEAN / STD, (255 - MEAN) / STD),
])  # fmt: skip
def test_black_and_white_have_their_values_there(name, black, white):
    _, _, recipe = cut(name)
    found = [np.asarray(bound, np.float64).reshape(3) for bound in recipe.bounds()]
    np.testing.assert_allclose(found, [black, white], rtol=1e-6, atol=1e-5)
    assert recipe.name == f"raw at {name}"


def test_channels_that_were_turned_round_are_in_blue_first():
    body = f"""
        f = Cast<to = 1>(image) t = Gather<axis = 3>(f, perm)
        last = Transpose<perm = [0,3,1,2]>(t) {HEAD}
    """
    assert cut("f", body)[2].color == "RGB"
    network, _, recipe = cut("last", body)
    assert recipe.color == "BGR"
    made = recipe.encode(PIXELS.astype(np.float64))
    wanted = network.ort.activations(PIXELS, ["last"])["last"]
    np.testing.assert_allclose(made, wanted, rtol=1e-5, atol=1e-4)


def test_the_size_is_the_one_behind_a_resizing():
    body = f"""
        f = Cast<to = 1>(image) t = Transpose<perm = [0,3,1,2]>(f)
        last = Resize<mode = "linear">(t, , halves) {HEAD}
    """
    _, rest, recipe = cut("last", body)
    assert rest.image.size == recipe.size == (3, 3)
    assert recipe.resize == "stretch"


def test_one_channel_is_grey():
    body = "f = Cast<to = 1>(image) last = Transpose<perm = [0,3,1,2]>(f) "
    grey = preset("raw", "NHWC", (6, 6), 1, dtype="uint8")
    body += "g = GlobalAveragePool(last) s = Flatten(g) n = Neg(s) scores = Concat<axis = 1>(s, n)"
    assert cut("last", body, grey, image="uint8[N,6,6,1] image")[2].color == "gray"


def test_a_negative_is_no_scaled_picture():
    body = f"""
        f = Cast<to = 1>(image) m = Mul(f, minus) last = Transpose<perm = [0,3,1,2]>(m) {HEAD}
    """
    assert cut("f", body)[1].image.name == "f"
    with pytest.raises(MethodRefusedError, match="'m' does not hold the pixels scaled and shifted"):
        cut("m", body)


def test_what_is_read_around_the_tensor_is_refused():
    body = """
        f = Cast<to = 1>(image) t = Transpose<perm = [0,3,1,2]>(f) c = Sub(f, mean)
        last = Transpose<perm = [0,3,1,2]>(c) g = GlobalAveragePool(last) s = Flatten(g)
        h = GlobalMaxPool(t) r = Flatten(h) scores = Add(s, r)
    """
    network = opened(body)
    assert preprocessing_tensor(network, "normalised") == "f"
    rest, _ = after_preprocessing(network, RECIPE, "f")
    assert rest.image.name == "f"
    with pytest.raises(UnknownNameError, match="of the picture itself: f"):
        preprocessing_tensor(network, "c")
