"""What `onnxplain methods` prints: all that a card says, for people and for programs."""

import inspect
import json
import re

import pytest

from onnxplain.cli.cards import card, show_card, show_table
from onnxplain.errors import UnknownNameError
from onnxplain.methods import find, registered


def test_a_card_has_the_parameters_of_the_function():
    found = card(find("occlusion"))
    signature = inspect.signature(find("occlusion").function)
    for name, parameter in found["parameters"].items():
        assert signature.parameters[name].default == parameter["default"]
    assert found["needs"] == [c.name.lower() for c in find("occlusion").needs]


def test_the_table_has_every_method(capsys):
    show_table(as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [text.split()[0] for text in lines[1:]] == list(registered())
    show_table(as_json=True)
    assert [c["name"] for c in json.loads(capsys.readouterr().out)] == list(registered())


def test_one_card_in_words(capsys):
    show_card("grad-cam", as_json=False)
    text = capsys.readouterr().out
    assert find("grad-cam").failures in text
    assert "layer=automatic (text): " in text
    with pytest.raises(UnknownNameError):
        show_card("grad-cm", as_json=False)


def test_every_parameter_is_explained_in_words():
    for method in registered().values():
        for name, said in card(method)["parameters"].items():
            assert said["meaning"].endswith("."), (method.name, name)
            assert not re.search("`|[Ss]ee |class '", said["meaning"] + said["type"])
            assert said["type"], (method.name, name)


def test_choices_and_defaults_as_a_person_writes_them(capsys):
    show_card("occlusion", as_json=False)
    text = capsys.readouterr().out
    assert "window=automatic (HEIGHTxWIDTH or integer)" in text
    assert "engine=auto (auto or incremental or brute-force)" in text
    show_card("lrp", as_json=False)
    text = capsys.readouterr().out
    assert "zero_bias=no (yes/no)" in text
    assert "composite=auto (text)" in text


def test_what_another_method_says_is_said_again():
    own, other = card(find("d-rise"))["parameters"], card(find("rise"))["parameters"]
    assert own["cells"]["meaning"] == other["cells"]["meaning"] != ""
