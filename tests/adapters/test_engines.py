"""Engines of users: registered, found and taken back."""

import pytest

from onnxplain.adapters.engines import engine_factory, register_engine
from onnxplain.errors import UnknownNameError, UsageError


def factory(graph, image, settings):
    """Never called: a registry only hands it out."""
    raise NotImplementedError


def test_an_engine_is_there_inside_of_its_block_only():
    with register_engine("mine", factory) as registration:
        assert registration.name == "mine"
        assert engine_factory("mine") is factory
        with pytest.raises(UsageError, match="'mine' exists already"):
            register_engine("mine", factory)
    with pytest.raises(UnknownNameError, match="engine 'mine'"):
        engine_factory("mine")


@pytest.mark.parametrize("name", ["onnxruntime", "pytorch"])
def test_names_of_the_library_are_taken(name):
    with pytest.raises(UsageError, match="choose another name"):
        register_engine(name, factory)


def test_taking_back_twice_does_no_harm():
    registration = register_engine("mine", factory)
    registration.remove()
    registration.remove()
    with register_engine("mine", factory):
        assert engine_factory("mine") is factory
