"""Objects of one picture: in pixels, cut at its edges, of its size."""

import pytest

from onnxplain.errors import ImageError
from onnxplain.inputs.annotations.annotation import Annotation, Marked, sides_of


def test_shares_become_pixels_of_the_picture():
    one = Annotation((Marked("a", (0.25, 0.5, 0.75, 1.0)),), shares=True)
    assert one.in_pixels((200, 100))[0].sides == (50, 50, 150, 100)


def test_pixels_are_cut_at_the_edges_and_what_is_outside_goes():
    marked = (
        Marked("a", (-5, -5, 20, 20)),
        Marked("b", (90, 0, 150, 10)),
        Marked("c", (101, 0, 120, 9)),
    )
    found = Annotation(marked).in_pixels((100, 50))
    assert [(o.label, o.sides) for o in found] == [("a", (0, 0, 20, 20)), ("b", (90, 0, 100, 10))]


def test_a_picture_of_another_size_is_refused():
    one = Annotation((), size=(100, 50))
    assert one.in_pixels((100, 50)) == ()
    with pytest.raises(ImageError, match="for 100 x 50 pixels, but the picture has 50 x 100"):
        one.in_pixels((50, 100))


@pytest.mark.parametrize(
    "values",
    [(0, 0, 0, 5), (0, 5, 5, 5), (5, 0, 1, 5), (0, 0, 1), (0, 0, 1, float("nan")),
     (0, 0, 1, float("inf")), (0, 0, 1, "5"), (0, 0, 1, True), (0, 0, 1, 10**400)],
)  # fmt: skip
def test_what_is_no_box(values):
    assert sides_of(values) is None
    assert sides_of((0, 0, 1, 5)) == (0, 0, 1, 5)
