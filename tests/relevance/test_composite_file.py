"""Composites from files: what they say, and where an error stands."""

import numpy as np
import pytest
from originals import difference, pair

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.relevance.composite_file import load_composite
from onnxplain.relevance.composites import Composite, Match, RuleUse

FILE = """
name = "mine"
unknown = "pass"

[[rule]]
operator = "convolution"
position = "first"
rule = "flat"

[[rule]]
operator = ["Conv", "linear"]
name = "*"
rule = "gamma"
gamma = 0.5
"""


def test_a_file_says_the_same_as_python(tmp_path):
    (tmp_path / "mine.toml").write_text(FILE)
    found = load_composite(tmp_path / "mine.toml")
    expected = Composite(
        "mine",
        (
            (Match(("convolution",), position="first"), RuleUse("flat")),
            (Match(("Conv", "linear")), RuleUse("gamma", {"gamma": 0.5})),
        ),
        unknown="pass",
    )
    assert found == expected
    assert found.rules[1][1].parameters == {"gamma": 0.5}
    made = pair("vgg")
    by_file = made.double.explain(made.x, "lrp", 1, composite=str(tmp_path / "mine.toml"))
    by_hand = made.double.explain(made.x, "lrp", 1, composite=expected)
    assert by_file.parameters["composite"] == "mine"
    assert by_file.notes["composite"]["rule"][1]["gamma"] == 0.5
    np.testing.assert_array_equal(by_file.attribution, by_hand.attribution)
    default = made.double.explain(made.x, "lrp", 1)
    assert difference(by_file.attribution, default.attribution) > 1e-2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('name = "mine"', "name = mine"), "not valid TOML.*line 2"),
        (('unknown = "pass"', 'unknwn = "pass"'), "unknown key in.*'unknwn'; nearest: 'unknown'"),
        (('unknown = "pass"', 'unknown = "skip"'), "composite.*`unknown`.*allowed: refuse"),
        (('unknown = "pass"', "epsilon = true"), "'epsilon' is True.*number"),
        (("gamma = 0.5", "gamm = 0.5"), r"rule 2 \(line 10\).*parameter of rule gamma 'gamm'"),
        (("gamma = 0.5", 'gamma = "much"'), r"rule 2 \(line 10\).*gamma.*number"),
        (('rule = "flat"', 'rule = "flt"'), r"rule 1 \(line 5\).*'flt'; nearest: 'flat'"),
        (('rule = "flat"', ""), r"rule 1 \(line 5\).*key 'rule' is missing"),
        (('"convolution"', '"Con"'), r"operator in.*rule 1 \(line 5\).*'Con'; nearest: 'Conv'"),
        (('"convolution"', "3"), r"rule 1 \(line 5\).*operator must be a text"),
        (('"first"', '"frist"'), r"rule 1 \(line 5\).*position 'frist'; nearest: 'first'"),
        (("[[rule]]\noperator = [", "[rule]\noperator = ["), "not valid TOML"),
    ],
)
def test_an_error_in_a_file_is_located(tmp_path, change, message):
    path = tmp_path / "mine.toml"
    assert change[0] in FILE
    path.write_text(FILE.replace(*change))
    with pytest.raises(UsageError, match=message):
        load_composite(path)


def test_files_that_are_none(tmp_path):
    with pytest.raises(UsageError, match="cannot read composite"):
        load_composite(tmp_path / "absent.toml")
    (tmp_path / "single.toml").write_text('[rule]\nrule = "flat"\n')
    with pytest.raises(UsageError, match=r"\[\[rule\]\]"):
        load_composite(tmp_path / "single.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"cannot read composite.*it is not UTF-8 text"):
        load_composite(tmp_path / "binary.toml")
    with pytest.raises(UnknownNameError, match="composite"):
        pair("vgg").single.explain(pair("vgg").x, "lrp", 1, composite="mine")
