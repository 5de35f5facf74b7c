"""Sums of float32 arrays: as exact as the same sums in float64."""

import math

import numpy as np
import pytest

from onnxplain.perturb.compensated import CompensatedSum


def total_of(terms):
    found = CompensatedSum()
    for term in terms:
        found.add(term)
    return found


def test_float32_terms_sum_as_in_float64():
    terms = (100 + np.random.default_rng(0).normal(size=(5000, 7))).astype(np.float32)
    exact = [math.fsum(column) for column in terms.T.astype(float)]
    np.testing.assert_allclose(total_of(terms).value(), exact, rtol=1e-12)
    plain = np.add.reduce(terms, axis=0)
    assert np.abs(plain - exact).max() > 1e3 * np.abs(total_of(terms).value() - exact).max()


def test_a_sum_in_other_units():
    terms = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
    found = total_of(terms[:20])
    found.scale(0.25)
    for term in terms[20:]:
        found.add(term)
    expected = terms[:20].astype(float).sum(0) / 4 + terms[20:].astype(float).sum(0)
    np.testing.assert_allclose(found.value(), expected, rtol=1e-12)


def test_the_terms_stay_as_they_are():
    term = np.ones(3, np.float32)
    total_of([term, term])
    assert (term == 1).all()


def test_nothing_has_no_sum():
    with pytest.raises(ValueError, match="nothing was added"):
        CompensatedSum().value()
