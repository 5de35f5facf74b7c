"""Shapes of outputs for one input."""

import pytest

from onnxplain.graph.answers.output_shapes import OutputShape


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        ((1, 100, 6), (100, 6)),
        ((100, 1, 4), (100, 4)),
        ((1, 1, 100, 4), (100, 4)),
        ((1, 6), (1, 6)),  # one candidate is left
        ((1, 1, 6), (1, 6)),
        ((None, 1, 6), (None, 6)),
        ((3, 8, 8), (3, 8, 8)),
    ],
)
def test_two_axes_are_left(one, expected):
    assert OutputShape("boxes", one, 0, floating=True).squeezed == expected


def test_an_unknown_shape_has_no_axes():
    assert OutputShape("boxes", None, None, floating=True).squeezed is None


@pytest.mark.parametrize(("one", "known"), [((3, 4), (3, 4)), ((None, 4), None), (None, None)])
def test_known_is_a_shape_without_gaps(one, known):
    assert OutputShape("boxes", one, 0, floating=True).known == known
