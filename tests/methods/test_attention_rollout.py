"""Attention rollout: transcription of the papers, closed forms, fused operators, refusals."""

import functools

import nets
import numpy as np
import onnx
import pytest
import torch
from handmade import PyTorchOnly, context_of, model, target_of
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from originals import difference, pair

import onnxplain
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.methods import find

GRID, PATCH = (3, 3), 9
RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (2, 3, 6, 6))
WEIGHTS = {
    "patch": RNG.normal(size=(8, 3, 2, 2)),
    "wq": RNG.normal(size=(8, 8)),
    "wk": RNG.normal(size=(8, 8)),
    "wv": RNG.normal(size=(8, 8)),
    "head": RNG.normal(size=(8, 4)),
    "tokens": np.array([0, 8, 9]),
    "joined": np.array([0, 9, 8]),
    "split": np.array([0, 9, 2, 4]),
    "root": np.array(0.5),
}
WEIGHTS["packed"] = np.concatenate([WEIGHTS[n] for n in ("wq", "wk", "wv")], axis=1)
WEIGHTS["nothing"] = np.zeros(24)
STEM = """
    c = Conv<strides = [2,2]>(image, patch) r = Reshape(c, tokens) t = Transpose<perm = [0,2,1]>(r)
"""
PROJECT = "q = MatMul(t, wq) k = MatMul(t, wk) v = MatMul(t, wv) "
HEAD = """
    y = Add(t, z) p = ReduceMean<axes = [1], keepdims = 0>(y) scores = MatMul(p, head)
"""
COMPOSED = (
    PROJECT
    + """
    qr = Reshape(q, split) qh = Transpose<perm = [0,2,1,3]>(qr)
    kr = Reshape(k, split) kh = Transpose<perm = [0,2,3,1]>(kr)
    vr = Reshape(v, split) vh = Transpose<perm = [0,2,1,3]>(vr)
    s = MatMul(qh, kh) h = Mul(s, root) a = Softmax<axis = -1>(h) m = MatMul(a, vh)
    mt = Transpose<perm = [0,2,1,3]>(m) z = Reshape(mt, joined)
"""
)
FUSED = {
    "Attention": PROJECT + "z = Attention<q_num_heads = 2, kv_num_heads = 2>(q, k, v)",
    "com.microsoft.MultiHeadAttention": PROJECT
    + "z = com.microsoft.MultiHeadAttention<num_heads = 2>(q, k, v, nothing)",
    "com.microsoft.Attention": "z = com.microsoft.Attention<num_heads = 2>(t, packed, nothing)",
}


def attending(body, opset=17, **changes):
    if opset > 17:
        body = body.replace(
            "ReduceMean<axes = [1], keepdims = 0>(y)", "ReduceMean<keepdims = 0>(y, one)"
        )
        changes["one"] = np.array([1])
    used = {k: v for k, v in {**WEIGHTS, **changes}.items() if k in body.replace("(", " ")}
    return model(body, used, opset=opset)


def run(name, proto, x=X, kind=None, **options):
    context = context_of(proto) if kind is None else context_of(proto, kind)
    return find(name).function(context, x, target_of(context, 1), **options)


def rollout(proto, **options):
    return run("attention-rollout", proto, **options)


@functools.cache
def attention_of(name="vit", target=3):
    """Weights of both blocks with their gradients, (heads, tokens, tokens), in float64."""
    made = pair(name)
    kept = []
    softmax = torch.Tensor.softmax

    def remembering(self, *a, **k):
        found = softmax(self, *a, **k)
        found.retain_grad()
        kept.append(found)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "softmax", remembering)
        scores = made.net(torch.from_numpy(made.x).double().requires_grad_())
    scores[0, target].backward()
    assert len(kept) == 2
    return [(a[0].detach().numpy(), a.grad[0].numpy()) for a in kept]


def transcribed(heads="mean", discard=0.0, gradient=False):
    """Rollout entry by entry, and the class token's row of it."""
    joint = None
    for weights, slopes in attention_of():
        count, tokens, _ = weights.shape
        step = np.zeros((tokens, tokens))
        for i in range(tokens):
            for j in range(tokens):
                each = [float(weights[h, i, j]) for h in range(count)]
                if gradient:
                    each = [max(a * float(slopes[h, i, j]), 0) for h, a in enumerate(each)]
                step[i, j] = {"mean": sum(each) / count, "max": max(each), "min": min(each)}[heads]
        for i, j in sorted(np.ndindex(step.shape), key=lambda k: step[k])[
            : int(discard * step.size)
        ]:
            step[i, j] = 0
        for i in range(tokens):
            step[i, i] += 1
            if not gradient:
                step[i] /= sum(step[i])
        joint = step if joint is None else step @ joint
    return joint[0, 1:].reshape(4, 4)


@pytest.mark.parametrize("heads", ["mean", "max", "min"])
@pytest.mark.parametrize("discard", [0.0, 0.4])
def test_transcription(heads, discard):
    made = pair("vit")
    found = made.double.explain(
        made.x, "attention-rollout", 3, heads=heads, discard_ratio=discard
    ).attribution
    assert difference(found, transcribed(heads, discard)) < 1e-6
    assert difference(found, transcribed("max" if heads == "min" else "min", discard)) > 1e-3
    assert difference(found, transcribed(heads, 0.4 - discard)) > 1e-3


def test_transcription_of_the_gradient_form():
    made = pair("vit")
    found = made.double.explain(made.x, "gradient-attention-rollout", 3, kind="logit")
    assert difference(found.attribution, transcribed(gradient=True)) < 1e-6
    other = made.double.explain(made.x, "gradient-attention-rollout", 2)
    assert difference(other.attribution, transcribed(gradient=True)) > 1e-2
    assert found.parameters["rows"] == "class"


@pytest.mark.parametrize(("opset", "dynamo"), [(13, False), (14, False), (16, False), (18, True)])
def test_every_exporter_and_opset_gives_the_same_map(opset, dynamo, tmp_path):
    made = pair("vit")
    image = torch.from_numpy(made.x)
    if dynamo:
        path = tmp_path / "vit.onnx"
        torch.onnx.export(
            nets.network("vit"), (image,), path, dynamo=True, opset_version=opset, verbose=False
        )
        proto = onnx.load(path)
    else:
        proto = nets.export(nets.network("vit"), image, opset=opset, dynamic=False, folded=True)
    opened = onnxplain.load(proto, preprocess="minus-one-one")
    found = opened.explain(made.x, "attention-rollout").attribution
    assert difference(found, transcribed()) < 1e-5
    sloped = opened.explain(made.x, "gradient-attention-rollout", 3, kind="logit").attribution
    assert difference(sloped, transcribed(gradient=True)) < 1e-4


def test_one_layer_in_closed_form():
    proto = attending(STEM + COMPOSED + HEAD)
    weights = context_of(proto, PyTorchOnly).network.torch.activations(X, ["a"])["a"].mean(axis=1)
    found = rollout(proto, kind=PyTorchOnly)
    mixed = 0.5 * weights + 0.5 * np.eye(PATCH)
    assert difference(found.values, mixed.mean(axis=1).reshape(2, *GRID)) < 1e-12
    assert found.parameters["rows"] == "mean"
    np.testing.assert_allclose(found.values.sum(axis=(1, 2)), 1.0)


def test_uniform_attention_gives_a_uniform_map():
    proto = attending(STEM + COMPOSED + HEAD, wq=np.zeros((8, 8)))
    np.testing.assert_allclose(rollout(proto).values, 1 / PATCH, rtol=1e-6)
    assert np.ptp(rollout(attending(STEM + COMPOSED + HEAD)).values) > 1e-3


def test_uniform_attention_of_a_class_token():
    """With n tokens, two layers leave (1 - 1/4) / n of the class token's row to each patch."""
    made = pair("vit")
    flat = onnx.ModelProto()
    flat.CopyFrom(nets.exported("vit").proto)
    for initializer in flat.graph.initializer:
        if initializer.name.endswith("qkv.weight") or initializer.name.endswith("qkv.bias"):
            value = onnx.numpy_helper.to_array(initializer).copy()
            value[:16] = 0
            initializer.CopyFrom(onnx.numpy_helper.from_array(value, initializer.name))
    opened = onnxplain.load(flat, preprocess="minus-one-one")
    found = opened.explain(made.x, "attention-rollout").attribution
    np.testing.assert_allclose(found, 0.75 / 17, rtol=1e-5)


@pytest.mark.parametrize("name", FUSED)
def test_fused_attention_is_computed_again(name):
    opset = 23 if name == "Attention" else 17
    wanted = rollout(attending(STEM + COMPOSED + HEAD)).values
    assert np.ptp(wanted) > 1e-3
    found = rollout(attending(STEM + FUSED[name] + HEAD, opset))
    assert difference(found.values, wanted) < 1e-5
    other = rollout(attending(STEM + FUSED[name] + HEAD, opset, wk=-WEIGHTS["wk"],
                              packed=-WEIGHTS["packed"][:, ::-1]))  # fmt: skip
    assert difference(other.values, wanted) > 1e-2


@pytest.mark.parametrize("name", FUSED)
def test_fused_attention_has_no_gradient(name):
    proto = attending(STEM + FUSED[name] + HEAD, 23 if name == "Attention" else 17)
    with pytest.raises(MethodRefusedError, match=r"Attention.*hides.*use attention-rollout"):
        run("gradient-attention-rollout", proto)


@pytest.mark.parametrize(
    ("body", "opset"),
    [
        ("z = Attention<q_num_heads = 2, kv_num_heads = 2, is_causal = 1>(q, k, v)", 23),
        ("z = Attention<q_num_heads = 2, kv_num_heads = 2>(q, k, v, mask)", 23),
        ("z = com.microsoft.MultiHeadAttention<num_heads = 2>(q, k, v, , , mask)", 17),
    ],
)
def test_masked_attention_is_refused_by_name(body, opset):
    proto = attending(STEM + PROJECT + body + HEAD, opset, mask=np.zeros((1, 1, 9, 9)))
    with pytest.raises(MethodRefusedError, match=r"Attention \(tensor 'z'\) hides.*use grad-cam"):
        rollout(proto)


def test_attention_within_windows_is_refused():
    windows = COMPOSED.replace("split", "windowed")
    proto = attending(
        STEM + windows + HEAD, windowed=np.array([-1, 3, 2, 4]), joined=np.array([-1, 9, 8])
    )
    with pytest.raises(MethodRefusedError, match=r"shape \[3, 2, 3, 3\].*windows.*use grad-cam"):
        rollout(proto)


def test_attention_to_fewer_tokens_is_refused():
    fewer = COMPOSED.replace("MatMul(t, wk)", "MatMul(u, wk)").replace(
        "MatMul(t, wv)", "MatMul(u, wv)"
    )
    fewer = fewer.replace("Reshape(k, split)", "Reshape(k, less)")
    fewer = fewer.replace("Reshape(v, split)", "Reshape(v, less)")
    proto = attending(
        STEM + "u = Slice(t, lo, hi, lo1) " + fewer + HEAD,
        less=np.array([0, 4, 2, 4]), lo=np.array([0]), hi=np.array([4]), lo1=np.array([1]),
    )  # fmt: skip
    with pytest.raises(MethodRefusedError, match=r"shape \[1, 2, 9, 4\].*fewer tokens"):
        rollout(proto)


@pytest.mark.parametrize("method", ["attention-rollout", "gradient-attention-rollout"])
def test_networks_without_attention_are_refused(method):
    made = pair("resnet")
    with pytest.raises(MethodRefusedError, match="has none; use grad-cam, lrp or occlusion"):
        made.single.explain(made.x, method)


def test_wrong_parameters():
    proto = attending(STEM + COMPOSED + HEAD)
    for wrong, message in (
        ({"heads": "median"}, "allowed: mean, max, min"),
        ({"discard_ratio": 1.0}, "0 or more and below 1"),
        ({"rows": "last"}, "allowed: auto, class, mean"),
        ({"rows": "class"}, "the model has none; use rows=mean"),
    ):
        with pytest.raises(UsageError, match=message):
            rollout(proto, **wrong)


def test_heads_joined_with_the_batch():
    """Some exports keep heads on the first axis, behind each other for every input."""
    joined = COMPOSED.replace(
        "a = Softmax<axis = -1>(h)",
        "hf = Reshape(h, flat) af = Softmax<axis = -1>(hf) a = Reshape(af, back)",
    )
    proto = attending(STEM + joined + HEAD, flat=np.array([-1, 9, 9]), back=np.array([-1, 2, 9, 9]))
    assert (
        difference(rollout(proto).values, rollout(attending(STEM + COMPOSED + HEAD)).values) < 1e-6
    )


class Calibration(CalibrationDataReader):
    """A few pictures like those explained."""

    def __init__(self):
        rows = nets.images("vit", 8, seed=3).astype(np.float32)
        self._rest = iter([{"image": row[None]} for row in rows])

    def get_next(self):
        return next(self._rest, None)


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_an_int8_file(form, tmp_path):
    made = pair("vit")
    onnx.save(nets.exported("vit").proto, tmp_path / "float.onnx")
    quantize_static(
        tmp_path / "float.onnx", tmp_path / "int8.onnx", Calibration(), quant_format=form
    )
    opened = onnxplain.load(tmp_path / "int8.onnx", preprocess="minus-one-one")
    kinds = {node.op_type for node in opened.network.graph.nodes}
    assert ("QLinearSoftmax" in kinds) == (form is QuantFormat.QOperator)
    found = opened.explain(made.x, "attention-rollout").attribution
    assert 1e-4 < difference(found, transcribed()) < 0.1
    assert np.corrcoef(found.ravel(), transcribed().ravel())[0, 1] > 0.95
