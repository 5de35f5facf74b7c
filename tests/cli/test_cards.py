"""What `onnxplain methods` prints: all that a card says, for people and for programs."""

import inspect
import json

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
    assert "layer: text (default: automatic)" in text
    with pytest.raises(UnknownNameError):
        show_card("grad-cm", as_json=False)
