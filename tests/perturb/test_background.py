"""Backgrounds: fitted moments, stored files, and draws with the right distribution."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.perturb.background import Background, fit_background
from onnxplain.perturb.conditional import WindowSampler


def pictures(count=30, shape=(3, 12, 10), seed=0):
    """Smooth noise whose channels go together."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(count, 1, *shape[1:]))
    return gaussian_filter(common + 0.5 * rng.normal(size=(count, *shape)), (0, 0, 1, 1)) * 2 + 1


@pytest.mark.parametrize(("sampler", "groups"), [("conditional", 3), ("joint", 1)])
def test_moments_are_those_of_all_patches(sampler, groups):
    xs = pictures()
    found = fit_background(xs, sampler, (2, 3), 1, crops=60_000)
    assert found.patch == (4, 5)
    views = np.lib.stride_tricks.sliding_window_view(xs, (4, 5), axis=(2, 3))
    flat = np.moveaxis(views, 1, 3).reshape(-1, groups, 3 // groups * 20)
    spread = flat.std(0).max()
    np.testing.assert_allclose(found.mean, flat.mean(0), atol=0.05 * spread)
    for g in range(groups):
        wanted = np.cov(flat[:, g].T)
        np.testing.assert_allclose(found.covariance[g], wanted, atol=0.05 * spread**2)
    np.testing.assert_allclose(found.low, xs.min((0, 2, 3)))
    np.testing.assert_allclose(found.high, xs.max((0, 2, 3)))


@pytest.mark.parametrize("sampler", ["conditional", "joint", "marginal"])
def test_what_is_stored_is_read_again(sampler, tmp_path):
    made = fit_background(pictures(4), sampler, (3, 2), 1, preprocess="abc", crops=100)
    made.save(tmp_path / "b.npz")
    read = Background.load(tmp_path / "b.npz")
    for field in dataclasses.fields(Background):
        one, other = (getattr(b, field.name) for b in (made, read))
        np.testing.assert_array_equal(one, other)
        assert type(one) is type(other)


def damaged(path, **changes):
    with np.load(path) as file:
        arrays = {k: file[k] for k in file.files}
    for key, value in changes.items():
        arrays[key] = np.array(value, dtype=object) if value == ["object"] else np.array(value)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "another version"),
        ({"mean": [[np.nan]]}, "mean is not a finite array"),
        ({"sampler": "other"}, "other"),
        ({"covariance": [1.0]}, "covariance is not"),
        ({"window": 3}, "not a stored background"),
        ({"low": ["object"]}, "not a stored background"),
    ],
)
def test_damaged_files_are_refused_in_one_line(changes, message, tmp_path):
    path = tmp_path / "b.npz"
    fit_background(pictures(2), "conditional", (3, 2), 1, crops=50).save(path)
    damaged(path, **changes)
    with pytest.raises(UsageError, match=message) as found:
        Background.load(path)
    assert "\n" not in str(found.value)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "b.npz").write_bytes(b"no archive")
    for name in ("b.npz", "absent.npz"):
        with pytest.raises(UsageError, match=name):
            Background.load(tmp_path / name)
    with pytest.raises(UsageError, match=r"stored as \.npz"):
        fit_background(pictures(2), "marginal", (3, 2), 1).save(tmp_path / "b.bin")


@pytest.mark.parametrize(
    ("sampler", "window", "padding", "error", "message"),
    [
        ("gaussian", (2, 2), 1, UnknownNameError, "conditional, joint, marginal"),
        ("joint", (13, 2), 1, UsageError, "1 to 12 high"),
        ("joint", (2, 0), 1, UsageError, "1 to 10 wide"),
        ("joint", (2, 2), -1, UsageError, "padding"),
    ],
)
def test_what_makes_no_sense_is_refused(sampler, window, padding, error, message):
    with pytest.raises(error, match=message):
        fit_background(pictures(2), sampler, window, padding)


def test_a_covariance_beyond_the_memory_is_refused():
    with pytest.raises(UsageError, match="too large"):
        fit_background(np.zeros((1, 3, 64, 64)), "joint", (60, 60), 2)
    with pytest.raises(UsageError, match="at least one"):
        fit_background([], "joint", (2, 2), 2)


def known(covariance, mean, window=(2, 2), padding=1, shape=(1, 5, 6)):
    """A background with given moments and no ends."""
    far = np.full(shape[0], 1e9)
    return Background(
        "conditional", window, padding, shape, 9, "", -far, far,
        mean[None], covariance[None], np.zeros((0, *shape), np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("place", [(0, 0), (1, 2), (3, 4), (2, 0)])
def test_draws_are_those_of_the_conditional_gaussian(place):
    """Mean mu1 + S12 S22^-1 (x2 - mu2) and covariance S11 - S12 S22^-1 S21, by inversion."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(16, 16))
    covariance, mean = root @ root.T / 16 + 0.1 * np.eye(16), rng.normal(size=16)
    picture = rng.normal(size=(1, 5, 6))
    sampler = WindowSampler(known(covariance, mean))
    draws = np.stack([sampler.draw(rng, picture, place)[0].ravel() for _ in range(20_000)])
    top, left = min(max(place[0] - 1, 0), 1), min(max(place[1] - 1, 0), 2)
    inside = np.zeros((4, 4), bool)
    down, right = place[0] - top, place[1] - left
    inside[down : down + 2, right : right + 2] = True
    inside = inside.ravel()
    precision = np.linalg.inv(covariance)[np.ix_(inside, inside)]
    spread = np.linalg.inv(precision)
    patch = picture[0, top : top + 4, left : left + 4].ravel()
    across = np.linalg.inv(covariance)[np.ix_(inside, ~inside)]
    centre = mean[inside] - spread @ across @ (patch - mean)[~inside]
    scale = np.sqrt(np.diag(spread))
    assert np.abs((draws.mean(0) - centre) / scale).max() < 5 / np.sqrt(20_000)
    np.testing.assert_allclose(np.cov(draws.T), spread, atol=0.05 * scale.max() ** 2)


def test_what_follows_from_its_surroundings_is_drawn_as_it_is():
    """All pixels of a patch are equal; the marginal sampler does not know that."""
    rng = np.random.default_rng(0)
    flat = [np.full((1, 8, 8), value) for value in rng.normal(size=200)]
    picture = np.full((1, 8, 8), 0.7)
    gaussian = WindowSampler(fit_background(flat, "conditional", (3, 3), 1, crops=2000))
    drawn = np.stack([gaussian.draw(rng, picture, (2, 3)) for _ in range(50)])
    assert np.abs(drawn - 0.7).max() < 0.02
    marginal = WindowSampler(fit_background(flat, "marginal", (3, 3), 1))
    others = np.stack([marginal.draw(rng, picture, (2, 3)) for _ in range(50)])
    assert others.std() > 0.5


def test_draws_stay_between_the_ends():
    xs = pictures(3)
    found = fit_background(xs, "joint", (4, 4), 1, crops=500)
    found = dataclasses.replace(found, low=found.mean.mean() - np.ones(3), high=found.low + 3)
    sampler, rng = WindowSampler(found), np.random.default_rng(0)
    drawn = np.stack([sampler.draw(rng, xs[0], (k % 8, k % 6)) for k in range(200)])
    low, high = (np.broadcast_to(e[:, None, None], drawn.shape) for e in (found.low, found.high))
    assert ((drawn >= low) & (drawn <= high)).all()
    assert (drawn == low).any()
    assert (drawn == high).any()
    assert ((drawn > low) & (drawn < high)).mean() > 0.1


def test_marginal_draws_are_pieces_of_other_pictures():
    xs = pictures(5).astype(np.float32)
    sampler, rng = (
        WindowSampler(fit_background(xs, "marginal", (4, 3), 1)),
        np.random.default_rng(0),
    )
    for _ in range(20):
        drawn = sampler.draw(rng, xs[0], (2, 5))
        assert any(np.array_equal(drawn, x[:, 2:6, 5:8]) for x in xs)
    alone = WindowSampler(fit_background(xs[:1], "marginal", (4, 3), 1))
    drawn = np.stack([alone.draw(rng, xs[0], (2, 5)) for _ in range(20)])
    assert len(np.unique(drawn[:, 0, 0, 0])) > 10


def test_padding_zero_is_a_gaussian_that_sees_nothing():
    xs = pictures(20)
    found = fit_background(xs, "conditional", (2, 2), 0, crops=20_000)
    sampler, rng = WindowSampler(found), np.random.default_rng(0)
    draws = np.stack([sampler.draw(rng, xs[0] + 50, (3, 3)) for _ in range(4000)])
    np.testing.assert_allclose(draws.mean(0).reshape(3, -1), found.mean, atol=0.1)
