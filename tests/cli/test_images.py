"""Which files are meant by what was given, and how their results are called."""

import re
from pathlib import Path

import pytest

from onnxplain.cli.images import cut, find_images, require_order, result_names, shortened
from onnxplain.errors import UsageError
from tests.cli.conftest import MODEL


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.jpg", "notes.txt", "deep/c.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def test_files_folders_and_patterns(folder):
    given = [str(folder), str(folder / "**" / "*"), str(folder / "notes.txt"), "nowhere.png"]
    found, empty = find_images(given)
    names = [str(p.relative_to(folder)) for p in found[:-1]]
    assert names == ["a.jpg", "b.png", str(Path("deep/c.png")), "notes.txt"]
    assert found[-1] == Path("nowhere.png")
    assert empty == []


def test_what_holds_no_image_is_an_error_and_not_the_end(folder):
    (folder / "empty").mkdir()
    found, errors = find_images([str(folder / "empty"), str(folder / "x*"), str(folder / "b.png")])
    assert found == [folder / "b.png"]
    assert [str(folder / name) in str(e) for e, name in zip(errors, ("empty", "x*"), strict=True)]
    assert len(errors) == 2


def test_no_two_results_have_one_name():
    paths = [Path(p) for p in ("a/cat.png", "b/Cat.png", "c/cat-2.png", "d/cat.jpg")]
    names = list(result_names(paths).values())
    assert names[0] == "cat"
    assert names[2] == "cat-2"
    assert len({n.casefold() for n in names}) == 4


@pytest.mark.parametrize("letter", ["n", "\u732b"])
def test_long_names_are_cut_and_stay_apart(letter):
    first, second = (shortened(letter * 300 + end) for end in "ab")
    assert first != second
    assert max(len(n.encode()) for n in (first, second)) < 150
    assert shortened("short") == "short"
    assert cut("\u732b" * 10, 7) == "\u732b" * 2


@pytest.mark.parametrize(
    ("model", "data", "said"),
    [
        ("cat.png", ["m.onnx"], "'cat.png' is where the model should be; the model comes first"),
        ("cat.png", ["m.onnx"], "comes first: m.onnx cat.png"),
        (".", ["m.onnx"], "'.' is where the model should be"),
        ("cat.JPG", ["."], "the model comes first: MODEL.onnx cat.JPG"),
        ("m.onnx", ["cat.png", "n.onnx"], "'n.onnx' is a model, not a picture"),
    ],
)
def test_swapped_arguments_are_recognised(model, data, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        require_order(model, data)


def test_the_right_order_passes():
    require_order("m.onnx", ["cat.png", "."])
    require_order("m.bin", [])


@pytest.mark.parametrize("command", ["explain", "evaluate", "audit"])
def test_commands_say_which_order_was_meant(run, tmp_path, command):
    found = run(command, "examples/photos/chelsea.png", MODEL, "-o", tmp_path / "out")
    assert found.exit_code == 2
    assert "the model comes first" in found.stderr
