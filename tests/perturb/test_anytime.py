"""Sampling ends with the samples, with the time, or when the map has settled."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.perturb.anytime import ROUND, Limits, Sampling, relative_error


def run(limits, *, batch=32, error=lambda: np.inf, work=lambda: None):
    told = []
    context = SimpleNamespace(
        batch_size=batch, progress=lambda done, total: told.append((done, total))
    )
    sampling, parts = Sampling(context, limits), []
    for part in sampling.batches(error):
        parts.append(part)
        work()
    assert [p.start for p in parts] == [0, *(p.stop for p in parts[:-1])]
    assert told == sorted(told)
    assert told[-1] == (limits.samples, limits.samples)
    return sampling, parts


@pytest.mark.parametrize("batch", [1, 32, 50])
def test_all_samples_are_drawn_once(batch):
    sampling, parts = run(Limits(300), batch=batch)
    assert (sampling.done, sampling.end) == (300, "all samples")
    assert max(p.stop - p.start for p in parts) <= batch


@pytest.mark.parametrize("batch", [1, 32, 50, 1000])
def test_where_a_settled_map_ends_does_not_depend_on_the_batch(batch):
    errors = iter([0.3, 0.2, 0.05])
    limits = Limits(1000, tolerance=0.1)
    sampling, _ = run(limits, batch=batch, error=lambda: next(errors))
    assert (sampling.done, sampling.end) == (3 * ROUND, "settled")


@pytest.mark.parametrize("batch", [1, 5, 32])
def test_it_may_be_looked_at_more_often(batch):
    errors = iter([0.3, 0.05])
    limits = Limits(100, tolerance=0.1, every=8)
    sampling, _ = run(limits, batch=batch, error=lambda: next(errors))
    assert (sampling.done, sampling.end) == (16, "settled")


def test_a_map_that_never_settles_takes_all_samples():
    sampling, _ = run(Limits(1000, tolerance=0.1), error=lambda: 0.2)
    assert (sampling.done, sampling.end) == (1000, "all samples")
    sampling, _ = run(Limits(1000, tolerance=0.1), error=lambda: np.nan)
    assert sampling.done == 1000


def test_it_ends_soon_after_the_time_is_up():
    started = time.monotonic()
    limits = Limits(10**6, max_seconds=0.1)
    sampling, _ = run(limits, work=lambda: time.sleep(0.02))
    assert sampling.end == "time"
    assert 0.1 <= time.monotonic() - started < 2.0
    assert 32 <= sampling.done <= 6 * 32


def test_what_a_map_needs_is_drawn_whatever_the_time():
    limits = Limits(500, max_seconds=1e-9, tolerance=1.0, least=300)
    sampling, _ = run(limits, error=lambda: 0.0)
    assert sampling.done == 320


def test_without_limits_the_error_is_not_computed():
    def error():
        raise AssertionError

    run(Limits(1000, max_seconds=60.0), error=error)


@pytest.mark.parametrize(
    ("values", "message"),
    [({"samples": 0}, "samples .*, not 0"), ({"max_seconds": 0.0}, "max_seconds .*, not 0"),
     ({"tolerance": -0.1}, "tolerance .*, not -0.1"),
     ({"tolerance": np.nan}, "tolerance .*, not nan")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(values, message):
    with pytest.raises(UsageError, match=message):
        Limits(**{"samples": 10, **values})


def test_relative_error():
    values = np.array([[0.0, 2.0], [-2.0, 0.0]])
    assert relative_error(values, np.full((2, 2), 0.4)) == pytest.approx(0.1)
    assert relative_error(np.ones((2, 2)), np.zeros((2, 2))) == 0.0
    assert relative_error(np.ones((2, 2)), np.full((2, 2), 0.1)) == np.inf
    noise = np.random.default_rng(0).normal(size=(50, 50))
    assert relative_error(noise, np.ones((50, 50))) > 0.1
