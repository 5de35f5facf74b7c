"""A box is named by its rank; ranks, and maps of the class's score, are those of `explain`."""

import numpy as np
import onnxruntime
import pytest

from onnxplain.errors import MethodRefusedError
from tests import detector_forms, raw_heads
from tests.export.agreement import made
from tests.noise import require_float32

STOPPED = onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument
X = np.random.default_rng(0).random((1, 3, 64, 64)).astype(np.float32)


def file_of(name, folder, methods="gradient", **options):
    return made(detector_forms.written(name), folder, methods, picture=X, **options)


@pytest.mark.parametrize("name", detector_forms.FORMS)
def test_a_box_by_its_rank_and_by_its_class(name, tmp_path):
    file = file_of(name, tmp_path)
    said = file.model.predict(X)
    last = len(said.scores) - 1
    for k in (0, 1, last):
        expected = file.explained(X, k + 1, "gradient")
        require_float32(lambda x, k=k: file.maps(x, target=[k])["gradient"][0], X, expected)
    named = [(n.rpartition("#")[0], int(n.rpartition("#")[2])) for n in said.names]
    for k in {names[0]: k for k, names in enumerate(named)}.values():
        label, number = int(said.found.labels[k]), named[k][1]
        of_class = file.maps(X, target=[number - 1], label=[label])["gradient"]
        np.testing.assert_array_equal(of_class, file.maps(X, target=[k])["gradient"])
    np.testing.assert_array_equal(file.maps(X)["gradient"], file.maps(X, target=[0])["gradient"])
    # There is no such box in this picture.
    assert np.isnan(file.maps(X, target=[last + 1])["gradient"]).all()


@pytest.mark.parametrize("name", ["yolox maps", "yolov8 maps"])
def test_boxes_that_are_counted_from_cells_of_several_maps(name, tmp_path):
    file = made(raw_heads.written(name), tmp_path, picture=X)
    last = len(file.model.predict(X).scores) - 1
    for k in (1, last):
        expected = file.explained(X, k + 1, "gradient")
        require_float32(lambda x, k=k: file.maps(x, target=[k])["gradient"][0], X, expected)


def test_what_cannot_be_an_index_stops_the_run(tmp_path):
    file = file_of("v8", tmp_path)
    for feeds in ({"target": [-2]}, {"label": [3]}, {"label": [-2]}):
        with pytest.raises(STOPPED, match="idx"):
            file.maps(X, **feeds)


def test_pictures_of_a_batch_have_their_own_boxes(tmp_path):
    file = file_of("v8", tmp_path)
    both = np.concatenate([X, X[:, :, ::-1]])
    found = file.maps(both, target=[2, 1])["gradient"]
    for k, target in enumerate((2, 1)):
        alone = file.maps(both[k : k + 1], target=[target])["gradient"][0]
        np.testing.assert_allclose(found[k], alone, rtol=0, atol=1e-4 * np.abs(alone).max())
    assert np.abs(found[0] - found[1]).max() > 0.1 * np.abs(found[0]).max()


def test_the_default_may_be_a_box_of_a_class(tmp_path):
    file = file_of("v8", tmp_path, target="dog#2")
    expected = file.explained(X, "dog#2", "gradient")
    require_float32(lambda x: file.maps(x)["gradient"][0], X, expected)


def test_class_activation_maps_are_read_in_front_of_all_scales(tmp_path):
    file = file_of("v8", tmp_path, "grad-cam")
    for k in (0, 3):
        expected = file.explained(X, k + 1, "grad-cam")
        require_float32(lambda x, k=k: file.maps(x, target=[k])["grad-cam"][0], X, expected)


def test_a_file_that_ranks_its_boxes_has_no_way_from_a_baseline(tmp_path):
    with pytest.raises(MethodRefusedError, match="ranks its boxes"):
        file_of("end-to-end", tmp_path, "integrated-gradients")
