"""Operator versions whose meaning did not change for the values that a classifier carries.

onnx2torch looks up the exact version, so that a new version of an unchanged operator is
unknown to it. Each row says which registered version is used instead. Rows are explicit:
"the highest version below" would hide changes of meaning.
"""

from __future__ import annotations

from collections.abc import Mapping

# (operator, version) -> version registered in onnx2torch. What changed is the element types
# that are allowed; for Sum and Mean before opset 8 also that shapes had to be equal.
ALIASES: Mapping[tuple[str, int], int] = {
    ("Acos", 22): 7,
    ("Asin", 22): 7,
    ("Atan", 22): 7,
    ("Celu", 28): 12,
    ("Cos", 22): 7,
    ("Einsum", 28): 12,
    ("Elu", 22): 6,
    ("Equal", 19): 13,
    ("GreaterOrEqual", 16): 12,
    ("HardSigmoid", 22): 6,
    ("HardSwish", 22): 14,
    ("LessOrEqual", 16): 12,
    ("Round", 22): 11,
    ("Sin", 22): 7,
    ("Softsign", 22): 1,
    ("Sum", 6): 8,
    ("Mean", 6): 8,
    ("Tan", 22): 7,
}
