"""R_l of any layer: transposed convolutions by hand, and sparsity from its definition."""

import numpy as np
import pytest
import torch
from features.small import WEIGHTS, inputs, opened, pixels, tensors
from torch.nn.functional import conv_transpose2d

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.features.archive import read_archive
from onnxplain.features.layer_response import layer_response
from onnxplain.render.layer_response import draw_layer_response
from tests.render.pages import texts

X = inputs(0)


@pytest.fixture(scope="module")
def model():
    return opened(precision="double")


def by_hand(seed, *, gates, relu):
    """G_1 U_1 G_2 of a signal behind the second convolution; U_1 is the ReLU between."""
    second = conv_transpose2d(
        torch.from_numpy(seed).double(), torch.from_numpy(WEIGHTS["k2"]).double(), stride=2,
        padding=1, output_padding=1,
    )  # fmt: skip
    if relu == "gradient":
        second = second * torch.from_numpy(gates)
    if relu == "guided":
        second = second.clamp(min=0) * torch.from_numpy(gates)
    first = conv_transpose2d(second, torch.from_numpy(WEIGHTS["k1"]).double(), padding=1)
    return first.numpy()[0].sum(axis=0)


@pytest.mark.parametrize("relu", ["none", "gradient", "guided"])
def test_the_whole_layer_and_each_kernel_by_transposed_convolutions(model, relu):
    found = layer_response(model, pixels(0), "d", relu=relu, count=None)
    values = tensors(X)
    gates, z = values["a"] > 0, values["d"]
    np.testing.assert_allclose(found.whole, by_hand(z, gates=gates, relu=relu), rtol=1e-9)
    for k, part in zip(found.kernels, found.parts, strict=True):
        alone = np.zeros_like(z)
        alone[:, k] = z[:, k]
        np.testing.assert_allclose(
            part, by_hand(alone, gates=gates, relu=relu), rtol=1e-9, atol=1e-9
        )
    power = (z[0] ** 2).sum(axis=(1, 2))
    assert found.kernels == np.argsort(-power, kind="stable").tolist()


def test_kernels_add_up_to_the_layer(model):
    found = layer_response(model, pixels(0), "d", count=None)
    np.testing.assert_allclose(found.parts.sum(axis=0), found.whole, rtol=1e-9, atol=1e-6)
    guided = layer_response(model, pixels(0), "d", relu="guided", count=None)
    assert np.abs(guided.parts.sum(axis=0) - guided.whole).max() > 1e-3


def test_sparsity_is_the_mean_gini_index(model):
    """By the mean difference of all pairs of pixels: another formula."""
    found = layer_response(model, pixels(0), "d", count=None)
    expected = []
    for part in found.parts:
        sizes = np.abs(part).ravel()
        if sizes.any():
            pairs = np.abs(sizes[:, None] - sizes).mean()
            expected.append(pairs / (2 * sizes.mean()))
    assert found.sparsity == pytest.approx(np.mean(expected))
    assert 0 < found.sparsity < 1
    silent = (tensors(X)["d"][0].reshape(len(expected), -1) == 0).all(axis=1).mean()
    assert found.silent == pytest.approx(silent)


def test_a_vector_has_a_response_too_and_the_file_keeps_all(model, tmp_path):
    found = layer_response(model, pixels(0), "r", channels=[1, 0])
    assert found.kernels == [1, 0]
    found.save(tmp_path / "r.npz")
    record, arrays = read_archive(tmp_path / "r.npz", "layer response")
    np.testing.assert_array_equal(arrays["response"], found.whole)
    np.testing.assert_array_equal(arrays["kernel_responses"], found.parts)
    assert record["silent"] == found.silent


def test_the_page_says_how_sparse(model):
    found = layer_response(model, pixels(0), "d", count=2)
    said = " ".join(texts(draw_layer_response(found, "m")))
    assert f"{found.sparsity:.3f}" in said
    assert all(f"kernel {k}" in said for k in found.kernels)


def test_what_is_wrong_is_said(model):
    with pytest.raises(UnknownNameError, match="guided"):
        layer_response(model, pixels(0), "d", relu="gided")
    with pytest.raises(UsageError, match="channel 99 is out of range"):
        layer_response(model, pixels(0), "d", channels=[99])
