"""Finer-CAM is a class activation map of the difference of two scores, which `contrast` asks for.

Zhang, Gu, Chowdhury et al. 2025, arXiv:2501.11309: with the weights w of a linear head, class c
gets feature maps by (w_c - alpha w_d) for a similar class d; alpha is 1 here, as in its defaults.
"""

import numpy as np
import pytest
from handmade import model

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.methods import find

RNG = np.random.default_rng(4)
PICTURE = RNG.integers(0, 256, (6, 6, 3), np.uint8)
RECIPE = Preprocess(name="unit", layout="NCHW", size=(6, 6), scale=1 / 127.5, mean=(1.0,) * 3)
KERNELS, HEAD = RNG.normal(size=(5, 3, 1, 1)), RNG.normal(size=(5, 4))
BODY = (
    "c = Conv(image, k) r = Relu(c) p = GlobalAveragePool(r) f = Flatten(p) scores = MatMul(f, w)"
)
CLASS = 2


@pytest.fixture(scope="module")
def opened():
    proto = model(BODY, k=KERNELS, w=HEAD)
    return onnxplain.load(proto, preprocess=RECIPE, scores="logits", precision="double")


def maps():
    x = PICTURE.astype(float) / 127.5 - 1
    return np.maximum(np.einsum("kc,hwc->khw", KERNELS.astype("f4")[:, :, 0, 0], x), 0)


def weights(index):
    return HEAD.astype("f4").astype(float)[:, index]


def similar():
    """The other classes, the ones with the nearest scores first."""
    scores = maps().mean(axis=(1, 2)) @ HEAD
    order = np.argsort(np.abs(scores - scores[CLASS]))
    return [int(k) for k in order if k != CLASS]


def finer(rivals):
    mixed = np.mean([weights(CLASS) - weights(d) for d in rivals], axis=0)
    return np.einsum("k,khw->hw", mixed, maps())


@pytest.mark.parametrize("method", ["cam", "grad-cam", "hirescam"])
def test_one_similar_class(opened, method):
    rival = similar()[0]
    found = opened.explain(PICTURE, method, CLASS, kind="logit", contrast=rival).attribution
    places = 1 if method == "cam" else 36
    np.testing.assert_allclose(found * places, finer([rival]), rtol=1e-5, atol=1e-6)
    alone = opened.explain(PICTURE, method, CLASS, kind="logit").attribution
    assert np.abs(alone * places - finer([rival])).max() > 0.1


def test_the_mean_of_three_similar_classes_is_the_mean_of_three_maps(opened):
    rivals = similar()[:3]
    found = [
        opened.explain(PICTURE, "grad-cam", CLASS, kind="logit", contrast=d).attribution
        for d in rivals
    ]
    np.testing.assert_allclose(np.mean(found, axis=0) * 36, finer(rivals), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["finer-cam", "FinerCAM", "Finer CAM"])
def test_its_name_says_what_to_ask_for(name):
    with pytest.raises(UsageError, match="grad-cam with --contrast CLASS") as refusal:
        find(name)
    assert "\n" not in str(refusal.value)
