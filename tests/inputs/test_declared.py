"""Who may say how pictures are prepared, and who is heard first."""

import json
from dataclasses import replace

import onnx
import pytest
from graphs import classifier

from onnxplain.errors import OnnxplainError, UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.inputs.conventions.convention import Convention
from onnxplain.inputs.declared import METADATA_KEY, Declared, find_declared
from onnxplain.inputs.preprocess import preset

IMAGE = ImageInput("x", "float32", "NCHW", 3, (32, 32), None, False)
RECIPE = preset("zero-one", "NCHW", (12, 12))


def named(name):
    return replace(RECIPE, name=name)


@pytest.fixture
def everywhere(tmp_path):
    """A model with a recipe in each place: file, metadata and what else we look for."""
    file = tmp_path / "m.onnx"
    onnx.save(classifier(), file)
    places = {
        "m.onnxplain.json": {"preprocess": named("beside").to_dict()},
        "m.preprocess.json": named("own").to_dict(),
        "other.json": named("other").to_dict(),
    }
    for name, data in places.items():
        (tmp_path / name).write_text(json.dumps(data))
    metadata = {METADATA_KEY: json.dumps(named("inside").to_dict())}
    return file, {"preprocess": named("beside").to_dict()}, metadata


def test_the_nearer_word_comes_first(everywhere):
    file, beside, metadata = everywhere

    def found(given=None, beside=beside, file=file, metadata=metadata):
        said = find_declared(given, beside, file, metadata)
        return (said.recipe.name if said.recipe else None), said.origin

    other = file.with_name("other.json")
    assert found(RECIPE) == ("zero-one", "given")
    assert found(other) == found(str(other))
    assert found(other) == ("other", str(other))
    assert found("raw-bgr") == (None, "preset")
    assert found() == ("beside", "m.onnxplain.json")
    assert found(beside={}) == ("own", "m.preprocess.json")
    file.with_name("m.preprocess.json").unlink()
    assert found(beside={}) == ("inside", "metadata of the model")
    assert found(beside={}, file=None) == ("inside", "metadata of the model")
    assert found(beside={}, metadata={}) == (None, "")


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[]", '{"layout": 1}'])
def test_damaged_metadata_is_named(text):
    with pytest.raises(UsageError, match=METADATA_KEY):
        find_declared(None, {}, None, {METADATA_KEY: text})


def test_a_word_that_is_neither_preset_nor_file_is_answered_with_the_presets():
    with pytest.raises(OnnxplainError, match="imagenet-torch"):
        find_declared("imagenet-torsh", {}, None, {})


def convention(source="a", **more):
    return Convention(source, source, **more)


def test_the_first_convention_is_taken_and_contradictions_are_said():
    first = convention("a", values={"scale": 1 / 255, "crop_fraction": 0.5}, doubts=("unsure",))
    others = (
        convention("same", values={"scale": 1 / 255}),
        convention("wider", values={"crop_fraction": 1.0}),
    )
    recipe, source, said = Declared(conventions=(first, *others), warnings=("lost",)).chosen(IMAGE)
    assert (recipe.name, source, recipe.crop_fraction) == ("a", "a", 0.5)
    assert said == [
        "lost",
        "preprocessing from a: unsure",
        "a and wider contradict each other (values of white, crop_fraction); the first one is used",
    ]


def test_colours_contradict_each_other():
    said = Declared(conventions=(convention(), convention("b", values={"color": "BGR"})))
    assert "(RGB and BGR)" in said.chosen(IMAGE)[2][0]


def test_a_convention_for_other_channels_is_ignored_but_refused_if_it_was_named():
    four, three = convention("four", values={"mean": (1.0,) * 4}), convention("three")
    recipe, source, said = Declared(conventions=(four, three)).chosen(IMAGE)
    assert (recipe.name, source) == ("three", "three")
    problem = "it gives 4 values of mean for 3 channels"
    assert said == [f"four does not fit this model and is ignored: {problem}"]
    assert Declared(conventions=(four,)).chosen(IMAGE) == (None, "", said)
    with pytest.raises(UsageError, match=f"preprocess four: {problem}"):
        Declared(conventions=(four,), named=True).chosen(IMAGE)


def test_another_size_is_said_unless_the_size_is_free():
    other = Declared(conventions=(convention(), convention("b", size=(64, 48))))
    assert other.usual_size == ((64, 48), "b")
    assert Declared(conventions=(convention(),)).usual_size is None
    only = Declared(conventions=(convention("b", size=(64, 48)),))
    (said,) = only.chosen(IMAGE)[2]
    assert "64 x 48, but the model takes 32 x 32" in said
    assert only.chosen(replace(IMAGE, free_size=True))[2] == []
