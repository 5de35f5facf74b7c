"""Explanations keep raw numbers, survive a round trip bit by bit, and refuse damaged files."""

import dataclasses
import json
import math

import numpy as np
import pytest

from onnxplain import Explanation
from onnxplain.errors import OutputError, UsageError
from onnxplain.explanations import explanation as explanation_module
from onnxplain.targets.target import Target
from tests.made_explanations import made

ARRAYS = ("attribution", "scores", "pixels")
ENDINGS = ("npz", "json")


@pytest.fixture
def explanation():
    values = np.random.default_rng(0).normal(size=(3, 4, 4)).astype(np.float32)
    values[0, 0, :3] = [1e-40, -0.0, 3.4e38]  # what a text format would not keep
    return made(
        values, axes=("C", "H", "W"), method="occlusion", layer="features",
        target=Target(1, "probability", "y", "softmax", 3, 2, "K\u00e4tzchen"),
        parameters={"window": [2, 2], "fill_with": "mean", "layer": None, "epsilon": 1e-6},
        measures={"completeness_gap": 0.25, "parity_error": float("inf")},
        maps={"score": np.eye(2), "predicted_class": np.arange(4).reshape(2, 2)},
        notes={"leaks": [{"tensor": "t", "operator": "Conv", "absorbed": np.float32(0.5)}]},
    )  # fmt: skip


def fields(explanation):
    skip = (*ARRAYS, "maps", "measures", "notes", "axes")
    return {k: v for k, v in vars(explanation).items() if k not in skip}


@pytest.mark.parametrize("ending", ENDINGS)
def test_round_trip_is_bit_equal(explanation, tmp_path, ending):
    explanation.save(tmp_path / f"e.{ending}")
    found = Explanation.load(tmp_path / f"e.{ending}")
    for name in ARRAYS:
        before, after = getattr(explanation, name), getattr(found, name)
        assert (before.dtype, before.shape) == (after.dtype, after.shape)
        assert before.tobytes() == after.tobytes()
    assert set(found.maps) == set(explanation.maps)
    for name, before in explanation.maps.items():
        assert before.dtype == found.maps[name].dtype
        np.testing.assert_array_equal(before, found.maps[name])
    assert fields(found) == fields(explanation)
    assert found.axes == ("C", "H", "W")
    assert found.notes["leaks"][0]["absorbed"] == 0.5


def test_both_formats_hold_the_same(explanation, tmp_path):
    for ending in ENDINGS:
        explanation.save(tmp_path / f"e.{ending}")
    one, other = (Explanation.load(tmp_path / f"e.{ending}") for ending in ENDINGS)
    assert one.to_dict() == other.to_dict()


def test_a_number_that_json_lacks_is_null(explanation):
    record = explanation.to_dict()
    assert record["measures"] == {"completeness_gap": 0.25, "parity_error": None}
    json.dumps(record, allow_nan=False)


def test_the_record_names_the_most_probable_classes():
    top = made(np.eye(4)).to_dict()["top"]
    assert [(t["index"], t["name"]) for t in top] == [(1, "cat"), (0, "dog"), (2, "cow")]


def test_saving_again_gives_the_same_arrays(explanation, tmp_path):
    explanation.save(tmp_path / "a.npz")
    Explanation.load(tmp_path / "a.npz").save(tmp_path / "b.npz")
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        assert a.files == b.files
        assert all(a[k].tobytes() == b[k].tobytes() for k in a.files)


def test_nothing_is_pickled(explanation, tmp_path):
    explanation.save(tmp_path / "e.npz")
    with np.load(tmp_path / "e.npz", allow_pickle=False) as file:
        assert not any(file[k].dtype.hasobject for k in file.files)


def test_another_ending_is_refused(explanation, tmp_path):
    with pytest.raises(UsageError, match=r"use \.npz or \.json"):
        explanation.save(tmp_path / "e.pkl")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_named(explanation, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another folder"):
        explanation.save(tmp_path / "file" / "e.npz")


def test_a_failure_while_saving_leaves_no_file(explanation, tmp_path, monkeypatch):
    def stop(file, arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(explanation_module, "write_npz", stop)
    with pytest.raises(KeyboardInterrupt):
        explanation.save(tmp_path / "e.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("damage", ["empty", "truncated", "text", "flipped"])
def test_damaged_files_are_refused(explanation, tmp_path, ending, damage):
    path = tmp_path / f"e.{ending}"
    explanation.save(path)
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "empty": b"",
            "truncated": whole[:middle],
            "text": b"hello",
            "flipped": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
        }[damage]
    )
    with pytest.raises(UsageError, match="is not a saved explanation"):
        Explanation.load(path)


@pytest.mark.parametrize("dtype", ["04f4", "(2,f4", "f4,f4", "O", "m8[x]", "U99999999999", 5, {}])
def test_an_element_type_that_numpy_would_parse_is_refused(explanation, tmp_path, dtype):
    """Its reader takes lists of types, and fails at them in ways of its own."""
    path = tmp_path / "e.json"
    explanation.save(path)
    record = json.loads(path.read_text())
    next(iter(record["arrays"].values()))["dtype"] = dtype
    path.write_text(json.dumps(record))
    with pytest.raises(UsageError, match="is not a saved explanation"):
        Explanation.load(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_missing_file_is_named(tmp_path, ending):
    with pytest.raises(UsageError, match="no saved explanation at"):
        Explanation.load(tmp_path / f"none.{ending}")


def test_other_npz_files_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.eye(2))
    np.savez(tmp_path / "pickle.npz", record=np.array([{}], object))
    for name in ("other", "pickle"):
        with pytest.raises(UsageError, match="is not a saved explanation"):
            Explanation.load(tmp_path / f"{name}.npz")


def test_a_missing_key_and_another_format_are_refused(explanation, tmp_path):
    path = tmp_path / "e.json"
    explanation.save(path)
    record = json.loads(path.read_text())
    for change in ({"format": 99}, {"arrays": {}}, {"target": {}}, {"score": ...}):
        changed = {k: v for k, v in (record | change).items() if v is not ...}
        path.write_text(json.dumps(changed))
        with pytest.raises(UsageError, match="is not a saved explanation"):
            Explanation.load(path)


def test_heatmap_is_the_displayed_part_at_the_size_of_the_input():
    values = np.array([[[1.0, -2.0], [3.0, 0.0]], [[1.0, 0.5], [-4.0, 0.0]]])
    pixels = np.zeros((2, 2, 3), np.uint8)
    explanation = made(values, axes=("C", "H", "W"), pixels=pixels, display="positive")
    np.testing.assert_array_equal(explanation.heatmap(), [[2.0, 0.0], [0.0, 0.0]])
    assert explanation.heatmap(size=(5, 7)).shape == (5, 7)


def test_looking_at_an_explanation_does_not_change_it(explanation):
    before = explanation.attribution.tobytes()
    explanation.heatmap()
    explanation.overlay()
    explanation.plot()
    assert explanation.attribution.tobytes() == before


def test_what_the_first_format_held_were_probabilities(explanation, tmp_path):
    explanation.save(tmp_path / "e.npz")
    with np.load(tmp_path / "e.npz") as file:
        arrays = {k: file[k] for k in file.files}
    record = json.loads(str(arrays.pop("record")))
    arrays["probabilities"] = arrays.pop("scores")
    record["format"] = 1
    del record["unit"], record["target"]["type"]
    np.savez(tmp_path / "first.npz", record=np.array(json.dumps(record)), **arrays)
    found = Explanation.load(tmp_path / "first.npz")
    assert found.unit == "probability"
    assert found.scores.tobytes() == explanation.scores.tobytes()
    assert found.target == explanation.target


def edited(explanation, path, change):
    """Save an explanation as JSON, with another record."""
    explanation.save(path)
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    return path


def deep(levels):
    return json.loads("[" * levels + "]" * levels)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("method", 3), ("display", "negative"), ("unit", ["logit"]), ("axes", ["H", "H"]),
        ("axes", ["C"]), ("parameters", []), ("labels", {"0": 3}), ("labels", {"9" * 5000: "a"}),
        ("measures", {"conservation": "high"}), ("measures", {"conservation": True}),
        ("notes", "none"), ("notes", {"sampling_ended": 3}), ("provenance", []),
        ("provenance", {"input": 3.5}), ("layer", 7), ("score", "1"), ("seconds", []),
        ("notes", {"a": deep(200)}), ("notes", {"a": 2**70}), ("parameters", {"window": [1, "x"]}),
    ],
)  # fmt: skip
def test_a_record_of_other_things_is_refused(explanation, tmp_path, key, value):
    path = edited(explanation, tmp_path / "e.json", lambda record: record.update({key: value}))
    with pytest.raises(UsageError, match="is not a saved explanation") as caught:
        Explanation.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("index", "0"), ("index", True), ("index", -1), ("index", 1000), ("contrast", []),
     ("kind", "votes"), ("name", 3),
     ("position", ["a"]), ("margin", 1), ("reading", {}), ("weights", [1.0])],
)  # fmt: skip
def test_a_target_of_other_things_is_refused(explanation, tmp_path, key, value):
    path = edited(explanation, tmp_path / "e.json", lambda r: r["target"].update({key: value}))
    with pytest.raises(UsageError, match="is not a saved explanation"):
        Explanation.load(path)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("attribution", np.zeros(3, np.float32)), ("attribution", np.zeros((0, 4), np.float32)),
        ("attribution", np.zeros((2, 4), np.int8)), ("scores", np.zeros((2, 2))),
        ("scores", np.array(["a"])), ("pixels", np.zeros((4, 4), np.uint8)),
        ("pixels", np.zeros((4, 4, 2), np.uint8)), ("pixels", np.zeros((4, 4, 3), np.float32)),
        ("pixels", np.zeros((4, 4, 3), np.uint16)), ("map:more", np.zeros((1,) * 5)),
        ("more", np.zeros(2, "V8")),
    ],
)  # fmt: skip
def test_arrays_of_other_kinds_are_refused(explanation, tmp_path, name, array):
    path = tmp_path / "e.npz"
    explanation.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, name: array})
    with pytest.raises(UsageError, match="is not a saved explanation"):
        Explanation.load(path)


def test_a_number_that_json_lacks_is_read_as_nan(explanation, tmp_path):
    odd = dataclasses.replace(explanation, measures={"relative_error": np.nan}, score=np.nan)
    odd.save(tmp_path / "e.npz")
    found = Explanation.load(tmp_path / "e.npz")
    assert math.isnan(found.measures["relative_error"])
    assert math.isnan(found.score)
    found.plot()
