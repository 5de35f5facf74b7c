"""Every operator, in every version that the table promises, against ONNX Runtime."""

import numpy as np
import pytest
from onnx import defs, helper

from onnxplain.convert.aliases import ALIASES
from onnxplain.convert.operators import OURS, STOCK
from tests.convert import forms, forms_control, forms_layers, forms_shape
from tests.convert.oracle import converted, expected, make_model

OLDEST_OPSET = 7
QUANTISED = {form.op_type for form in forms_layers.QUANTISED} - {"DequantizeLinear"}

FORMS = [
    *forms.ELEMENTWISE,
    *forms.CASTS,
    *forms.REDUCTIONS,
    *forms_control.CONTROL_FLOW,
    *forms_layers.LINEAR,
    *forms_layers.CONVOLUTIONS,
    *forms_layers.POOLS,
    *forms_layers.NORMALIZATIONS,
    *forms_layers.QUANTISED,
    *forms_shape.SHAPES,
    *forms_shape.INDEXING,
    *forms_shape.PADS,
    *forms_shape.RESIZES,
    *forms_shape.CREATIONS,
    *forms_shape.BLOCKS,
    *forms_shape.SIGNALS,
]


def promised():
    """All pairs of operator and version."""
    ours = {(op, v) for covered in OURS.values() for op, vs in covered.items() for v in vs}
    return sorted(ours | {(op, v) for op, vs in STOCK.items() for v in vs} | set(ALIASES))


def applicable(op_type, version):
    return [f for f in FORMS if f.op_type == op_type and f.since <= version <= f.until]


CASES = [
    pytest.param(form, version, id=f"{op_type}-{version}-{i}")
    for op_type, version in promised()
    for i, form in enumerate(applicable(op_type, version))
]


def build(form, version):
    names = ["" if a is None else f"in{i}" for i, a in enumerate(form.inputs)]
    arrays = {n: a for n, a in zip(names, form.inputs, strict=True) if n}
    constants = {names[i]: form.inputs[i] for i in form.constants}
    feeds = {n: a for n, a in arrays.items() if n not in constants}
    outputs = [f"out{i}" for i in range(form.outputs)]
    node = helper.make_node(form.op_type, names, outputs, **form.attributes)
    opset = max(version, OLDEST_OPSET)
    return make_model([node], feeds, outputs, constants, opset), feeds


@pytest.mark.parametrize(("form", "version"), CASES)
def test_a_version_agrees_with_onnx_runtime(form, version):
    model, feeds = build(form, version)
    wanted, got = expected(model, feeds), converted(model, feeds)
    for name, array in wanted.items():
        if form.op_type not in QUANTISED:
            assert got[name].dtype == array.dtype
        assert got[name].shape == array.shape
        np.testing.assert_allclose(
            got[name].astype(np.float64), array.astype(np.float64), rtol=1e-4, atol=form.atol
        )


def test_every_promised_version_has_a_form():
    missing = [
        (op_type, version) for op_type, version in promised() if not applicable(op_type, version)
    ]
    assert missing == []


def test_every_promised_version_is_one_of_the_standard():
    known = {(s.name, s.since_version) for s in defs.get_all_schemas_with_history() if not s.domain}
    # ONNX Runtime's own operators that it puts into the standard domain.
    own = {"LayerNormalization", "SimplifiedLayerNormalization"}
    assert [p for p in promised() if p not in known and p[0] not in own] == []
