"""Names and parameters of rules: what is allowed and what is said of anything else."""

import inspect

import pytest

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.relevance.rule_table import WITH_WEIGHTS, WITHOUT_WEIGHTS, check_rule
from onnxplain.relevance.signed_rules import RULES


def test_the_table_is_that_of_the_functions():
    """The table is plain data so that no PyTorch is loaded; the functions decide."""
    assert RULES.keys() == WITH_WEIGHTS.keys()
    for name, rule in RULES.items():
        own = {
            key
            for key, value in inspect.signature(rule).parameters.items()
            if value.kind is inspect.Parameter.KEYWORD_ONLY
        }
        # The bounds of the input, and which inputs reach an output, follow from the network.
        assert own - {"low", "high", "support"} == WITH_WEIGHTS[name], name


@pytest.mark.parametrize(
    ("rule", "parameters"),
    [
        ("epsilon", {"epsilon": 0}),
        ("gamma", {"gamma": 0.5}),
        ("alpha-beta", {}),
        ("alpha-beta", {"alpha": 1, "beta": 0, "zero_bias": True}),
        ("signal", {}),
    ],
)
def test_what_is_allowed(rule, parameters):
    check_rule(rule, parameters)
    assert rule in {**WITH_WEIGHTS, **WITHOUT_WEIGHTS}


@pytest.mark.parametrize(
    ("rule", "parameters", "kind", "message"),
    [
        ("gama", {}, UnknownNameError, "relevance rule 'gama'; nearest: 'gamma'"),
        ("gamma", {"gama": 1}, UnknownNameError, "parameter of rule gamma 'gama'.*'gamma'"),
        ("flat", {"gamma": 1}, UnknownNameError, "parameters: none"),
        ("gamma", {"gamma": -1}, UsageError, "gamma of rule gamma is -1.*not negative"),
        ("gamma", {"gamma": True}, UsageError, "gamma of rule gamma is True"),
        ("gamma", {"gamma": float("nan")}, UsageError, "is nan; it must be a finite"),
        ("epsilon", {"epsilon": float("inf")}, UsageError, "is inf; it must be a finite"),
        ("z-plus", {"zero_bias": 1}, UsageError, "zero_bias .* is 1; it must be true or false"),
        ("alpha-beta", {"alpha": 3}, UsageError, "alpha - beta .* is 2; it must be 1"),
    ],
)
def test_what_is_refused(rule, parameters, kind, message):
    with pytest.raises(kind, match=message):
        check_rule(rule, parameters)
