"""Files of all forms: further inputs, opsets, types, layouts, batches, sizes, names, weights."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser, version_converter

import onnxplain
from onnxplain.export.export import export
from tests.convert.oracle import session
from tests.graphs import weights
from tests.noise import require_float32

SIDE = 12
PICTURE = np.random.default_rng(3).random((1, 3, SIDE, SIDE)).astype(np.float32)
METHODS = ["grad-cam,gradient,integrated-gradients"]
CONV = (
    "c = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(image, w1) r = Relu(c) "
    "m = GlobalAveragePool(r) f = Flatten(m) "
)
LOGITS = "logits = MatMul(f, w2)"
WEIGHTS = {"w1": weights(6, 3, 3, 3, seed=1), "w2": weights(6, 4, seed=2)}


def file_of(
    body=CONV + LOGITS,
    inputs=f"float[N,3,{SIDE},{SIDE}] image",
    outputs="float[N,4] logits",
    opset=17,
    **more,
):
    proto = parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]> g ({inputs}) => ({outputs}) {{ {body} }}'
    )
    used = {i for n in proto.graph.node for i in n.input}
    for name, value in {**WEIGHTS, **more}.items():
        if name in used:
            proto.graph.initializer.append(numpy_helper.from_array(value, name))
    onnx.checker.check_model(proto)
    return proto


def half():
    proto = file_of(inputs=f"float16[N,3,{SIDE},{SIDE}] image", outputs="float16[N,4] logits")
    _retype(proto, np.float16)
    return proto


def double():
    body = "f = Flatten(image) t = Tanh(f) logits = MatMul(t, w3)"
    return file_of(
        body, f"double[N,3,{SIDE},{SIDE}] image", "double[N,4] logits",
        w3=weights(3 * SIDE**2, 4, seed=4).astype(np.float64),
    )  # fmt: skip


def _retype(proto, dtype):
    for tensor in proto.graph.initializer:
        value = numpy_helper.to_array(tensor).astype(dtype)
        tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))


NHWC = "image = Transpose<perm=[0,3,1,2]>(pixels) "
FILES = {
    "plain": (file_of(), {}),
    "several-outputs": (
        file_of(outputs="float[N,4] logits, float[N,6] f"), {"output": "logits"}
    ),
    "batch-of-1": (file_of(inputs=f"float[1,3,{SIDE},{SIDE}] image"), {}),
    "batch-of-4": (
        file_of(inputs=f"float[4,3,{SIDE},{SIDE}] image", outputs="float[4,4] logits"), {}
    ),
    "no-batch": (
        file_of("image = Unsqueeze(one, l0) " + CONV + "g = MatMul(f, w2) logits = Squeeze(g, l0)",
                f"float[3,{SIDE},{SIDE}] one", "float[4] logits", l0=np.array([0])), {}
    ),
    "keras": (file_of(NHWC + CONV + LOGITS, f"float[N,{SIDE},{SIDE},3] pixels"), {}),
    "any-size": (file_of(inputs="float[N,3,H,W] image"), {"size": (SIDE, SIDE)}),
    "double": (double(), {}),
    "half": (half(), {}),
    "opset-7": (file_of(opset=7), {}),
    "opset-11": (file_of(opset=11), {}),
    "opset-13": (file_of(opset=13), {}),
    "opset-20": (version_converter.convert_version(file_of(), 20), {}),
    "read-inside": (
        file_of(CONV + "logits = MatMul(f, w2) p = Softmax<axis=1>(logits)",
                outputs="float[N,4] logits, float[N,4] p"), {"output": "p"}
    ),
    "our-names": (
        file_of(CONV + "target = MatMul(f, w2) attribution = Softmax<axis=1>(target)",
                outputs="float[N,4] attribution, float[N,6] f"), {"output": "attribution"}
    ),
    "bound": (
        file_of(CONV + "explained = Mul(f, gain) logits = MatMul(explained, w2)",
                f"float[N,3,{SIDE},{SIDE}] image, float[1] gain"), {"bound": {"gain": 0.5}}
    ),
    "bound-with-batch": (
        file_of(CONV + "e = Add(f, age) logits = MatMul(e, w2)",
                f"float[N,3,{SIDE},{SIDE}] image, float[N,6] age"),
        {"bound": {"age": np.arange(6, dtype=np.float32)[None]}}
    ),
    "other-input": (
        file_of(CONV + LOGITS + " twice = Add(mask, mask)",
                f"float[N,3,{SIDE},{SIDE}] image, float[1,7] mask",
                "float[N,4] logits, float[1,7] twice"), {"output": "logits"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_maps_are_the_engines_and_scores_stay(name, tmp_path):
    proto, loading = FILES[name]
    source, out = tmp_path / "model.onnx", tmp_path / "out.onnx"
    onnx.save(proto, source)
    model = onnxplain.load(source, preprocess="zero-one", precision="double", **loading)
    methods = ["gradient,integrated-gradients"] if name == "double" else METHODS
    found = export(model, source, out, methods, steps=8)
    check(model, found, proto, out, half=name == "half")


def test_weights_in_another_file(tmp_path):
    source, out = tmp_path / "model.onnx", tmp_path / "new" / "out.onnx"
    out.parent.mkdir()
    onnx.save(file_of(), source, save_as_external_data=True, size_threshold=0)
    model = onnxplain.load(source, preprocess="zero-one", precision="double")
    found = export(model, source, out, METHODS, steps=8)
    assert {p.name for p in out.parent.iterdir()} == {"out.onnx", "out.onnx.data"}
    check(model, found, onnx.load(source), out)


def check(model, found, proto, out, *, half=False):
    file, names = session(onnx.load(out)), found.written.inputs
    image = model.network.image
    x = PICTURE if image.layout == "NCHW" else np.ascontiguousarray(PICTURE.transpose(0, 2, 3, 1))
    unbatched = len(next(i for i in proto.graph.input if i.name == image.name)
                    .type.tensor_type.shape.dim) == 3  # fmt: skip
    others = dict(model.network.bound)
    if "mask" in {i.name for i in proto.graph.input}:
        others["mask"] = np.zeros((1, 7), np.float32)

    def feeds(x):
        x = np.repeat(x, image.batch or 1, axis=0).astype(image.dtype)
        return {image.name: x[0] if unbatched else x, **others}

    outputs = [o.name for o in proto.graph.output]
    before = session(proto).run(outputs, feeds(x))
    for explain in (True, False):
        after = file.run(outputs, {**feeds(x), names["explain"]: np.array(explain)})
        assert [a.tobytes() for a in after] == [b.tobytes() for b in before]
    for target in (None, 2):
        given = {} if target is None else {names["target"]: np.array([target])}
        for method, name in found.written.outputs.items():
            options = {"steps": 8, "max_steps": 8} if method == "integrated-gradients" else {}
            expected = model.explain(x, method, target, **options).attribution

            def run(x, name=name, given=given):
                value = file.run([name], {**feeds(x), **given})[0][0]
                return value.astype(np.float64)

            if half:  # the file's own arithmetic
                off = np.abs(run(x) - expected).max() / np.abs(expected).max()
                assert off < 20 * np.finfo(np.float16).eps
            else:
                require_float32(run, x, expected)
