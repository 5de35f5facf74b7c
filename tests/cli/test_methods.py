"""The table of methods and their cards."""

import json

import pytest

from onnxplain.methods import registered

NAMES = list(registered())


def test_the_table_has_every_method_unbroken(run):
    found = run("methods")
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert len(lines) == 1 + len(NAMES)
    for line, (name, method) in zip(lines[1:], registered().items(), strict=True):
        assert line.startswith(name)
        assert line.endswith(method.summary)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_has_every_field_and_parameter(run, name):
    method = registered()[name]
    card = run("methods", name).stdout
    for text in (
        method.summary, method.family, method.reference, method.meaning, method.failures,
        method.promises or "nothing", method.runs_on, *method.parameters,
    ):  # fmt: skip
        assert text in card


def test_json_cards_are_those_of_the_table(run):
    cards = json.loads(run("methods", "--json").stdout)
    assert [c["name"] for c in cards] == NAMES
    for card in cards:
        assert json.loads(run("methods", card["name"], "--json").stdout) == card
    (occlusion,) = (c for c in cards if c["name"] == "occlusion")
    own = occlusion["parameters"]
    assert all(p.pop("meaning") for p in own.values())
    assert own == {
        "window": {"type": "HEIGHTxWIDTH or integer", "default": None},
        "stride": {"type": "HEIGHTxWIDTH or integer", "default": None},
        "fill_with": {"type": "text", "default": "mean"},
        "response_of": {"type": "text", "default": None},
        "refine": {"type": "integer", "default": 1},
        "engine": {"type": "auto or incremental or brute-force", "default": "auto"},
        "max_seconds": {"type": "number", "default": None},
        "tolerance": {"type": "number", "default": None},
    }
    assert occlusion["needs"] == ["forward", "windows"]


def test_an_unknown_method_gets_the_nearest_name(run):
    found = run("methods", "grad-cm")
    assert found.exit_code == 2
    assert found.stderr.startswith(
        "onnxplain: error: unknown method 'grad-cm'; nearest: 'grad-cam'"
    )
    assert found.stdout == ""
