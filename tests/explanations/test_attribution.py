"""What a method returns: a record that nobody changes, with nothing in it unless it was said."""

import dataclasses

import numpy as np
import pytest

from onnxplain.explanations.attribution import Attribution


def test_it_says_nothing_that_was_not_said():
    values = np.arange(6.0).reshape(1, 2, 3)
    one, other = (Attribution(values, ("H", "W")) for _ in range(2))
    assert one.values is values
    assert (one.layer, one.warnings) == (None, ())
    for name in ("parameters", "measures", "maps", "notes"):
        assert getattr(one, name) == {}
        assert getattr(one, name) is not getattr(other, name)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.layer = "x"
