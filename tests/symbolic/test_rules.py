"""Every rule, in every form, against the PyTorch engine in float64."""

import numpy as np
import pytest

from onnxplain.symbolic.rules import RULES
from tests.convert.forms import Form
from tests.convert.test_gradients import version_of
from tests.convert.test_versions import FORMS, build
from tests.symbolic.forms import EXTRA
from tests.symbolic.written import by_torch, in_double, on_ort, run, seed_name, values_of, written

OLDEST = 16
# Rules whose derivative is zero wherever there is one: there is nothing to write.
STEPS = {"Ceil", "Floor", "Sign", "Round"}
# Rules that meet integers only within a chain; see test_quantised.py.
IN_CHAINS = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}


def differentiable(form: Form) -> bool:
    first = form.inputs[0] if form.inputs else None
    if form.op_type == "Where":
        first = form.inputs[1]
    integers = form.op_type == "Cast" and form.attributes.get("to") not in (1, 10, 11)
    refused = [form.attributes.get(k) for k in ("antialias", "exclude_outside", "batch_dims")]
    refused.append(form.attributes.get("reduction", "none") not in ("none", "add"))
    refused.append(form.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch")
    refused.append(form.attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize")
    finite = all(np.isfinite(a).all() for a in form.inputs if a is not None)
    return (
        first is not None and first.dtype == np.float32 and first.size and finite
        and not integers and not any(refused)
        and form.op_type in RULES and form.until >= OLDEST
        and form.op_type not in STEPS | IN_CHAINS
    )  # fmt: skip


CASES = [
    pytest.param(form, id=f"{form.op_type}-{i}")
    for i, form in enumerate([*FORMS, *EXTRA])
    if differentiable(form)
]
# The standard's evaluator counts indices of MaxPool within a channel, and takes no index tensor
# that is smaller than the data; ONNX Runtime does as the standard says.
EVALUATED_OTHERWISE = {"MaxPool", "ScatterElements"}
# Derivatives with respect to these are not written; the rule refuses them.
ONLY_FIRST = {
    "BatchNormalization", "Clip", "Conv", "ConvTranspose", "GroupNormalization",
    "InstanceNormalization", "LayerNormalization", "Mod", "PRelu", "Pow", "Pad",
    "RMSNormalization", "Resize",
}  # fmt: skip


def prepared(form: Form):
    constants = set(form.constants)
    for k, array in enumerate(form.inputs):
        fixed = form.op_type in ONLY_FIRST and k > 0
        if array is not None and ((array.dtype != np.float32 and array.dtype != bool) or fixed):
            constants.add(k)
    changed = Form(
        form.op_type, form.inputs, form.attributes, form.since, form.until, form.outputs,
        tuple(sorted(constants)),
    )  # fmt: skip
    model, feeds = build(changed, max(OLDEST, version_of(form)))
    generator = np.random.default_rng(0)
    # Away from ties and kinks, which the round numbers of a form may sit on.
    wide = {
        n: a if a.dtype != np.float32 else a + 1e-3 * generator.random(a.shape)
        for n, a in feeds.items()
    }
    return in_double(model), wide


@pytest.mark.parametrize("form", CASES)
def test_a_derivative_is_that_of_the_pytorch_engine(form):
    model, feeds = prepared(form)
    wanted = [n for n, a in feeds.items() if a.dtype == np.float64]
    outputs = [model.graph.output[0].name]
    if form.op_type == "Split":
        outputs = [o.name for o in model.graph.output]
    generator = np.random.default_rng(1)
    seeds = {
        o: generator.standard_normal(v.shape).astype(v.dtype)
        for o, v in values_of(model, feeds, outputs).items()
    }
    whole = written(model, [feeds], wanted, outputs)
    names = [o.name for o in whole.graph.output]
    engine = on_ort if form.op_type in EVALUATED_OTHERWISE else run
    found = engine(whole, {**feeds, **{seed_name(o): s for o, s in seeds.items()}}, names)
    expected = by_torch(model, feeds, wanted, seeds)
    for name, there in zip(names, expected, strict=True):
        assert found[name].shape == there.shape
        single = there.dtype != np.float64 or seeds[outputs[0]].dtype == np.float16
        bound = 1e-3 if single else 1e-9
        np.testing.assert_allclose(
            found[name], there, rtol=0, atol=bound * max(1.0, np.abs(there).max())
        )
    assert any(np.abs(there).max() > 0 for there in expected)


def test_every_rule_has_a_form():
    tried = {case.values[0].op_type for case in CASES}
    assert set(RULES) - tried - STEPS - IN_CHAINS == set()
