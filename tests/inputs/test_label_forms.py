"""Class names in JSON and Python data: every form that frameworks write."""

import json

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.inputs.label_forms import names_in, parse, placeholders

NAMES = ["tench", "cock of the rock", "hen 3"]
WNIDS = ["n01440764", "n01514668", "n01514859"]
BACK = range(len(NAMES) - 1, -1, -1)


def index_of(names):
    return {name: k for k, name in enumerate(names)}


FORMS = {
    "a list": NAMES,
    "Keras class_indices": {NAMES[k]: k for k in BACK},
    "index to name": {str(k): NAMES[k] for k in BACK},
    "whole numbers for keys": {k: NAMES[k] for k in BACK},
    "imagenet_class_index": {str(k): [WNIDS[k], NAMES[k]] for k in BACK},
    "index to description": {str(k): {"id": WNIDS[k], "label": NAMES[k]} for k in BACK},
    "Hugging Face": {"id2label": {str(k): NAMES[k] for k in BACK}, "num_labels": 7},
    "Hugging Face, turned": {"label2id": {NAMES[k]: k for k in BACK}},
    "Hugging Face, turned texts": {"label2id": {NAMES[k]: str(k) for k in BACK}},
    "timm": {"pretrained_cfg": {"label_names": NAMES}, "num_classes": 3},
    "timm with descriptions": {
        "label_names": WNIDS,
        "label_descriptions": dict(zip(WNIDS, NAMES, strict=True)),
    },
    "pairs": [[WNIDS[k], NAMES[k]] for k in range(3)],
    "pairs with indices": [[k, NAMES[k]] for k in BACK],
    "COCO": {"images": [], "categories": [{"id": k, "name": NAMES[k]} for k in BACK]},
    "objects in order": [{"title": n} for n in NAMES],
    "a list below a key": {"nc": 3, "names": NAMES},
    "a mapping below a key": {"names": dict(enumerate(NAMES))},
}


@pytest.mark.parametrize("data", FORMS.values(), ids=FORMS)
def test_each_form_gives_the_names_in_order(data):
    assert names_in(data, "x") == NAMES
    if "whole numbers for keys" not in FORMS or data is not FORMS["whole numbers for keys"]:
        assert names_in(parse(json.dumps(data), "x"), "x") == NAMES
    assert names_in(parse(str(data), "x"), "x") == NAMES  # a Python literal, as Ultralytics has it


def test_numbers_are_names():
    assert names_in([0, 1, 2.5], "x") == ["0", "1", "2.5"]
    assert names_in(list(np.arange(3)), "x") == ["0", "1", "2"]


def test_many_indices_are_sorted_as_numbers():
    names = [f"class {k}" for k in range(12)]
    texts = sorted(range(12), key=str)
    assert names_in({str(k): names[k] for k in texts}, "x") == names
    assert names_in({names[k]: k for k in texts}, "x") == names


class TestNumbersForNumbers:
    """Folders called 0, 1, 2, ...: which side is the index?"""

    def test_both_readings_agree(self):
        assert names_in({"0": 0, "2": 2, "1": 1}, "x") == ["0", "1", "2"]

    def test_only_one_reading_counts_from_0(self):
        assert names_in({"5": 0, "7": 2, "6": 1}, "x") == ["5", "6", "7"]
        assert names_in({"0": 5, "2": 7, "1": 6}, "x") == ["5", "6", "7"]

    def test_both_are_possible(self):
        folders = {name: k for k, name in enumerate(sorted(map(str, range(11))))}
        with pytest.raises(UsageError, match="both possible; write a list"):
            names_in(folders, "x")
        # What Keras' file is called decides.
        assert names_in(folders, "x", keys_are_names=True) == sorted(map(str, range(11)))


REFUSED = {
    "a gap": ({"0": "a", "1": "b", "3": "d"}, "index 2 is missing, the highest is 3"),
    "a gap, turned": ({"a": 0, "b": 1, "d": 3}, "index 2 is missing, the highest is 3"),
    "far away": ({"0": "a", "999999999999": "b"}, "index 1 is missing"),
    "twice": ({"a": 0, "b": 1, "c": 1}, "index 1 appears twice: 'b' and 'c'"),
    "twice, written differently": ({"0": "a", "00": "b"}, "index 0 appears twice"),
    "negative": ({"-1": "a", "0": "b"}, r"index -1 is negative \('a'\)"),
    "negative, turned": ({"a": -1, "b": 0}, r"index -1 is negative \('a'\)"),
    "from 1": ({"1": "a", "2": "b"}, "count from 1 to 2; .*subtract 1"),
    "a truth": ({"a": 0, "b": True}, "'b' has true as an index"),
    "nothing": ({"a": 0, "b": None}, "'b' has null as an index"),
    "a fraction": ({"a": 0, "b": 1.5}, "'b' has 1.5 as an index"),
    "a name that is null": ({"0": "a", "1": None}, "index 1 has null for a name"),
    "a name that is true": (["a", True], "entry 1 has true for a name"),
    "a name that is a list": (["a", ["b"]], "entry 1 is a list"),
    "some keys": ({"0": "a", "b": "c"}, "the key 'b' is not an index"),
    "nothing in it": ({}, "it holds no names; expected a list of names, {index: name}"),
    "a text": ("tench", "it holds no names"),
    "texts for texts": ({"a": "b"}, "it holds no names"),
    "a long name": (["a" * 501], "501 characters, 500 are allowed"),
    "objects without names": ([{"id": 0}, {"id": 1}], "call it 'name'"),
}


@pytest.mark.parametrize(("data", "said"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_named(data, said):
    with pytest.raises(UsageError, match=said) as raised:
        names_in(data, "names.json")
    assert str(raised.value).startswith("labels 'names.json': ")
    assert "\n" not in str(raised.value)


def test_a_key_that_is_there_twice_is_not_overwritten():
    with pytest.raises(UsageError, match="key 'cat' appears twice"):
        parse('{"cat": 0, "dog": 1, "cat": 2}', "x")


@pytest.mark.parametrize("text", ["{'a': open('x')}", "[" * 10_000, "\x00", "{", "1 +"])
def test_text_that_is_no_data(text):
    with pytest.raises(UsageError, match="not valid JSON"):
        parse(text, "x")


def test_placeholders_are_no_names():
    assert placeholders(["LABEL_0", "LABEL_1"])
    assert not placeholders(["LABEL_0", "cat"])
    assert not placeholders([])


@pytest.mark.parametrize("key", ["class_to_idx", "label2idx", "class_indices"])
def test_names_to_indices_beside_other_things(key):
    assert names_in({"epochs": 3, key: {"dog": 1, "cat": 0}}, "x") == ["cat", "dog"]


@pytest.mark.parametrize("key", ["idx_to_class", "idx2label", "id2name"])
def test_indices_to_names_beside_other_things(key):
    assert names_in({"arch": "r18", key: {"1": "dog", "0": "cat"}}, "x") == ["cat", "dog"]
