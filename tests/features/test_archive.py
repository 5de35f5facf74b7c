"""Arrays with a record: written whole, read back, and tied to the model that they are of."""

import json

import numpy as np
import pytest
from features.small import IMAGE, opened

from onnxplain.errors import OutputError, UsageError
from onnxplain.features.archive import FORMAT, origin, read_archive, require_same_model
from onnxplain.features.archive import write_archive as write

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([True, False])}


def test_what_is_written_is_read_back(tmp_path):
    write(tmp_path / "sub" / "x.npz", "atlas", {"k": [1, "ä"], "n": None}, ARRAYS)
    record, arrays = read_archive(tmp_path / "sub" / "x.npz", "atlas")
    assert record == {"k": [1, "ä"], "n": None}
    assert set(arrays) == set(ARRAYS)
    for name, values in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], values)
        assert arrays[name].dtype == values.dtype


def test_other_tools_can_read_it(tmp_path):
    write(tmp_path / "x.npz", "atlas", {"k": 1}, ARRAYS)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        assert json.loads(str(file["record"])) == {"format": FORMAT, "kind": "atlas", "k": 1}


def test_other_kinds_and_versions_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    write(path, "atlas", {}, ARRAYS)
    with pytest.raises(UsageError, match="is not a saved feature maps file: it is of another kind"):
        read_archive(path, "feature maps")
    for record in ({"kind": "atlas"}, {"format": FORMAT}, {"format": FORMAT + 1, "kind": "atlas"}):
        np.savez(path, record=np.array(json.dumps(record)), **ARRAYS)
        with pytest.raises(UsageError, match="is not a saved atlas file"):
            read_archive(path, "atlas")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x.npz"
    write(path, "atlas", {"k": 1}, ARRAYS)
    with pytest.raises(ValueError, match="JSON"):
        write(path, "atlas", {"k": float("nan")}, ARRAYS)
    assert read_archive(path, "atlas")[0] == {"k": 1}
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path / "file" / "x.npz", "atlas", {}, ARRAYS)


def test_the_origin_names_model_recipe_and_engine(tmp_path):
    model = opened(path=tmp_path / "m.onnx")
    found = origin(model)
    assert found["model"] == "m.onnx"
    assert found["model_sha256"] == model.sha256 == model.identity.files[0].sha256
    assert found["preprocess_sha256"] == model.preprocess.sha256
    assert found["engine"] == "CPUExecutionProvider"
    assert "bound" not in found
    json.dumps(found, allow_nan=False)
    gain = np.array([2.0], np.float32)
    body = "m = Mul(image, gain) g = GlobalMaxPool(m) scores = Flatten(g)"
    bound = opened(body, image=f"{IMAGE}, float[1] gain", bound={"gain": gain})
    assert "gain" in json.dumps(origin(bound)["bound"])


def test_numbers_are_of_the_model_that_they_came_from(tmp_path):
    model = opened(path=tmp_path / "m.onnx")
    record = origin(model)
    require_same_model(record, model, "these features")
    # Earlier versions wrote no files down.
    require_same_model({**record, "model_files": []}, model, "these features")
    require_same_model(record, opened(path=tmp_path / "renamed.onnx"), "these features")


def test_another_model_is_refused(tmp_path):
    model = opened(path=tmp_path / "m.onnx")
    other = opened("g = GlobalMaxPool(image) scores = Flatten(g)", path=tmp_path / "o.onnx")
    match = r"these features were selected for model 'm.onnx', not for 'o.onnx' \(their digests"
    with pytest.raises(UsageError, match=match):
        require_same_model(origin(model), other, "these features")
    edited = model.with_graph(model.network.graph)
    for record, opened_now in ((origin(edited), edited), (origin(edited), model)):
        with pytest.raises(UsageError, match="they have no digest"):
            require_same_model(record, opened_now, "these features")


def test_a_part_that_nobody_wrote_down_is_named(tmp_path):
    model = opened(path=tmp_path / "m.onnx")
    files = [*model.identity.to_list(), {"location": "m.data", "bytes": 3, "sha256": "ab"}]
    with pytest.raises(UsageError, match=r"weights file 'm\.data' is another one"):
        require_same_model({**origin(model), "model_files": files}, model, "these features")


@pytest.mark.parametrize("files", [5, [5], [{"sha256": "a"}, {"bytes": 3}], "ab", [None]])
def test_a_record_that_does_not_say_is_refused(tmp_path, files):
    model = opened(path=tmp_path / "m.onnx")
    with pytest.raises(UsageError, match="these features"):
        require_same_model({**origin(model), "model_files": files}, model, "these features")
