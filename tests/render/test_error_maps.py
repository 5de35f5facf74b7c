"""The picture of a sampled map beside its standard error."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.render.canvas import Cells
from onnxplain.render.error_maps import error_maps
from tests.made_explanations import made
from tests.render.pages import words

SHAPE = (24, 32)


def sampled(errors, **more):
    return made(
        np.random.default_rng(0).normal(size=SHAPE),
        pixels=np.full((*SHAPE, 3), 100, np.uint8),
        maps={"standard_error": errors},
        measures={"samples": 300.0, "relative_error": 0.04},
        **more,
    )


def test_it_shows_the_error_and_the_map_in_units_of_it():
    found = sampled(np.full(SHAPE, 0.5), notes={"sampling_ended": ["time"]})
    page = error_maps(found)
    drawn = [item.values for item in page.items if isinstance(item, Cells)]
    np.testing.assert_array_equal(drawn[0], np.full(SHAPE, 0.5))
    np.testing.assert_allclose(drawn[1], found.attribution / 0.5)
    text = words(page)
    for part in ("300 samples", "4 %", "stopped by the time limit", "unlikely by chance"):
        assert part in text
    assert f"{100 * np.mean(np.abs(found.attribution / 0.5) > 2):.3g} %" in text


def test_unknown_errors_are_left_white_and_said():
    errors = np.full(SHAPE, 0.5)
    errors[0] = np.nan
    assert "too few samples to know" in words(error_maps(sampled(errors)))
    assert "too few samples to know" not in words(error_maps(sampled(np.full(SHAPE, 0.5))))


def test_exact_maps_say_so():
    assert "no sampling error" in words(error_maps(sampled(np.zeros(SHAPE))))


def test_maps_without_an_error_are_refused():
    with pytest.raises(UsageError, match="no standard error"):
        error_maps(made(np.zeros(SHAPE)))
