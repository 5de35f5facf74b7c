"""What the command asks of sessions."""

import numpy as np
import pytest

import onnxplain
from onnxplain import machine
from onnxplain.cli.choices import Chosen
from onnxplain.cli.explain.sessions import leaving, open_ahead
from onnxplain.errors import UnsupportedModelError
from onnxplain.methods.registry import find

FILE = "models/digits-gap.onnx"


@pytest.fixture
def model():
    return onnxplain.load(FILE)


def test_scores_and_layers_are_the_same_bits_with_fewer_threads(model, monkeypatch):
    monkeypatch.setattr(machine, "processors", lambda: 2)
    x, names = model.network.example(), [model.network.layers[0].name, *model.network._scores]
    before = model.network.ort.activations(x, names)
    leaving(model, None)(1)
    assert model.network.ort._fewer == 1
    after = model.network.ort.activations(x, names)
    for name in names:
        np.testing.assert_array_equal(after[name], before[name])
    leaving(model, None)(0)
    assert model.network.ort._fewer is None


@pytest.mark.parametrize(("threads", "there"), [(2, 2), (None, 1)])
def test_threads_that_somebody_chose_or_only_one_are_left_alone(model, monkeypatch, threads, there):
    monkeypatch.setattr(machine, "processors", lambda: there)
    leaving(model, threads)(1)
    assert model.network.ort._fewer is None


def test_the_session_of_the_layer_is_opened_before_it_is_asked_for(model, monkeypatch):
    opened = []
    sessions = model.network.ort.sessions
    real = sessions._new
    monkeypatch.setattr(sessions, "_new", lambda *a: opened.append(a[0]) or real(*a))
    open_ahead(model, [Chosen(find("occlusion")), Chosen(find("cam"))])
    layer = model.network.layers[0].name
    first = sessions.exposing([layer])
    assert opened == [{layer}]
    assert sessions.exposing([layer]) is first


def test_methods_without_a_layer_open_none(model):
    open_ahead(model, [Chosen(find("occlusion"))])
    assert not model.network.ort.sessions._ahead


def test_what_cannot_be_opened_is_said_to_who_asks(model, monkeypatch):
    sessions = model.network.ort.sessions

    def fail(extra, threads=None):
        raise UnsupportedModelError("no such session")

    monkeypatch.setattr(sessions, "_new", fail)
    open_ahead(model, [Chosen(find("cam"))])
    with pytest.raises(UnsupportedModelError, match="no such session"):
        sessions.exposing([model.network.layers[0].name])


def test_a_layer_that_does_not_exist_is_left_to_the_method(model):
    open_ahead(model, [Chosen(find("cam"), {"layer": "nowhere"})])
    assert not model.network.ort.sessions._ahead
