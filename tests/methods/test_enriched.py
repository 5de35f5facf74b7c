"""Selected features as an ordinary method, and the enlarged activations beside it."""

from dataclasses import replace

import numpy as np
import pytest
from features.small import inputs, opened, pixels, tensors
from features.test_enriched import FEATURES, POSITIONS, WEIGHTS_OF
from scipy.ndimage import zoom

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.explanations.display import upsample
from onnxplain.features.archive import origin
from onnxplain.features.enriched import enrich
from onnxplain.features.relevant import RelevantFeatures
from onnxplain.features.top_units import TopUnits
from onnxplain.methods import find
from onnxplain.network.context import Context
from onnxplain.render.sheet import sheet

METHODS = ("enriched", "activation")


@pytest.fixture(scope="module")
def model():
    return opened(precision="double")


@pytest.fixture(scope="module")
def bundle(model):
    count = len(FEATURES)
    return RelevantFeatures(
        layers=["b", "d"], features=FEATURES, positions=POSITIONS, classes=[0, 2],
        weights=WEIGHTS_OF, typical=np.ones((2, count)), gaps=np.zeros(2),
        averages=np.zeros((count, 4, 4, 3), np.uint8), counts=np.ones(count, np.int64),
        units=TopUnits.empty(count, 1), names=["x"], skipped=[], mu=10.0, record=origin(model),
    )  # fmt: skip


@pytest.fixture(scope="module")
def file(bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "small.relevant.npz"
    bundle.save(path)
    return str(path)


@pytest.mark.parametrize("options", [{}, {"count": 1}, {"projection": "deconvnet"},
                                     {"projection": "gradient"}, {"resample": False}])  # fmt: skip
def test_it_is_what_the_features_page_shows(model, bundle, file, options):
    expected = enrich(model, pixels(0), bundle, target="ant", **options)
    found = model.explain(pixels(0), "enriched", "ant", features=file, **options)
    np.testing.assert_array_equal(found.attribution, expected.heatmap)
    assert found.attribution.any()
    assert found.notes["features"] == [str(f.feature) for f in expected.features]
    assert found.measures["evidence"] == pytest.approx(sum(f.evidence for f in expected.features))


def test_the_grid_of_strides_can_be_shown(model, bundle, tmp_path):
    """The last layer has a stride of two: with the grid the map is another one."""
    path = str(tmp_path / "last.npz")
    replace(bundle, weights=np.abs(WEIGHTS_OF) * [0, 0, 1, 1]).save(path)
    with_grid, without = (
        model.explain(pixels(0), "enriched", "cat", features=path, resample=resample).attribution
        for resample in (False, True)
    )
    assert np.abs(with_grid - without).max() > 0.1


def test_a_class_that_no_feature_supports_has_an_empty_map(model, file):
    found = model.explain(pixels(0), "enriched", "cat", features=file)
    assert not found.attribution.any()
    assert found.measures["evidence"] == 0


def test_pictures_side_by_side_are_those_one_by_one(model, file):
    x = inputs(0, 1)
    context = Context(model.network, model.preprocess)
    picture = model.read(pixels(0))
    target = model.target("ant", model.predict(picture), picture=picture)
    for name in METHODS:
        function = find(name).function
        both = function(context, x, target, features=file)
        for n in (0, 1):
            alone = function(context, x[n : n + 1], target, features=file)
            np.testing.assert_array_equal(both.values[n], alone.values[0])
            assert both.notes["features"][n] == alone.notes["features"]
        assert np.abs(both.values[0] - both.values[1]).max() > 0.1


def test_activations_of_the_same_features_are_enlarged(model, bundle, file):
    """Of ant: each filter's map, bilinearly enlarged, scaled, the largest at each pixel."""
    expected = enrich(model, pixels(0), bundle, target="ant")
    found = model.explain(pixels(0), "activation", "ant", features=file)
    values, large = tensors(inputs(0)), []
    for one in expected.features:
        maps = values[one.feature.layer][0, one.feature.channel].astype(np.float64)
        wide = upsample(maps, (12, 12))
        large.append((wide - wide.min()) / np.ptp(wide))
    np.testing.assert_allclose(found.attribution, np.max(large, axis=0), atol=1e-6)
    assert found.notes["features"] == [str(f.feature) for f in expected.features]


def test_activation_of_a_layer_and_of_one_channel(model):
    values = tensors(inputs(0))["d"][0]
    mean = model.explain(pixels(0), "activation", "ant", layer="d")
    np.testing.assert_allclose(mean.attribution, np.abs(values).mean(axis=0), rtol=1e-6)
    assert mean.layer == "d"
    one = model.explain(pixels(0), "activation", "ant", layer="d", channel=4)
    np.testing.assert_array_equal(one.attribution, values[4])
    assert np.abs(one.attribution - values[1]).max() > 0


def test_enlarging_is_bilinear():
    """SciPy's own spline of order one, on the same grid of pixel centres."""
    small = np.random.default_rng(0).random((3, 4))
    expected = zoom(small, 4, order=1, grid_mode=True, mode="nearest")
    np.testing.assert_allclose(upsample(small, (12, 16)), expected, atol=1e-12)


def test_what_is_missing_or_wrong_is_said(model, file, tmp_path):
    with pytest.raises(UsageError, match=r"enriched needs features: give -p features=FILE"):
        model.explain(pixels(0), "enriched", "ant")
    for name in METHODS:
        with pytest.raises(UsageError, match="class 1 was not in the data set"):
            model.explain(pixels(0), name, "bee", features=file)
        with pytest.raises(UsageError, match="no saved relevant features file at"):
            model.explain(pixels(0), name, "ant", features=str(tmp_path / "none.npz"))
        with pytest.raises(UsageError, match="count must be 1 or more"):
            model.explain(pixels(0), name, "ant", features=file, count=0)
        other = opened("g = GlobalMaxPool(image) scores = Flatten(g)")
        with pytest.raises(UsageError, match="these features were selected for model"):
            other.explain(pixels(0), name, 0, features=file)
        for more in ({"contrast": "cat"}, {"margin": True}):
            with pytest.raises(MethodRefusedError, match="shows the features of one class"):
                model.explain(pixels(0), name, "ant", features=file, **more)
    with pytest.raises(UsageError, match="features, or a layer and a channel, not both"):
        model.explain(pixels(0), "activation", "ant", features=file, layer="d")
    with pytest.raises(UsageError, match="channel 99 is out of range"):
        model.explain(pixels(0), "activation", "ant", layer="d", channel=99)


def test_a_sheet_shows_both_beside_grad_cam(model, file):
    found = [
        model.explain(pixels(0), name, "ant", **options)
        for name, options in [
            ("enriched", {"features": file}),
            ("activation", {"features": file}),
            ("grad-cam", {}),
        ]
    ]
    assert sheet(found).width > 0


def test_an_edited_copy_of_the_network_takes_the_features(model, file):
    """As where weights are drawn anew to see whether the map changes."""
    copy = model.with_graph(model.network.graph)
    found = copy.explain(pixels(0), "enriched", "ant", features=file)
    expected = model.explain(pixels(0), "enriched", "ant", features=file)
    np.testing.assert_array_equal(found.attribution, expected.attribution)
