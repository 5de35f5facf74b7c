"""Class names beside the model and in its metadata: what is taken, what is left, what is said."""

import json

import pytest
from graphs import classifier

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.inputs.labels import find_labels

NAMES = ["a", "b", "c", "d"]
OTHERS = ["e", "f", "g", "h"]
INDEXED = {n: k for k, n in enumerate(NAMES)}


def lines(names):
    return "\n".join(names)


def find(folder, files=None, metadata=None, counts=(4,), stem="net.v1"):
    for name, text in (files or {}).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return find_labels(None, folder / f"{stem}.onnx", metadata or {}, counts)


BESIDE = {
    "net.v1.labels.json": json.dumps(NAMES),
    "net.v1.labels.txt": lines(NAMES),
    "net.v1.labels.csv": "id,name\n0,a\n1,b\n2,c\n3,d\n",
    "net.v1_labels.json": json.dumps(INDEXED),
    "net.v1_labels.txt": "0 a\n1 b\n2 c\n3 d",
    "labels.txt": lines(NAMES),
    "labels.json": json.dumps(INDEXED),
    "class_indices.json": json.dumps(INDEXED),
    "synset.txt": lines(f"n0144076{k} {n}" for k, n in enumerate(NAMES)),
    "imagenet_class_index.json": json.dumps({k: [f"n{k}", n] for k, n in enumerate(NAMES)}),
    "classes.txt": lines(NAMES),
    "names": lines(NAMES),
    "data.yaml": "nc: 4\nnames: [a, b, c, d]\n",
    "config.json": json.dumps({"id2label": dict(enumerate(NAMES))}),
}


@pytest.mark.parametrize(("name", "text"), BESIDE.items(), ids=BESIDE)
def test_a_file_beside_the_model(tmp_path, name, text):
    found = find(tmp_path, {name: text})
    assert (found.names, found.origin, found.warnings) == (NAMES, name, ())


def test_a_config_above_the_folder_onnx(tmp_path):
    """As repositories of Hugging Face hold exported models."""
    below = tmp_path / "onnx"
    below.mkdir()
    (tmp_path / "config.json").write_text(BESIDE["config.json"])
    assert find(below).names == NAMES
    other = tmp_path / "other"
    other.mkdir()
    assert find(other).names == []


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"id2label": {k: f"LABEL_{k}" for k in range(4)}}),
        json.dumps({"server": "localhost"}),
        "no JSON",
        "[1]",
    ],
)
def test_a_config_without_names_is_somebody_elses(tmp_path, text):
    found = find(tmp_path, {"config.json": text})
    assert (found.names, found.warnings) == ([], ())


def test_the_nearer_place_wins(tmp_path):
    files = {"labels.txt": lines(OTHERS)}
    assert find(tmp_path, files).origin == "labels.txt"
    inside = {"names": str(dict(enumerate(NAMES)))}
    assert find(tmp_path, metadata=inside).origin == "metadata 'names' of the model"
    assert find(tmp_path, {"net.v1_labels.txt": lines(OTHERS)}, inside).names == OTHERS
    assert find(tmp_path, {"net.v1.labels.txt": lines(NAMES)}).origin == "net.v1.labels.txt"


class TestWhatDoesNotFit:
    def test_a_file_of_the_folder_is_left_with_both_numbers(self, tmp_path):
        found = find(tmp_path, {"labels.txt": "a\nb", "classes.txt": lines(NAMES)})
        assert (found.names, found.origin) == (NAMES, "classes.txt")
        (said,) = found.warnings
        assert "labels 'labels.txt': 2 names, but the model has 4 classes" in said

    def test_a_file_of_the_folder_that_makes_no_sense(self, tmp_path):
        found = find(tmp_path, {"class_indices.json": '{"a": 0, "b": 2, "c": 3, "d": 4}'})
        assert (found.names, found.origin) == ([], "none")
        assert "index 1 is missing" in found.warnings[0]

    def test_a_config(self, tmp_path):
        found = find(tmp_path, {"config.json": BESIDE["config.json"]}, counts=(5,))
        assert "labels 'config.json': 4 names, but the model has 5 classes" in found.warnings[0]

    @pytest.mark.parametrize("name", [n for n in BESIDE if n.startswith("net.v1")])
    def test_a_file_of_the_model_is_an_error(self, tmp_path, name):
        with pytest.raises(UsageError, match="4 names, but the model has 5 classes"):
            find(tmp_path, {name: BESIDE[name]}, counts=(5,))

    def test_metadata(self, tmp_path):
        found = find(tmp_path, metadata={"names": "{0: 'a', 2: 'b'}", "labels": '["a"]'})
        assert found.names == []
        assert "1 names, but the model has 4 classes" in found.warnings[0]
        assert "index 1 is missing" in found.warnings[1]

    def test_an_answer_without_names_is_not_told_of_any(self, tmp_path):
        found = find(tmp_path, {"labels.txt": "a\nb"}, {"names": "[1]"}, counts=())
        assert (found.names, found.warnings) == ([], ())


class TestBackground:
    @pytest.mark.parametrize(("names", "classes"), [(1001, 1000), (91, 90)])
    def test_names_of_one_more(self, tmp_path, names, classes):
        given = ["background", *(f"class {k}" for k in range(names - 1))]
        said = f"{names} names, but the model has {classes} classes; remove 'background' at the top"
        with pytest.raises(UsageError, match=said):
            find_labels(given, None, {}, (classes,))

    @pytest.mark.parametrize(("names", "classes"), [(1000, 1001), (90, 91)])
    def test_a_class_more(self, tmp_path, names, classes):
        given = [f"class {k}" for k in range(names)]
        said = f"{names} names, but the model has {classes} classes; .*put 'background' before"
        with pytest.raises(UsageError, match=said):
            find_labels(given, None, {}, (classes,))

    def test_as_many_with_a_background_as_without(self):
        given = ["background", "a"]
        assert find_labels(given, None, {}, (2,)).names == given


class TestDoubts:
    def test_two_files_that_contradict_each_other(self, tmp_path):
        found = find(tmp_path, {"labels.txt": lines(NAMES), "classes.txt": lines(OTHERS)})
        assert found.names == NAMES
        assert (
            "taken from labels.txt, but classes.txt beside it says otherwise" in (found.warnings[0])
        )

    def test_two_files_that_agree_but_for_synonyms(self, tmp_path):
        files = {
            "synset.txt": "n01440764 tench, Tinca tinca\nn01443537 tiger shark",
            "imagenet_class_index.json": '{"0": ["x", "tench"], "1": ["y", "tiger_shark"]}',
        }
        assert find(tmp_path, files, counts=(2,)).warnings == ()

    def test_another_model_of_the_folder(self, tmp_path):
        (tmp_path / "other.onnx").touch()
        found = find(tmp_path, {"labels.txt": lines(NAMES)})
        assert found.names == NAMES
        assert "it may belong to another model of the folder" in found.warnings[0]
        assert "net.v1.labels.txt" in found.warnings[0]
        own = find(tmp_path, {"net.v1_labels.txt": lines(NAMES)})
        assert own.warnings == ()


METADATA = {
    "onnxplain.labels": json.dumps(NAMES),
    "names": str(dict(enumerate(NAMES))),
    "labels": "a b c d",  # OpenVINO
    "model_info labels": "a b c d",
    "classes": "a, b, c, d",
    "id2label": json.dumps(dict(enumerate(NAMES))),
    "label_names": json.dumps(NAMES),
}


@pytest.mark.parametrize(("key", "text"), METADATA.items(), ids=METADATA)
def test_metadata(tmp_path, key, text):
    found = find(tmp_path, metadata={key: text})
    assert (found.names, found.origin) == (NAMES, f"metadata {key!r} of the model")


def test_a_remark_in_metadata_is_no_name(tmp_path):
    found = find(tmp_path, metadata={"labels": "see the file that came with it"})
    assert (found.names, found.warnings) == ([], ())


@pytest.mark.parametrize("given", [dict(enumerate(NAMES)), INDEXED, {"id2label": NAMES and {
    str(k): n for k, n in enumerate(NAMES)}}])  # fmt: skip
def test_python_takes_mappings(given):
    model = onnxplain.load(classifier(), preprocess="zero-one", labels=given)
    assert model.labels == NAMES
    assert model.sources["labels"] == "given"


def test_names_in_the_side_file_are_said_to_be_from_there(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(classifier().SerializeToString())
    side = tmp_path / "m.onnxplain.json"
    side.write_text(json.dumps({"labels": NAMES}))
    model = onnxplain.load(path, preprocess="zero-one")
    assert (model.labels, model.sources["labels"]) == (NAMES, "m.onnxplain.json")
    side.write_text(json.dumps({"labels": NAMES[1:]}))
    with pytest.raises(UsageError, match=r"m\.onnxplain\.json': 3 names.* 4 classes"):
        onnxplain.load(path, preprocess="zero-one")


def test_a_pipe_is_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(UsageError, match="it is a pipe"):
        find_labels(tmp_path / "pipe.txt", None, {}, (4,))
    os.mkfifo(tmp_path / "labels.txt")
    assert find(tmp_path).names == []
