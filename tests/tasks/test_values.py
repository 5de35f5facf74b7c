"""Numbers as a task: one or several, at one place or at many."""

import numpy as np
import pytest

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.tasks.values import Numbers
from tests.tasks.answers import CLASSES, GRID, SHAPES, answer

RNG = np.random.default_rng(0)
V = {"v": RNG.normal(size=(1, CLASSES))}
ONE = {"one": np.array([[41.5]])}
Y = {"y": RNG.normal(size=(1, CLASSES, *GRID))}
NAMES = ["yaw", "pitch", "roll"]


def task(tensor, labels=()):
    return Numbers(answer("values", tensor, None), labels, SHAPES)


def target(chosen, said, values, **options):
    request = chosen.request(said)
    (found,) = chosen.targets(request, values, chosen.predict(values), kind="logit", **options)
    return found


def test_a_single_number_needs_no_name():
    chosen = task("one", ["age"])
    assert chosen.predict(ONE).scores == [41.5]
    assert chosen.predict(ONE).unit == "value"
    for said in (None, "age", 0):
        found = target(chosen, said, ONE)
        assert found.score(ONE) == [41.5]
        assert (found.describe(), found.stem) == ("age (0), value", "0")


def test_what_makes_it_lower():
    found = target(task("one", ["age"]), "not-age", ONE)
    assert found.score(ONE) == [-41.5]
    assert found.describe() == "lower age (0), value"


@pytest.mark.parametrize(("said", "index"), [("pitch", 1), (2, 2), ("0", 0)])
def test_several_have_names_and_numbers(said, index):
    found = target(task("v", NAMES), said, V)
    assert found.score(V) == [V["v"][0, index]]
    slopes = found.slopes(V)["v"]
    np.testing.assert_array_equal(slopes, np.eye(CLASSES)[index][None])


@pytest.mark.parametrize(
    ("labels", "listed"), [(NAMES, r"\(yaw, pitch, roll\)"), ((), r"\(0\.\.2\)")]
)
def test_none_of_several_is_the_first_choice(labels, listed):
    with pytest.raises(UsageError, match=f"answers 3 values.*--target {listed}"):
        task("v", labels).request(None)


@pytest.mark.parametrize("said", ["top-2", "@1,2"])
def test_values_have_no_ranks(said):
    with pytest.raises(UsageError, match="none is the default"):
        task("y", NAMES).request(said)


def test_what_there_is_not():
    with pytest.raises(UnknownNameError, match="unknown class 'tilt'"):
        task("v", NAMES).request("tilt")
    with pytest.raises(UsageError, match=r"0\.\.2"):
        task("v").request(3)
    with pytest.raises(UsageError, match="no places"):
        task("v", NAMES).request("yaw@1,2")


@pytest.mark.parametrize("options", [{"contrast": 0}, {"margin": True}])
def test_values_do_not_compete(options):
    with pytest.raises(UsageError, match="a value has no classes that compete"):
        target(task("v", NAMES), "yaw", V, **options)


class TestMaps:
    def test_a_prediction_is_the_mean_or_that_of_a_place(self):
        chosen = task("y", NAMES)
        np.testing.assert_allclose(chosen.predict(Y).scores, Y["y"][0].mean((1, 2)))
        np.testing.assert_array_equal(chosen.predict(Y, (2, 3)).scores, Y["y"][0, :, 2, 3])
        units = (chosen.predict(Y).unit, chosen.predict(Y, (2, 3)).unit)
        assert units == ("mean value", "value")

    def test_places_and_regions(self, tmp_path):
        mask = RNG.random(GRID) > 0.5
        np.save(tmp_path / "m.npy", mask)
        roll = Y["y"][0, 2]
        wanted = {
            "roll": roll.mean(),  # no value is predicted at a place: all of them count
            "roll@everywhere": roll.mean(),
            "roll@3,4": roll[3, 4],
            f"roll@{tmp_path / 'm.npy'}": roll[mask].mean(),
        }
        found = {said: target(task("y", NAMES), said, Y) for said in wanted}
        for said, expected in wanted.items():
            assert found[said].score(Y)[0] == pytest.approx(expected, rel=1e-12)
            slopes = found[said].slopes(Y)["y"]
            assert (slopes * Y["y"]).sum() == pytest.approx(expected, rel=1e-12)
            assert not slopes[:, :2].any()
        assert len({t.stem for t in found.values()}) == 3
        assert found["roll@3,4"].describe() == "roll (2) at (3, 4), value"
        assert found["roll"].describe() == "roll (2) in all places, value"
