"""How scores are read from tensors, and the slopes of a weighted sum of them."""

import numpy as np
import pytest
import scipy.special

from onnxplain.errors import NumericalError
from onnxplain.targets.reading import Piece, Reading

RNG = np.random.default_rng(0)
N = 3
STEP = 1e-6
ACTIVATIONS = {
    "none": lambda z: z,
    "softmax": lambda z: scipy.special.softmax(z, axis=1),
    "softmin": lambda z: scipy.special.softmax(-z, axis=1),
    "sigmoid": scipy.special.expit,
    "exp": np.exp,
}


# Tensors whose inputs stand on different axes; shapes of maps with classes first, and last.
BESIDE = {"a": RNG.normal(size=(N, 2, 3)), "b": RNG.normal(size=(4, N))}
SHAPES = {"first": (1, 3, 2, 4), "last": (1, 2, 4, 3)}


def assert_slopes(reading, values, seed=1):
    """Slopes are the two-sided differences of the weighted sum, element by element."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=reading.read(values).shape)
    found = reading.slopes(values, weights)
    assert set(found) == set(reading.tensors)
    assert max(np.abs(s).max() for s in found.values()) > 1e-3

    def total(changed):
        return float((reading.read({**values, **changed}) * weights).sum())

    for name, slope in found.items():
        assert slope.shape == values[name].shape
        for index in np.ndindex(values[name].shape):
            ends = []
            for sign in (1, -1):
                changed = values[name].copy()
                changed[index] += sign * STEP
                ends.append(total({name: changed}))
            difference = (ends[0] - ends[1]) / (2 * STEP)
            assert slope[index] == pytest.approx(difference, rel=1e-6, abs=1e-8), (name, index)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scale", [1.0, 0.01, -2.0])
class TestOneVector:
    def reading(self, activation, scale):
        return Reading((Piece("y"),), activation=activation, scale=scale)

    def test_the_scores_by_numpy(self, activation, scale):
        y = RNG.normal(size=(N, 5))
        found = self.reading(activation, scale).read({"y": y})
        np.testing.assert_allclose(found, scale * ACTIVATIONS[activation](y), rtol=1e-14)

    def test_the_opposite(self, activation, scale):
        y = RNG.normal(size=(N, 5))
        reading = Reading((Piece("y"),), activation=activation, scale=scale, offset=1.0)
        np.testing.assert_allclose(
            reading.read({"y": y}), 1.0 + scale * ACTIVATIONS[activation](y), rtol=1e-14
        )
        assert_slopes(reading, {"y": y})

    def test_slopes(self, activation, scale):
        assert_slopes(self.reading(activation, scale), {"y": RNG.normal(size=(N, 5))})


@pytest.mark.parametrize(
    ("activation", "side"),
    [("none", "logit"), ("none", "probability"), ("sigmoid", "probability")],
)
class TestTwoSides:
    def test_no_then_yes(self, activation, side):
        y = RNG.uniform(0.1, 0.9, size=(N, 1))
        found = Reading((Piece("y"),), activation=activation, two_sided=side).read({"y": y})
        yes = ACTIVATIONS[activation](y)
        expected = np.hstack([1 - yes if side == "probability" else -yes, yes])
        np.testing.assert_allclose(found, expected, rtol=1e-14)

    def test_slopes(self, activation, side):
        reading = Reading((Piece("y"),), activation=activation, two_sided=side, scale=0.5)
        assert_slopes(reading, {"y": RNG.uniform(0.1, 0.9, size=(N, 1))})

    def test_slopes_of_maps(self, activation, side):
        reading = Reading((Piece("y"),), activation=activation, two_sided=side)
        values = {"y": RNG.uniform(0.1, 0.9, size=(2, 1, 2, 3))}
        assert reading.read(values).shape == (2, 2, 2, 3)
        assert_slopes(reading, values)


class TestPieces:
    """Scores that stand in several tensors, in an order of their own, on other batch axes."""

    PIECES = (
        Piece("a", np.array([5, 0])),
        Piece("b", np.array([3, 1]), batch_axis=1),
        Piece("a", np.array([2])),
    )

    def joined(self):
        a, b = BESIDE["a"].reshape(N, 6), BESIDE["b"].T
        return np.stack([a[:, 5], a[:, 0], b[:, 3], b[:, 1], a[:, 2]], axis=1)

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_the_scores_by_numpy(self, activation):
        found = Reading(self.PIECES, activation=activation).read(BESIDE)
        np.testing.assert_allclose(found, ACTIVATIONS[activation](self.joined()), rtol=1e-14)

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_slopes(self, activation):
        assert_slopes(Reading(self.PIECES, activation=activation), BESIDE)

    def test_names_come_once(self):
        assert Reading(self.PIECES).tensors == ("a", "b")

    def test_an_element_that_is_read_twice_has_both_slopes(self):
        reading = Reading((Piece("y", np.array([0, 1, 0])), Piece("y", np.array([0]))))
        found = reading.slopes({"y": np.ones((1, 3))}, np.array([[1.0, 20.0, 300.0, 4000.0]]))
        np.testing.assert_array_equal(found["y"], [[4301.0, 20.0, 0.0]])


class TestPlaces:
    """Classes on any axis; one place, or several of them."""

    PLACES = (np.array([1, 0, 1]), np.array([0, 3, 2]))

    def values(self, name):
        return {name: RNG.normal(size=(2, *SHAPES[name][1:]))}

    def reading(self, name, activation="none"):
        return Reading((Piece(name),), axis=0 if name == "first" else 2, activation=activation)

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    @pytest.mark.parametrize("name", SHAPES)
    @pytest.mark.parametrize("places", [(1, 2), PLACES], ids=["one place", "three places"])
    def test_a_part_is_that_part_of_the_whole(self, name, activation, places):
        values, whole = self.values(name), self.reading(name, activation)
        scores = np.moveaxis(whole.read(values), 1 + whole.axis, 1)
        found = whole.at(SHAPES, places).read(values)
        np.testing.assert_allclose(found, scores[(slice(None), slice(None), *places)], rtol=1e-14)

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    @pytest.mark.parametrize("name", SHAPES)
    def test_the_scores_of_maps_by_numpy(self, name, activation):
        values, reading = self.values(name), self.reading(name, activation)
        first = np.moveaxis(values[name], 1 + reading.axis, 1)
        expected = np.moveaxis(ACTIVATIONS[activation](first), 1, 1 + reading.axis)
        np.testing.assert_allclose(reading.read(values), expected, rtol=1e-14)

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    @pytest.mark.parametrize("name", SHAPES)
    @pytest.mark.parametrize("places", [None, (1, 2), PLACES], ids=["all", "one", "three"])
    def test_slopes(self, name, activation, places):
        reading = self.reading(name, activation)
        assert_slopes(reading if places is None else reading.at(SHAPES, places), self.values(name))

    def test_places_of_several_pieces(self):
        shapes = {"a": (1, 2, 2, 2), "b": (1, 3, 2, 2)}
        values = {n: RNG.normal(size=(2, *s[1:])) for n, s in shapes.items()}
        whole = Reading((Piece("a"), Piece("b")), activation="softmax")
        here = whole.at(shapes, (0, 1))
        joined = np.concatenate([values["a"], values["b"]], axis=1)[:, :, 0, 1]
        np.testing.assert_allclose(
            here.read(values), scipy.special.softmax(joined, axis=1), rtol=1e-14
        )
        assert_slopes(here, values)


class TestWithoutABatch:
    @pytest.mark.parametrize("positions", [None, np.array([2, 0])])
    def test_one_input(self, positions):
        reading = Reading((Piece("y", positions, batch_axis=None),), activation="softmax")
        y = RNG.normal(size=4)
        taken = y if positions is None else y[positions]
        found = reading.read({"y": y})
        np.testing.assert_allclose(found, scipy.special.softmax(taken)[None], rtol=1e-14)
        assert_slopes(reading, {"y": y})

    def test_a_number_without_any_axis(self):
        reading = Reading((Piece("y", batch_axis=None),), two_sided="logit")
        np.testing.assert_array_equal(reading.read({"y": np.array(0.5)}), [[-0.5, 0.5]])
        found = reading.slopes({"y": np.array(0.5)}, np.array([[1.0, 3.0]]))
        np.testing.assert_array_equal(found["y"], np.array(2.0))

    def test_one_number_for_each_input(self):
        reading = Reading((Piece("y"),))
        y = RNG.normal(size=N)
        np.testing.assert_array_equal(reading.read({"y": y}), y[:, None])
        assert_slopes(reading, {"y": y})


def test_inputs_do_not_mix():
    """Each input's slopes are those that it has alone."""
    y, weights = RNG.normal(size=(N, 4)), RNG.normal(size=(N, 4))
    reading = Reading((Piece("y"),), activation="softmax")
    together = reading.slopes({"y": y}, weights)["y"]
    for k in range(N):
        alone = reading.slopes({"y": y[k : k + 1]}, weights[k : k + 1])["y"]
        np.testing.assert_allclose(together[k : k + 1], alone, rtol=1e-14)


def test_large_logits_do_not_overflow():
    y = np.array([[1e4, 0.0], [0.0, -1e4]], np.float32)
    for activation in ("softmax", "sigmoid"):
        reading = Reading((Piece("y"),), activation=activation)
        assert np.isfinite(reading.read({"y": y})).all()
        assert np.isfinite(reading.slopes({"y": y}, np.ones((2, 2)))["y"]).all()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ([np.nan, 1.0], "'a' holds 1 NaN;"),
        ([np.inf, -np.inf], "'a' holds 2 Inf;"),
        ([np.nan, np.inf], "'a' holds 1 NaN and 1 Inf;"),
    ],
)
def test_what_is_no_number_is_refused(bad, said):
    reading = Reading((Piece("a", np.array([0, 1])),))
    values = {"a": np.array([[*bad, np.nan]])}
    with pytest.raises(NumericalError, match=said):
        reading.read(values)
    with pytest.raises(NumericalError, match=said):
        reading.slopes(values, np.ones((1, 2)))
