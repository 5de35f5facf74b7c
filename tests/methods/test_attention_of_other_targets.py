"""Methods that need attention, on a value, a likeness and a region: autograd and loops."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from tests.applicable import NEED_ATTENTION
from tests.methods.attending_targets import GRID, Opened
from tests.methods.expected_maps import Expected, near
from tests.methods.other_targets import X

TARGETS = ("value", "likeness", "region")
TOKENS = GRID[0] * GRID[1]
EPSILON = {"gamma": 0.0, "linear_gamma": 0.0, "epsilon": 1e-13}
# The file holds the square root of two (in GELU) and the epsilon of normalisations in float32.
CONSTANTS = 1e-7
everywhere = pytest.mark.parametrize("name", TARGETS)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Open a case, each once."""
    return functools.cache(lambda name: Opened(name, tmp_path_factory.mktemp(name)))


def rolled_out(steps):
    """Multiply the steps from the first to the last, and average what reaches the tokens."""
    joint = np.eye(TOKENS)
    for step in steps:
        joint = step @ joint
    return joint.mean(axis=0).reshape(GRID)


def rollout(case):
    """Abnar, Zuidema 2020: half the mean over the heads, half the token itself."""
    steps = []
    for weights, _ in case.attention():
        step = np.zeros((TOKENS, TOKENS))
        for i, j in np.ndindex(step.shape):
            step[i, j] = sum(float(w[i, j]) for w in weights) / len(weights) / 2
            step[i, j] += 0.5 if i == j else 0.0
        steps.append(step / step.sum(axis=1, keepdims=True))
    return Expected(rolled_out(steps), bound=1e-5)


def gradient_rollout(case):
    """Chefer, Gur, Wolf 2021: what raises the number, and the token itself."""
    steps = []
    for weights, slopes in case.attention():
        step = np.eye(TOKENS)
        for i, j in np.ndindex(step.shape):
            raising = [
                max(float(w[i, j] * s[i, j]), 0) for w, s in zip(weights, slopes, strict=True)
            ]
            step[i, j] += sum(raising) / len(raising)
        steps.append(step)
    return Expected(rolled_out(steps), bound=CONSTANTS)


def attn_lrp(case):
    """Slope times input of the network under the rules of AttnLRP."""
    return Expected(case.relevance(constant_weights=False), {"form": "attn", **EPSILON}, CONSTANTS)


def cp_lrp(case):
    """The same with constant attention weights (Ali et al. 2022)."""
    return Expected(case.relevance(constant_weights=True), {"form": "cp", **EPSILON}, CONSTANTS)


EXPECTED = {
    "attention-rollout": rollout,
    "gradient-attention-rollout": gradient_rollout,
    "attn-lrp": attn_lrp,
}


@everywhere
@pytest.mark.parametrize("method", sorted(NEED_ATTENTION))
def test_every_method_agrees_with_its_oracle(method, name, opened):
    case = opened(name)
    expected = EXPECTED[method](case)
    near(case.explain(method, **expected.options).attribution.astype(np.float64), expected)


@everywhere
def test_constant_attention_weights(name, opened):
    case = opened(name)
    expected = cp_lrp(case)
    near(case.explain("attn-lrp", **expected.options).attribution.astype(np.float64), expected)
    other = attn_lrp(case).values
    assert np.abs(other - expected.values).max() > 1e-2 * np.abs(other).max()


@everywhere
def test_the_source_is_the_file(name, opened):
    case = opened(name)
    score = case.case.score(case.net(), case.net().later(torch.from_numpy(X)))
    assert case.explain("gradient").score == pytest.approx(float(score), rel=1e-5)
    leaf = torch.from_numpy(X).requires_grad_()
    net = case.net()
    slopes = torch.autograd.grad(case.case.score(net, net.later(leaf)).sum(), leaf)[0]
    found = case.explain("gradient").attribution.astype(np.float64)
    near(found, Expected(slopes[0].numpy(), bound=CONSTANTS))


@pytest.mark.parametrize("method", sorted(NEED_ATTENTION))
def test_only_rollout_does_not_ask_for_the_target(method, opened):
    """Rollout is that of the attention alone: another head on the same tokens changes nothing."""
    maps = [EXPECTED[method](opened(name)).values for name in TARGETS]
    for k, one in enumerate(maps):
        for other in maps[k + 1 :]:
            apart = np.abs(one / np.abs(one).max() - other / np.abs(other).max()).max()
            assert (apart > 1e-3) == (method != "attention-rollout")
