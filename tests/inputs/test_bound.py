"""Values of further inputs: numbers, arrays and files, fitted to what the file declares."""

import numpy as np
import pytest
from graphs import build, value_info
from onnx import TensorProto
from onnx.helper import make_node as node

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.graph.prepare import prepare
from onnxplain.inputs.bound import describe_bound
from onnxplain.network.network import Network

PICTURE = ["N", 3, "H", "W"]


def network(shape, bound, dtype=np.float32, picture=PICTURE):
    """A picture and one further input, whose sum is added to the scores."""
    inputs = [value_info("image", picture), value_info("more", shape, dtype)]
    nodes = [
        node("GlobalAveragePool", ["image"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Cast", ["more"], ["m"], to=TensorProto.FLOAT),
        node("ReduceSum", ["m"], ["sum"], keepdims=0),
        node("Add", ["f", "sum"], ["scores"]),
    ]
    graph = prepare(build(nodes, ["scores"], inputs=inputs))
    return Network(graph, output="scores", input_name="image", size=(6, 7), bound=bound)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ([], ()),
        ([1], (1,)),
        (["N"], (1,)),
        ([None, 2], (1, 2)),
        (["N", 4], (1, 4)),
        (["N", 1, "H", "W"], (1, 1, 6, 7)),
        ([2, 3], (2, 3)),
    ],
)
@pytest.mark.parametrize("value", [0.5, "0.5", np.float64(0.5), np.array(0.5)])
def test_a_number_fills_the_shape(shape, expected, value):
    found = network(shape, {"more": value}).bound["more"]
    assert (found.shape, found.dtype) == (expected, np.float32)
    assert (found == 0.5).all()


def test_a_number_does_not_say_how_long_an_axis_is():
    with pytest.raises(UsageError, match=r"\[N, words\].*how long its open axes are"):
        network(["N", "words"], {"more": 1})


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        (np.int64, "3", 3),
        (np.bool_, "true", True),
        (np.bool_, 0, False),
        (np.float16, "1e-1", np.float16(0.1)),
        (np.uint8, 255, 255),
    ],
)
def test_element_types(dtype, value, expected):
    found = network([1], {"more": value}, dtype).bound["more"]
    assert found.dtype == dtype
    assert found[0] == expected


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(np.int64, "0.5"), (np.uint8, 256), (np.uint8, -1), (np.bool_, 2), (np.float16, 1e9),
     (np.int64, np.array([0.25]))],
)  # fmt: skip
def test_numbers_that_the_type_cannot_hold(dtype, value):
    with pytest.raises(UsageError, match="cannot hold"):
        network([1], {"more": value}, dtype)


@pytest.mark.parametrize("value", ["nan", "inf", float("nan")])
def test_numbers_that_are_none(value):
    with pytest.raises(UsageError, match="finite number"):
        network([1], {"more": value})


@pytest.mark.parametrize("value", ["x", "file.txt", np.array(["a"]), np.array([None])])
def test_what_is_no_number(value):
    with pytest.raises(UsageError, match=r"give a number or|numbers are needed"):
        network([1], {"more": value})


@pytest.mark.parametrize("shape", [(2,), (1, 3), (3, 4), (1, 1, 4)])
def test_another_shape(shape):
    with pytest.raises(UsageError, match=r"takes the shape \[1, 4\]"):
        network(["N", 4], {"more": np.zeros(shape, np.float32)})


@pytest.mark.parametrize("shape", [["words"], [None], ["words", 4], [None, 4]])
def test_an_array_may_have_any_length_along_an_open_axis(shape):
    value = np.ones((7, 4)[: len(shape)], np.float32)
    found = network(shape, {"more": value}).bound["more"]
    np.testing.assert_array_equal(found, value)


def test_a_file(tmp_path):
    np.save(tmp_path / "more.npy", np.arange(4.0)[None])
    for path in (tmp_path / "more.npy", str(tmp_path / "more.npy")):
        found = network(["N", 4], {"more": path}).bound["more"]
        np.testing.assert_array_equal(found, np.arange(4, dtype=np.float32)[None])
    with pytest.raises(UsageError, match="there is no such file"):
        network(["N", 4], {"more": "none.npy"})
    np.save(tmp_path / "more.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(UsageError, match="not an array of numbers"):
        network(["N", 4], {"more": tmp_path / "more.npy"})


def test_names():
    with pytest.raises(UsageError, match=r"inputs \['more'\] need a value \(--bind"):
        network([1], {})
    with pytest.raises(UsageError, match=r"no input is named \['mor'\]; .*: \['more'\]"):
        network([1], {"more": 1, "mor": 1})


def test_one_value_stands_for_all_pictures_of_a_fixed_batch():
    found = network([4, 2], {"more": np.ones((1, 2))}, picture=[4, 3, 6, 7])
    assert found.bound["more"].shape == (4, 2)


@pytest.mark.parametrize(
    ("shape", "picture", "batch"),
    [(["N", 4], PICTURE, 1), ([1, 4], PICTURE, None), ([None, 4], PICTURE, 1),
     (["M", 4], PICTURE, None)],
)  # fmt: skip
def test_inputs_that_grow_with_the_batch_take_one_picture_at_a_time(shape, picture, batch):
    assert network(shape, {"more": np.ones((1, 4))}, picture=picture).image.batch == batch


def test_the_record_tells_values_apart():
    one = describe_bound({"a": np.full((2, 3), 0.5, np.float32)})
    assert one["a"]["value"] == 0.5
    assert one["a"]["shape"] == [2, 3]
    other = describe_bound({"a": np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 0.25]], np.float32)})
    assert "value" not in other["a"]
    assert other["a"]["sha256"] != one["a"]["sha256"]


def test_two_streams_are_each_explained_given_the_other():
    """Occlusion of one stream, against single runs of ONNX Runtime with the other held."""
    import onnxruntime as ort

    rng = np.random.default_rng(0)
    inputs = [value_info("rgb", ["b", "c", "h", "w"]), value_info("depth", ["b", "d", "h", "w"])]
    nodes = [
        node("Conv", ["rgb", "w3"], ["a"]), node("Conv", ["depth", "w2"], ["d"]),
        node("Concat", ["a", "d"], ["j"], axis=1), node("Relu", ["j"], ["r"]),
        node("GlobalAveragePool", ["r"], ["p"]), node("Flatten", ["p"], ["scores"]),
    ]  # fmt: skip
    constants = {"w3": rng.normal(size=(2, 3, 3, 3)).astype(np.float32),
                 "w2": rng.normal(size=(3, 2, 3, 3)).astype(np.float32)}  # fmt: skip
    proto = build(nodes, ["scores"], constants, inputs=inputs)
    x = {"rgb": rng.random((1, 3, 12, 12)).astype(np.float32),
         "depth": rng.random((1, 2, 12, 12)).astype(np.float32)}  # fmt: skip
    session = ort.InferenceSession(proto.SerializeToString())
    for name, other, target in (("rgb", "depth", 1), ("depth", "rgb", 3)):
        model = onnxplain.load(
            proto, preprocess="zero-one", input_name=name, size=(12, 12), bound={other: x[other]}
        )
        found = model.explain(
            x[name], "occlusion", target, kind="raw", window=4, stride=4, fill_with="0"
        )
        before = session.run(None, x)[0][0, target]
        drops = np.zeros((3, 3))
        for i in range(3):
            for j in range(3):
                covered = x[name].copy()
                covered[:, :, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4] = 0
                drops[i, j] = before - session.run(None, {**x, name: covered})[0][0, target]
        shown = found.heatmap()[2::4, 2::4]
        np.testing.assert_allclose(shown, drops, atol=1e-5 * np.abs(drops).max())
        assert found.provenance["bound"][other]["shape"] == list(x[other].shape)
