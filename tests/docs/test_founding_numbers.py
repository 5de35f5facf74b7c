"""Numbers of the founding figures against slow transcriptions of what the documents write.

The maps themselves have transcriptions of their own, in tests/features: the mu-LASSO (mu_lasso),
the evidence of features (enriched), X (data_matrix), R_l (layer_response), the image of a class
(class_model); and in tests/methods: CLEAR (clear), Grad-CAM++ (grad_cam), saliency (gradients).
"""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper
from PIL import Image

import onnxplain
from onnxplain.evaluate.filter_ablation import filter_ablation
from onnxplain.evaluate.flowers import flowers, write_flowers
from onnxplain.evaluate.protocol import methods_of, protocol
from onnxplain.features.relevant import relevant_features
from onnxplain.inputs.dataset import read_dataset
from tests.printed_commands import ROOT, commands, words_of

PAGE = ROOT / "docs" / "founding-figures.md"
CLASSES = 12


def session(model):
    data = model if isinstance(model, bytes) else str(model)
    return ort.InferenceSession(data, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/flowers-gap.onnx")


@pytest.fixture(scope="module")
def selected(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("selected")
    write_flowers(folder, "double12", 6 * CLASSES, first_seed=4_000_000, decoys=True)
    return relevant_features(model, read_dataset(folder), mu=5.0, top=3)


def silenced(features):
    """The file with these filters' kernels and biases at zero, without onnxplain."""
    graph = onnx.load("models/flowers-gap.onnx")
    made = {name: node for node in graph.graph.node for name in node.output}
    weights = {tensor.name: tensor for tensor in graph.graph.initializer}
    for feature in features:
        node = made[feature.layer]
        node = made[node.input[0]] if node.op_type == "Relu" else node
        for name in node.input[1:]:
            values = numpy_helper.to_array(weights[name]).copy()
            values[feature.channel] = 0.0
            weights[name].CopyFrom(numpy_helper.from_array(values, name))
    return session(graph.SerializeToString())


def test_mean_class_accuracy_of_the_poster(model, selected):
    """Accuracy of each class on its own pictures, then the mean over classes."""
    drawn = list(flowers("double12", 4 * CLASSES, first_seed=5_000_000, decoys=True))
    x = model.preprocess.encode(np.stack([f.image for f in drawn]))
    labels = np.array([f.label for f in drawn])
    counts = (0, 2, 6)
    expected = []
    for count in counts:
        by_class = []
        for index in range(CLASSES):
            chosen = [selected.features[k] for k, w in selected.of_class(index) if w > 0][:count]
            own = [x[k : k + 1] for k in range(len(x)) if labels[k] == index]
            run = silenced(chosen)
            right = [int(run.run(None, {"image": one})[0].argmax()) == index for one in own]
            by_class.append(sum(right) / len(right))
        expected.append(sum(by_class) / CLASSES)
    found = filter_ablation(model, x, labels, selected, counts=counts, seeds=(0,)).means()[0]
    assert found.tolist() == pytest.approx(expected)
    assert expected[0] > expected[2]


def test_overlap_of_the_poster(model, selected, tmp_path):
    """Threshold the map, intersect with the mask, divide by the union; then the mean."""
    write_flowers(tmp_path / "data", "double12", 5, first_seed=6_000_000, decoys=True)
    selected.save(tmp_path / "features.npz", model.labels)
    samples = read_dataset(tmp_path / "data")
    found = protocol(model, samples, str(tmp_path / "features.npz"))
    rows = {(r.sample, r.method): r.value for r in found.rows if r.measure == "mean-iou"}
    overlaps = {}
    for sample in samples:
        mask = np.asarray(Image.open(sample.mask)) > 127
        for method, given in methods_of(str(tmp_path / "features.npz"), 3).items():
            heat = np.maximum(model.explain(sample.path, method, **given).heatmap(), 0)
            shares = (heat / heat.max()).ravel().tolist()
            inside = set(np.flatnonzero(mask).tolist())
            values = []
            for step in range(1, 21):
                above = {k for k, share in enumerate(shares) if share >= step / 21}
                values.append(len(above & inside) / len(above | inside))
            overlaps.setdefault(method, []).append(values)
            assert rows[sample.name, method] == pytest.approx(sum(values) / 20, abs=1e-12)
    for best in (b for b in found.best_thresholds() if b.method in overlaps):
        curve = np.mean(overlaps[best.method], axis=0)
        assert best.iou == pytest.approx(curve.max(), abs=1e-12)
        assert best.threshold == pytest.approx((int(curve.argmax()) + 1) / 21)


def test_occlusion_of_the_report():
    """I[j:j+p-1][k:k+q-1] <- 0, and the probability as a function of the position."""
    (line,) = [c for c in commands(PAGE) if "--grid stride" in c]
    assert "fill_with=black,mean" in words_of(line)
    model = onnxplain.load("models/wolves-snow.onnx")
    run = session("models/wolves-snow.onnx")
    image = np.asarray(Image.open("examples/packs/dog-snow.png"))
    for stride in (10, 5):
        found = model.explain(image, "occlusion", "wolf", window=10, stride=stride,
                              fill_with="black").maps["score"]  # fmt: skip
        for (j, k), value in np.ndenumerate(found):
            covered = image.copy()
            covered[j * stride : j * stride + 10, k * stride : k * stride + 10] = 0
            x = ((covered / 255 - 0.5) / 0.25).astype(np.float32).transpose(2, 0, 1)[None]
            # Float32 on both sides, in other batches.
            assert value == pytest.approx(float(run.run(None, {"image": x})[0][0, 0]), abs=1e-5)


def test_five_class_activation_maps_of_the_lecture():
    """M_c(x, y) = sum over k of w_k^c f_k(x, y), of the five largest scores."""
    graph = onnx.load("models/efficientnet-lite0.onnx")
    head = next(n for n in graph.graph.node if n.op_type == "Gemm")
    weights = {t.name: numpy_helper.to_array(t) for t in graph.graph.initializer}
    weight, bias = (weights[name].astype(np.float64) for name in head.input[1:])
    del graph.graph.output[:]
    graph.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in ("relu6_32", head.output[0])
    )
    model = onnxplain.load("models/efficientnet-lite0.onnx")
    picture = model.read("examples/photos/chelsea.png")
    maps, scores = session(graph.SerializeToString()).run(None, {"image": picture.x})
    maps, scores = maps[0].astype(np.float64), scores[0]
    found = model.explain_targets(picture, "cam", "top-5", kind="logit")
    assert [e.target.index for e in found] == np.argsort(-scores)[:5].tolist()
    for one in found:
        index = one.target.index
        expected, size = np.zeros(maps.shape[1:]), np.zeros(maps.shape[1:])
        for k, channel in enumerate(maps):
            expected += weight[index, k] * channel
            size += np.abs(weight[index, k] * channel)
        # Sums of 1,280 products in float32.
        assert (np.abs(one.attribution - expected) < 1e-5 * size).all()
        assert abs(expected.mean() + bias[index] - scores[index]) < 1e-5 * size.mean()
