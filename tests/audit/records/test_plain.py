"""Plain data to objects and back: what was left out stays out, what is unknown is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from onnxplain.audit.records.plain import UNSAID, Unsaid, build, plain, said


@dataclass(frozen=True, kw_only=True)
class Part:
    number: int


@dataclass(frozen=True, kw_only=True)
class Whole:
    parts: Sequence[Part]
    named: Mapping[str, Part]
    first: Part | None
    rows: Sequence[Sequence[float]]
    said_unit: str | None = said("unit")
    mask: str | Unsaid | None = UNSAID


DATA = {"parts": [{"number": 1}, {"number": 2}], "named": {"a": {"number": 3}}, "first": None,
        "rows": [[0, 0.5], [1.0]]}  # fmt: skip


@pytest.mark.parametrize(
    "more", [{}, {"unit": "value"}, {"mask": None}, {"mask": "0", "unit": "area"}]
)
def test_there_and_back_is_the_same(more):
    made = build(Whole, {**DATA, **more})
    assert plain(made) == {**DATA, **more}
    assert [type(v) for v in plain(made)["rows"][0]] == [int, float]


def test_parts_are_objects():
    made = build(Whole, {**DATA, "first": {"number": 4}})
    assert [p.number for p in made.parts] == [1, 2]
    assert made.named["a"].number == 3
    assert made.first == Part(number=4)
    assert made.said_unit is None
    assert not made.mask


def test_null_is_not_what_is_left_out():
    assert build(Whole, {**DATA, "mask": None}).mask is None
    assert build(Whole, DATA).mask is UNSAID


@pytest.mark.parametrize(
    ("data", "said"), [({**DATA, "size": 1}, "has no 'size'"), ({"parts": []}, "missing 3")]
)
def test_other_keys_are_refused(data, said):
    with pytest.raises(TypeError, match=said):
        build(Whole, data)
