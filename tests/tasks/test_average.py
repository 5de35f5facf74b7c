"""The mean of several runs of a file that draws random numbers."""

import company
import numpy as np
import pytest
from methods.test_one_input_alone import PICTURE, RECIPE, WINDOWS

import onnxplain
from onnxplain.errors import UnsupportedModelError, UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.network.context import Context
from onnxplain.tasks.average import averaged


def opened(parts):
    return onnxplain.load(company.classifier(**parts), preprocess=RECIPE, device="cpu")


def runs_of(values_of_runs, **more):
    """Average given maps, as a method would return them one after the other."""
    model, left = opened({}), iter(values_of_runs)
    told = []
    context = Context(model.network, RECIPE, progress=lambda *steps: told.append(steps))

    def explain(own):
        own.progress(1, 2)
        own.progress(2, 2)
        values = next(left)
        extra = {k: {n: a(values) for n, a in v.items()} for k, v in more.items()}
        return Attribution(values, ("C", "H", "W"), notes={"a": 1}, **extra)

    return averaged(context, explain, len(values_of_runs)), told


MAPS = np.random.default_rng(0).normal(3, 1, (7, 1, 2, 4, 5))


def test_mean_and_standard_error_by_numpy():
    found, told = runs_of(MAPS, measures={"gap": lambda v: v.sum(axis=(1, 2, 3))})
    np.testing.assert_allclose(found.values, MAPS.mean(axis=0), rtol=1e-12)
    flat = MAPS.sum(axis=2)
    error = flat.std(axis=0, ddof=1) / np.sqrt(7)
    np.testing.assert_allclose(found.maps["standard_error"], error, rtol=1e-12)
    gap = MAPS.sum(axis=(2, 3, 4)).mean(axis=0)
    np.testing.assert_allclose(found.measures["gap"], gap, rtol=1e-12)
    relative = np.sqrt((error**2).mean()) / np.ptp(flat.mean(axis=0))
    np.testing.assert_allclose(found.measures["relative_error"], [relative], rtol=1e-12)
    assert found.notes == {"a": 1, "average": {"runs": 7}}
    assert told == [(k, 14) for k in range(1, 15)]


def test_errors_of_samples_and_of_runs_add_up():
    found, _ = runs_of(MAPS, maps={"standard_error": lambda v: np.full(v[:, 0].shape, 0.5)})
    between = MAPS.sum(axis=2).std(axis=0, ddof=1) / np.sqrt(7)
    expected = np.sqrt(between**2 + 0.25)
    np.testing.assert_allclose(found.maps["standard_error"], expected, rtol=1e-12)


def test_classes_are_those_of_most_runs():
    maps = np.array([1.0, 2.0, 2.0, 9.0]).reshape(4, 1, 1, 1, 1)
    found, _ = runs_of(maps, maps={"predicted_class": lambda v: v[:, 0].astype(np.int64)})
    assert found.maps["predicted_class"].tolist() == [[[2]]]
    assert found.maps["predicted_class"].dtype == np.int64


def test_a_single_run_is_left_as_it_is():
    found, told = runs_of(MAPS[:1])
    assert "standard_error" not in found.maps
    assert told == [(1, 2), (2, 2)]


def test_the_mean_comes_near_the_file_without_noise_as_its_error_says():
    """The noise is added to what the linear layer reads: logits are right on average."""
    noisy, quiet = opened(company.RANDOM["noise with a seed"]), opened({})
    options = {"window": 4, "stride": 4, "kind": "logit"}
    exact = quiet.explain(PICTURE, "occlusion", 1, **options).attribution
    found = noisy.explain(PICTURE, "occlusion", 1, average=64, **options)
    error = found.maps["standard_error"]
    assert error.min() > 0
    away = (found.attribution - exact) / error
    # Every place shares the draw for the whole picture, so that the errors are not independent.
    assert np.abs(away).max() < 6
    assert found.notes["average"] == {"runs": 64}
    assert not found.notes["independence"]["repeats"]
    # Two scores for each place, each with noise of deviation 0.5 in twelve places.
    known = 0.5 * np.sqrt(2 * (company.WEIGHTS["w"][:, 1] ** 2).sum() / 64)
    assert error.mean() == pytest.approx(known, rel=0.25)


def test_scores_are_averaged_as_well():
    noisy, quiet = opened(company.RANDOM["noise"]), opened({})
    exact = quiet.predict(PICTURE).logits
    found = noisy.predict(PICTURE, average=2000).logits
    # Noise of deviation 0.5 in twelve places, through the linear layer.
    error = 0.5 * np.sqrt((company.WEIGHTS["w"] ** 2).sum(axis=0)) / np.sqrt(2000)
    assert (np.abs(found - exact) < 5 * error).all()


def test_without_it_such_a_file_is_refused():
    noisy = opened(company.RANDOM["noise"])
    for ask in (noisy.predict, noisy.explain):
        with pytest.raises(UnsupportedModelError, match=r"RandomNormalLike.*--average N"):
            ask(PICTURE)


def test_one_run_is_enough_where_nothing_is_random():
    found = opened({}).explain(PICTURE, "occlusion", 1, average=5, **WINDOWS)
    assert "average" not in found.notes
    assert "standard_error" not in found.maps


@pytest.mark.parametrize("runs", [0, 1, -3])
def test_too_few_runs(runs):
    with pytest.raises(UsageError, match="2 runs or more"):
        opened({}).explain(PICTURE, "occlusion", average=runs)
