"""Choices are read as anybody's file: bound to the model, and refused in one line."""

import json
from types import SimpleNamespace

import pytest
from evaluate.choose.made import choice

from onnxplain.errors import UsageError
from onnxplain.evaluate.choose.kept import beside, read_choice, save_choice

MODEL = SimpleNamespace(sha256="a", preprocess=SimpleNamespace(sha256="b"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "m.choice.json"
    save_choice(choice(), path)
    return path


def test_what_is_written_is_read(file):
    found = read_choice(file, MODEL)
    wanted = choice()
    assert found.findings == wanted.findings
    assert (found.best, found.conclusion, found.pictures) == ("gradient", wanted.conclusion, 20)
    assert beside("folder/m.onnx").as_posix() == "folder/m.choice.json"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (SimpleNamespace(sha256="x", preprocess=MODEL.preprocess), "another file"),
        (SimpleNamespace(sha256="", preprocess=MODEL.preprocess), "another file"),
        (SimpleNamespace(sha256="a", preprocess=SimpleNamespace(sha256="c")), "preprocessing"),
    ],
)
def test_another_model_is_refused(file, model, said):
    with pytest.raises(UsageError, match=said):
        read_choice(file, model)


def changed(record, path, value):
    """Put a value somewhere into plain data."""
    *parts, last = path.split("/")
    for part in parts:
        record = record[part]
    if value is KeyError:
        del record[last]
    else:
        record[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 2),
        ("kind", "record"),
        ("kind", ["choice"]),
        ("best", "lrp"),
        ("best", ["gradient"]),
        ("conclusion", "perfect"),
        ("conclusion", {}),
        ("pictures", "many"),
        ("pictures", True),
        ("findings", []),
        ("findings", {}),
        ("findings/gradient", None),
        ("findings/gradient/null", {"0": 1}),
        ("findings/gradient/null", [0.1, "x"]),
        ("findings/gradient/null", [0.1] * 10_001),
        ("findings/gradient/method", 3),
        ("findings/gradient/method", "x" * 1_001),
        ("findings/gradient/standings", {}),
        ("findings/gradient/standings/imputed-regions/mean", 10**400),
        ("findings/gradient/standings/imputed-regions/control", None),
        ("findings/gradient/parameters", {"window": [1]}),
        ("about", "me"),
        ("about/model_sha256", KeyError),
        ("tied", "gradient"),
        ("remarks", [1]),
    ],
)
def test_damage_is_refused_in_one_line(file, path, value):
    record = json.loads(file.read_text("utf-8"))
    changed(record, path, value)
    file.write_text(json.dumps(record), "utf-8")
    with pytest.raises(UsageError, match=r"cannot|is not a choice that can be read") as found:
        read_choice(file, MODEL)
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 400


@pytest.mark.parametrize("text", ["", "[]", "3", '{"kind": NaN}', "[" * 100_000, '{"a": 1e999}'])
def test_what_is_no_choice_at_all(file, text):
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError):
        read_choice(file, MODEL)


def test_names_of_files_are_shown_without_control_characters(file):
    record = json.loads(file.read_text("utf-8"))
    record["conclusion"] = "\x1b[31mred\n"
    file.write_text(json.dumps(record), "utf-8")
    with pytest.raises(UsageError) as found:
        read_choice(file, MODEL)
    assert "\x1b" not in str(found.value)
