"""Names of classes: given, beside the model, inside of it, or known."""

import json

import pytest
from graphs import classifier

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.inputs.labels import find_labels, known_list

NAMES = ["tench", "cock of the rock", "hen 3"]


def find(given=None, path=None, metadata=None, classes=3):
    counts = (classes,) if isinstance(classes, int) else classes
    found = find_labels(given, path, metadata or {}, counts)
    return found.names, found.origin


@pytest.mark.parametrize("given", [NAMES, tuple(NAMES)])
def test_a_list(given):
    assert find(given) == (NAMES, "given")


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        ("json", json.dumps(NAMES)),
        ("json", json.dumps({"2": NAMES[2], "0": NAMES[0], "1": NAMES[1]})),
        ("JSON", json.dumps(NAMES)),
        ("txt", "\n".join(NAMES)),
        ("names", "\r\n".join(["", *NAMES, "", ""])),
    ],
)
def test_a_file(tmp_path, ending, content):
    path = tmp_path / f"classes.{ending}"
    path.write_text(content)
    assert find(path) == (NAMES, str(path))
    assert find(str(path)) == (NAMES, str(path))


def test_indices_are_sorted_as_numbers():
    names = {str(k): f"class {k}" for k in reversed(range(12))}
    found, _ = find(metadata={"names": json.dumps(names)}, classes=12)
    assert found == [f"class {k}" for k in range(12)]


def test_numbers_are_names_too():
    assert find(metadata={"labels": "[0, 1, 2.5]"})[0] == ["0", "1", "2.5"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("onnxplain.labels", json.dumps(NAMES)),
        ("labels", "\n".join(NAMES)),
        ("names", str(dict(enumerate(NAMES)))),  # as Ultralytics writes them
        ("classes", str(NAMES)),
    ],
)
def test_metadata(key, text):
    assert find(metadata={key: text}) == (NAMES, f"metadata {key!r} of the model")


def test_metadata_of_another_number_of_classes_is_passed_over():
    metadata = {"labels": '["a", "b"]', "names": json.dumps(NAMES)}
    assert find(metadata=metadata) == (NAMES, "metadata 'names' of the model")
    assert find(metadata={"labels": '["a", "b"]'}) == ([], "none")


@pytest.mark.parametrize("text", ["{'a': open('x')}", "[" * 10_000, "\x00", "{", "[[1], [2], [3]]"])
def test_metadata_that_make_no_sense(text):
    assert find(metadata={"names": text}) == ([], "none")


def test_order_of_the_places(tmp_path):
    path = tmp_path / "net.v1.onnx"
    inside = {"labels": json.dumps(["in 0", "in 1", "in 2"])}
    assert find(None, path, inside)[1] == "metadata 'labels' of the model"
    (tmp_path / "net.v1.labels.txt").write_text("text 0\ntext 1\ntext 2\n")
    assert find(None, path, inside)[1] == "net.v1.labels.txt"
    (tmp_path / "net.v1.labels.json").write_text(json.dumps(["json 0", "json 1", "json 2"]))
    assert find(None, path, inside) == (["json 0", "json 1", "json 2"], "net.v1.labels.json")
    assert find(NAMES, path, inside) == (NAMES, "given")


class TestKnownList:
    def test_by_name(self):
        names, source = find("imagenet1k", classes=1000)
        assert source == "imagenet1k"
        assert (names[0], names[281], names[999]) == ("tench", "tabby", "toilet tissue")
        assert len(names) == 1000

    def test_guessed_for_a_thousand_classes(self):
        names, source = find(classes=1000)
        assert names == known_list("imagenet1k")
        assert source.startswith("a guess: ")
        assert find(classes=1001) == ([], "none")

    def test_names_are_told_apart(self):
        names = known_list("imagenet1k")
        # Two birds and machines, two bathing suits: they are called the same in the data set.
        assert len(set(names)) >= 998


@pytest.mark.parametrize("given", [["a"], [*NAMES, "more"], []])
def test_a_wrong_number_of_names(given):
    said = f"'the labels given': {len(given)} names, but the model has 3 classes"
    with pytest.raises(UsageError, match=said):
        find(given)


def test_a_wrong_number_of_names_beside_the_model(tmp_path):
    (tmp_path / "m.labels.txt").write_text("a\nb")
    with pytest.raises(UsageError, match=r"m\.labels\.txt': 2 names"):
        find(None, tmp_path / "m.onnx")


@pytest.mark.parametrize("given", [["no", "yes"], ["yes"]])
def test_either_of_two_numbers_of_names_fits(given):
    """A yes/no answer has names of both sides, or of yes alone."""
    assert find(given, classes=(2, 1)) == (given, "given")
    with pytest.raises(UsageError, match="3 names, but the model has 2 or 1 classes"):
        find(NAMES, classes=(2, 1))


def test_what_has_no_names_takes_none():
    assert find(metadata={"labels": json.dumps(NAMES)}, classes=()) == ([], "none")
    with pytest.raises(UsageError, match="3 names, but the model has no classes"):
        find(NAMES, classes=())


@pytest.mark.parametrize(
    "content", ['"tench"', "3", '{"a": "b"}', "[[1], [2], [3]]", '{"²": "a"}', "[null]"]
)
def test_json_that_holds_no_names(tmp_path, content):
    (tmp_path / "l.json").write_text(content, "utf-8")
    with pytest.raises(
        UsageError, match=r"l\.json'.*(expected a list of names|write a name|not an index)"
    ):
        find(tmp_path / "l.json")


def test_a_file_that_is_not_there_offers_the_known_lists(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read labels 'imagenet'.*imagenet1k"):
        find("imagenet")


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "l.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot read labels"):
        find(tmp_path / "l.txt")


def test_a_model_with_names_inside_of_it():
    proto = classifier()
    entry = proto.metadata_props.add()
    entry.key, entry.value = "names", "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}"
    model = onnxplain.load(proto, preprocess="zero-one")
    assert model.labels == ["a", "b", "c", "d"]
    assert model.sources["labels"] == "metadata 'names' of the model"
