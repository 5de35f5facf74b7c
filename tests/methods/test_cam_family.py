"""Identities between class activation maps, and Eigen-CAM against its definition."""

import numpy as np
import pytest
from originals import difference, pair

from onnxplain.errors import MethodRefusedError

WITH_CAM = ["resnet", "mobilenet", "tensorflow"]
FAMILY = [
    "grad-cam",
    "counterfactual-grad-cam",
    "grad-cam++",
    "hirescam",
    "xgrad-cam",
    "layercam",
    "eigen-cam",
]
TARGET = 3


def explain(made, method, target=TARGET, **options):
    return made.double.explain(made.x, method, target, **options)


@pytest.mark.parametrize("name", WITH_CAM)
def test_hirescam_times_places_is_cam(name):
    made = pair(name)
    found, cam = explain(made, "hirescam").attribution, explain(made, "cam").attribution
    assert difference(found * cam.size, cam) < 1e-5  # CAM reads its maps in float32
    assert difference(explain(made, "layercam").attribution * cam.size, cam) > 1e-2


@pytest.mark.parametrize("name", ["vgg", "resnet", "vit"])
def test_counterfactual_is_grad_cam_of_the_negative(name):
    made = pair(name)
    found = explain(made, "counterfactual-grad-cam")
    assert difference(-found.attribution, explain(made, "grad-cam").attribution) < 1e-12
    assert not np.allclose(found.heatmap(), explain(made, "grad-cam").heatmap())


@pytest.mark.parametrize("name", ["vgg", "vit"])
def test_layercam_of_a_contrast_and_its_reverse_split_hirescam(name):
    """relu(g) A - relu(-g) A = g A: LayerCAM of a score and of its negative give HiResCAM."""
    made = pair(name)
    forward = explain(made, "layercam", contrast=1).attribution
    backward = explain(made, "layercam", 1, contrast=TARGET).attribution
    both = explain(made, "hirescam", contrast=1).attribution
    assert difference(forward - backward, both) < 1e-10


@pytest.mark.parametrize("name", ["resnet", "vit"])
def test_eigen_cam_is_the_direction_of_largest_variance(name):
    made = pair(name)
    found = explain(made, "eigen-cam")
    place = made.double.network.layer(found.layer)
    maps = place.to_maps(made.double.network.ort.activations(made.x, [place.name])[place.name])[0]
    centred = maps.reshape(len(maps), -1).astype(np.float64)
    centred = centred - centred.mean(1, keepdims=True)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    projected = (vectors[:, -1] @ centred).reshape(place.grid)
    sign = np.sign((projected * found.attribution).sum())
    assert difference(found.attribution, sign * projected) < 1e-5
    assert found.attribution.max() >= -found.attribution.min()
    assert (found.attribution**2).sum() == pytest.approx(values[-1], rel=1e-5)
    assert difference(explain(made, "eigen-cam", 1).attribution, found.attribution) == 0


@pytest.mark.parametrize("method", FAMILY)
def test_a_network_without_places_is_refused(method):
    made = pair("mlp")
    with pytest.raises(MethodRefusedError, match="layer"):
        explain(made, method)


@pytest.mark.parametrize("method", FAMILY)
@pytest.mark.parametrize("name", ["tensorflow", "vit", "windows"])
def test_channels_last_tokens_and_windows(name, method):
    made = pair(name)
    found = explain(made, method)
    assert found.attribution.shape == made.double.network.layer(None).grid
    assert np.ptp(found.attribution) > 0
    assert found.heatmap().shape == made.double.preprocess.size
