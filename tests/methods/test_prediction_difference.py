"""Prediction difference analysis on models and pictures whose answer is known."""

import nets
import numpy as np
import pytest
from handmade import context_of, model, target_of
from originals import difference

from onnxplain.errors import UsageError
from onnxplain.methods import find
from onnxplain.perturb.background import fit_background
from onnxplain.perturb.readout import readout

SHAPE = (3, 6, 6)
IMAGE = "float[N,3,6,6] image"


def run(context, x, index=1, kind="probability", **options):
    target = target_of(context, index, kind)
    return find("prediction-difference").function(context, x, target, **options)


def logistic(weight, **options):
    """Two classes: the probability of class 1 is a sigmoid of the weighted pixels."""
    both = np.stack([np.zeros(weight.size), weight.ravel()], axis=1)
    body = "f = Flatten(image) scores = MatMul(f, w)"
    return context_of(model(body, w=both, image=IMAGE), **options)


def stored(path, context, pictures, sampler="conditional", window=(2, 2), padding=1):
    made = fit_background(
        pictures, sampler, window, padding, preprocess=context.preprocess.sha256, crops=20_000
    )
    made.save(path)
    return made


@pytest.fixture(scope="module")
def gaussian():
    """Pictures from a Gaussian with neighbours that go together."""
    rng = np.random.default_rng(0)
    place = np.stack(np.meshgrid(np.arange(6), np.arange(6)), -1).reshape(-1, 2)
    distance = np.abs(place[:, None] - place[None]).sum(-1)
    root = np.linalg.cholesky(np.exp(-distance / 2.0))
    return (rng.normal(size=(400, 3, 36)) @ root.T).reshape(-1, *SHAPE)


def test_the_expected_odds_of_a_gaussian_by_quadrature(gaussian, tmp_path):
    """E[p] is an integral over one Gaussian number: the weighted sum of the window."""
    weight = np.random.default_rng(1).normal(size=SHAPE) * 0.8
    context, x = logistic(weight), gaussian[:1].astype("f4")
    made = stored(tmp_path / "b.npz", context, gaussian)
    found = run(context, x, background=str(tmp_path / "b.npz"), samples=1500, stride=2)
    nodes, factors = np.polynomial.hermite_e.hermegauss(60)
    factors = factors / factors.sum()
    total = (x[0] * weight).sum()
    window = np.s_[:, 2:4, 2:4]
    rest, centre, variance = total - (x[0] * weight)[window].sum(), 0.0, 0.0
    inside = np.zeros((4, 4), bool)
    inside[1:3, 1:3] = True
    inside = inside.ravel()
    for c in range(3):
        covariance, mean = made.covariance[c], made.mean[c]
        patch = x[0, c, 1:5, 1:5].ravel()
        regression = covariance[np.ix_(inside, ~inside)] @ np.linalg.inv(
            covariance[np.ix_(~inside, ~inside)]
        )
        expected = mean[inside] + regression @ (patch - mean)[~inside]
        spread = (
            covariance[np.ix_(inside, inside)] - regression @ covariance[np.ix_(~inside, inside)]
        )
        weights = weight[c, 2:4, 2:4].ravel()
        centre += weights @ expected
        variance += weights @ spread @ weights

    def odds(p):
        q = (p * 100_000 + 1) / 100_002
        return np.log2(q / (1 - q))

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    mean = factors @ sigmoid(rest + centre + np.sqrt(variance) * nodes)
    wanted = odds(sigmoid(total)) - odds(mean)
    error = found.maps["standard_error"][0, 2, 2]
    assert abs(found.values[0, 2, 2] - wanted) < 4 * error
    assert error < 0.1 * abs(wanted)
    assert (found.values[0, 2:4, 2:4] == found.values[0, 2, 2]).all()


def test_a_window_that_the_model_ignores_is_worth_nothing(gaussian, tmp_path):
    weight = np.random.default_rng(1).normal(size=SHAPE)
    weight[:, 2:, :] = 0
    context = logistic(weight)
    stored(tmp_path / "b.npz", context, gaussian)
    x = gaussian[:1].astype("f4")
    found = run(context, x, background=str(tmp_path / "b.npz"), samples=5, stride=2).values
    assert not found[0, 2:].any()
    assert (np.abs(found[0, :2]) > 1e-3).all()


def test_what_follows_from_the_rest_is_worth_nothing_unless_it_is_forgotten(tmp_path):
    """Each picture is of one colour: a window can be told from its surroundings."""
    colours = np.random.default_rng(0).normal(size=(300, 3, 1, 1))
    pictures = np.broadcast_to(colours, (300, *SHAPE))
    context = logistic(np.full(SHAPE, 0.05))
    x = np.ones((1, *SHAPE), "f4")
    values = {}
    for sampler in ("conditional", "joint", "marginal"):
        stored(tmp_path / f"{sampler}.npz", context, pictures, sampler)
        found = run(context, x, background=str(tmp_path / f"{sampler}.npz"), samples=40)
        values[sampler] = np.abs(found.values).mean()
    assert values["conditional"] < 0.02 * values["marginal"]
    assert values["joint"] < 0.02 * values["marginal"]
    assert values["marginal"] > 0.2


def test_other_scores_are_plain_differences(gaussian, tmp_path):
    """The logit is linear: its difference is what the window's pixels lose on average."""
    weight = np.random.default_rng(1).normal(size=SHAPE)
    context, x = logistic(weight), gaussian[:2].astype("f4")
    stored(tmp_path / "m.npz", context, gaussian, "marginal")
    found = run(context, x, kind="logit", background=str(tmp_path / "m.npz"), samples=600,
                stride=2)  # fmt: skip
    lost = ((x - gaussian.mean(0)) * weight).sum(1)
    sums = lost.reshape(2, 3, 2, 3, 2).sum((2, 4))
    wanted = np.kron(sums, np.ones((2, 2)))
    assert np.abs((found.values - wanted) / found.maps["standard_error"]).max() < 5
    assert difference(found.values, wanted) < 0.2


def test_contrasts_are_plain_differences_too():
    made = nets.exported("resnet")
    context, x = context_of(made.proto), made.x.astype("f4")
    options = {"samples": 2, "window": 8, "stride": 8}
    one, two = (run(context, x, k, "logit", **options).values for k in (1, 3))
    function = find("prediction-difference").function
    both = function(context, x, target_of(context, 1, "logit", contrast=3), **options).values
    assert difference(both, one - two) < 1e-4
    assert difference(both, one) > 0.1
    target = target_of(context, 1, "probability", contrast=3)
    assert not readout(context, target, None, 0, None).is_probability
    bits = run(context, x, 1, **options).values
    assert difference(function(context, x, target, **options).values, bits) > 0.1


@pytest.mark.parametrize(("unit", "place"), [(2, None), (3, (1, 2))])
def test_hidden_units(gaussian, tmp_path, unit, place):
    """A 1 x 1 convolution: a window changes a unit's mean by its own pixels only."""
    kernel = np.random.default_rng(2).normal(size=(4, 3))
    body = "a = Conv(image, k) p = GlobalAveragePool(a) scores = Flatten(p)"
    context = context_of(model(body, k=kernel[:, :, None, None]))
    stored(tmp_path / "m.npz", context, gaussian, "marginal")
    x = gaussian[:1].astype("f4")
    found = run(
        context, x, background=str(tmp_path / "m.npz"), samples=600, stride=2, hidden="a",
        unit=unit, place=place,
    )  # fmt: skip
    units = np.einsum("c,chw->hw", kernel[unit], x[0] - gaussian.mean(0))
    if place:
        wanted = np.zeros((6, 6))
        wanted[0:2, 2:4] = units[place]
        assert not found.values[0, 2:].any()
    else:
        wanted = np.kron(units.reshape(3, 2, 3, 2).sum((1, 3)), np.ones((2, 2))) / 36
    errors = np.maximum(found.maps["standard_error"][0], 1e-9)
    assert np.abs((found.values[0] - wanted) / errors).max() < 5


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_the_batch_size_changes_nothing(batch_size):
    made = nets.exported("resnet")
    x = made.x.astype("f4")
    options = {"samples": 3, "window": 8, "stride": 8}
    one, other = (
        run(context_of(made.proto, batch_size=b), x, **options) for b in (None, batch_size)
    )
    assert difference(one.values, other.values) < 1e-3
    changed = run(context_of(made.proto, seed=1), x, **options)
    assert difference(one.values, changed.values) > 1e-3


def test_layouts_agree(gaussian):
    weight = np.random.default_rng(1).normal(size=SHAPE)
    first = logistic(weight)
    body = "t = Transpose<perm = [0, 3, 1, 2]>(image) f = Flatten(t) scores = MatMul(f, w)"
    both = np.stack([np.zeros(weight.size), weight.ravel()], axis=1)
    last = context_of(model(body, w=both, image="float[N,6,6,3] image"))
    x = gaussian[:1].astype("f4")
    options = {"samples": 3, "window": 2}
    one, other = run(first, x, **options), run(last, np.moveaxis(x, 1, -1), **options)
    assert difference(one.values, other.values) < 1e-4


def test_the_error_is_the_spread_over_seeds(gaussian, tmp_path):
    weight = np.random.default_rng(1).normal(size=SHAPE) * 0.3
    context, x = logistic(weight), gaussian[:1].astype("f4")
    stored(tmp_path / "b.npz", context, gaussian)
    runs = [
        run(logistic(weight, seed=s), x, background=str(tmp_path / "b.npz"), samples=20, stride=2)
        for s in range(40)
    ]
    spread = np.std([r.values[0] for r in runs], axis=0, ddof=1)
    claimed = np.mean([r.maps["standard_error"][0] for r in runs], axis=0)
    assert np.median(claimed / spread) == pytest.approx(1, abs=0.25)


def test_time_and_tolerance_end_it():
    made = nets.exported("resnet")
    context, x = context_of(made.proto), made.x.astype("f4")
    hurried = run(context, x, samples=10**6, max_seconds=1e-3, window=4, stride=2)
    assert hurried.notes["sampling_ended"] == ["time"]
    assert 0 < hurried.measures["covered"][0] <= 1
    assert np.isnan(hurried.maps["standard_error"]).any()
    assert np.isfinite(hurried.values).all()
    settled = run(context, x, samples=200, tolerance=0.1, window=8)
    assert settled.notes["sampling_ended"] == ["settled"]
    assert settled.measures["relative_error"][0] <= 0.1


def test_whole_number_inputs():
    body = "z = Cast<to = 1>(image) f = Flatten(z) scores = MatMul(f, w)"
    w = np.random.default_rng(0).normal(size=(108, 2)) / 100
    context = context_of(model(body, w=w, image="uint8[N,3,6,6] image"))
    x = np.random.default_rng(1).integers(0, 256, (1, *SHAPE), np.uint8)
    found = run(context, x, kind="logit", samples=2, window=2)
    assert found.parameters["sampler"] == "marginal"
    assert np.isfinite(found.values).all()
    assert found.values.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "samples"),
        ({"training_count": 0}, "training_count"),
        ({"window": 9}, r"window \(9, 9\)"),
        ({"window": 2, "stride": 3}, r"stride \(3, 3\)"),
        ({"padding": -1}, "padding"),
        ({"hidden": "scores", "unit": 2}, r"unit 2 is out of range: 'scores' has 0\.\.1"),
        ({"hidden": "scores", "place": (0, 0)}, "no height and width"),
        ({"background": "absent.npz"}, "no stored background"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        run(logistic(np.ones(SHAPE)), np.zeros((1, *SHAPE), "f4"), **options)


def test_a_background_of_another_model_is_refused(gaussian, tmp_path):
    context, x = logistic(np.ones(SHAPE)), gaussian[:1].astype("f4")
    path = str(tmp_path / "b.npz")
    stored(path, context, gaussian)
    for options, message in (
        ({"sampler": "joint"}, "fitted with sampler conditional, not joint"),
        ({"window": 3}, r"fitted with window \(2, 2\)"),
        ({"padding": 0}, "fitted with padding 1"),
    ):
        with pytest.raises(UsageError, match=message):
            run(context, x, background=path, **options)
    fit_background(gaussian, "conditional", (2, 2), 1, preprocess="other").save(path)
    with pytest.raises(UsageError, match="another preprocessing"):
        run(context, x, background=path)
    fit_background(gaussian[:, :, :5], "conditional", (2, 2), 1).save(path)
    with pytest.raises(UsageError, match="shape"):
        run(context, x, background=path)
