"""What nodes take in and hand on is the same in ONNX Runtime and in PyTorch."""

import numpy as np
import pytest
from handmade import model
from noise import require_float32

from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.symbolic import SymbolicAdapter
from onnxplain.adapters.torch import TorchAdapter
from onnxplain.errors import UsageError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import composite

# A block with a merged normalisation, a branch, pooling, a gate, and two dense layers.
BODY = """
    c = Conv<kernel_shape = [3,3], pads = [1,1,1,1]>(image, w1, b1)
    n = BatchNormalization(c, scale, shift, mean, variance)
    r = Relu(n)
    d = Conv<kernel_shape = [3,3], pads = [1,1,1,1]>(r, w2)
    e = Add(d, r)
    g = Sigmoid(e)
    s = Mul(e, g)
    p = MaxPool<kernel_shape = [2,2], strides = [2,2]>(s)
    m = GlobalAveragePool(p)
    f = Flatten(m)
    h = Gemm(f, w3, b3)
    k = Relu(h)
    scores = Gemm(k, w4, b4)
"""


def network():
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.normal(size=(8, 3, 3, 3)), "b1": rng.normal(size=8),
        "scale": rng.random(8) + 0.5, "shift": rng.normal(size=8), "mean": rng.normal(size=8),
        "variance": rng.random(8) + 0.5, "w2": rng.normal(size=(8, 8, 3, 3)),
        "w3": rng.normal(size=(8, 6)), "b3": rng.normal(size=6),
        "w4": rng.normal(size=(6, 4)), "b4": rng.normal(size=4),
    }  # fmt: skip
    return model(BODY, weights)


def both(**options):
    """Both engines, PyTorch in float64."""
    graph = prepare(network())
    image = find_image_input(graph)

    def opened(given):
        return OrtAdapter(given, image, "scores", device="cpu")

    symbolic = SymbolicAdapter(graph, image, opened, **options)
    return symbolic, TorchAdapter(graph, image, "scores", device="cpu", double=True)


class Scores:
    """Relevance starts with the scores of one class."""

    tensors = ("scores",)

    def __init__(self, index):
        self.index = index

    def starts(self, values):
        return {"scores": values["scores"] * np.eye(4)[self.index]}


@pytest.mark.parametrize("rules", ["epsilon-plus", "epsilon-alpha2-beta1", "epsilon-gamma-box"])
@pytest.mark.parametrize("size", [1, 16])
def test_leaks_and_growth_are_those_of_pytorch(rules, size):
    symbolic, torch = both(batch_size=size)
    x = np.random.default_rng(1).normal(size=(3, 3, 6, 6)).astype(np.float32)
    bounds = (np.full((1, 3, 1, 1), -3.0), np.full((1, 3, 1, 1), 3.0))
    names, rule = ["image", "e"], composite(rules).within(bounds)
    for seed in (Scores(0), Scores(3)):
        (exact,) = torch.relevance(x.astype(np.float64), [seed], rule, names)
        leaks = {leak.tensor: leak.absorbed for leak in exact.leaks}
        assert sum(abs(absorbed) > 0.01 for absorbed in leaks.values()) > 1

        def run(x, seed=seed):
            (found,) = symbolic.relevance(x, [seed], rule, names)
            return found

        def absorbed(x, run=run, leaks=leaks):
            found = {leak.tensor: leak.absorbed for leak in run(x).leaks}
            assert set(found) == set(leaks)
            return np.array([found[name] for name in leaks])

        for name in names:
            require_float32(lambda x, n=name: run(x).relevance[n], x, exact.relevance[name])
        require_float32(absorbed, x, np.array(list(leaks.values())))
        if size > 1:  # PyTorch takes all of them at once, and growth is that of a batch
            found = run(x).growth
            assert (found.tensor, found.op_type) == (exact.growth.tensor, exact.growth.op_type)
            for key in ("times", "between", "factor"):
                assert getattr(found, key) == pytest.approx(getattr(exact.growth, key), rel=1e-3)


def test_a_part_of_the_relevance_is_refused():
    symbolic, _ = both()
    channels = {"e": np.ones((1, 8, 1, 1))}
    with pytest.raises(UsageError, match="use PyTorch"):
        symbolic.relevance(
            np.zeros((1, 3, 6, 6)), [Scores(0)], composite("epsilon"), ["image"], keep=channels
        )
