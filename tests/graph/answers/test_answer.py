"""What is read off one output's answer."""

import pytest
from heads import MAPS, VECTOR, model, opened

from tests.tasks.answers import answer


@pytest.mark.parametrize(
    ("body", "output", "places"),
    [
        (f"{VECTOR} out = MatMul(f, w4)", "double[N,4] out", ()),
        (f"{MAPS} out = MatMul(h, m5)", "double[N,6,6,5] out", (6, 6)),
        (
            f"{MAPS} z = MatMul(h, m5) out = Transpose<perm=[0,3,1,2]>(z)",
            "double[N,5,6,6] out",
            (6, 6),
        ),
        (f"{MAPS} z = MatMul(h, m1) out = Squeeze(z, l3)", "double[N,6,6] out", (6, 6)),
    ],
)
def test_the_places_are_all_axes_but_that_of_the_classes(body, output, places):
    found = opened(model(body, [output])).only
    assert found.places == places
    assert found.shape[found.axis] in (1, 4, 5)


def test_what_nobody_said_is_not_there():
    plain = answer("classes")
    assert (plain.doubt, plain.declarable, plain.layers, plain.boxes) == ("", None, 0, None)
