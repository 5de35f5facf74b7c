"""Which places of a dense answer are meant."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from onnxplain.errors import OnnxplainError, UsageError
from onnxplain.tasks.places import region_of, require_position
from tests.tasks.answers import GRID, answer

DENSE = answer(tensor="y")
NOWHERE = np.zeros(GRID, bool)


def shaped(*places):
    return replace(DENSE, shape=(3, *places))


def mask_of(found, shape=GRID):
    mask = np.zeros(shape)
    np.add.at(mask, found.indices, 1.0)
    return mask


class TestPositions:
    def test_none_is_none(self):
        assert require_position(DENSE, ()) == ()
        assert require_position(answer(), ()) == ()

    @pytest.mark.parametrize("given", [(0, 0), (3, 4), (2, 0)])
    def test_inside(self, given):
        assert require_position(DENSE, given) == given

    @pytest.mark.parametrize(
        ("places", "given", "found"),
        [
            ((1, 4, 5), (2, 3), (0, 2, 3)),
            ((4, 1, 5), (2, 3), (2, 0, 3)),
            ((7, 1), (6,), (6, 0)),
            ((1, 4, 5), (0, 2, 3), (0, 2, 3)),
        ],
    )
    def test_axes_of_length_one_may_be_left_out(self, places, given, found):
        assert require_position(shaped(*places), given) == found

    @pytest.mark.parametrize("given", [(4, 0), (0, 5), (-1, 0), (1,), (1, 2, 3)])
    def test_outside(self, given):
        with pytest.raises(UsageError, match=r"has 4 x 5 places \(ROW,COLUMN, counted from 0\)"):
            require_position(DENSE, given)

    def test_a_vector_has_none(self):
        with pytest.raises(UsageError, match="no places; drop the position"):
            require_position(answer(), (0,))


class TestRegions:
    def test_everywhere(self):
        found = region_of("everywhere", DENSE, NOWHERE)
        np.testing.assert_array_equal(mask_of(found), np.ones(GRID))
        np.testing.assert_allclose(found.weights, np.full(20, 1 / 20))
        assert found.words == "all places"

    def test_where_the_class_is_predicted(self, rng):
        predicted = rng.random(GRID) > 0.5
        found = region_of("", DENSE, predicted)
        np.testing.assert_array_equal(mask_of(found), predicted)
        assert found.weights.sum() == pytest.approx(1.0, rel=1e-15)
        assert found.words == "its predicted region"

    def test_a_class_that_is_predicted_nowhere(self):
        with pytest.raises(UsageError, match=r"predicted at no place.*CLASS@everywhere"):
            region_of("", DENSE, NOWHERE)

    @pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
    def test_an_array(self, tmp_path, rng, dtype):
        mask = rng.random(GRID) > 0.5
        np.save(tmp_path / "m.npy", mask.astype(dtype))
        found = region_of(str(tmp_path / "m.npy"), DENSE, NOWHERE)
        np.testing.assert_array_equal(mask_of(found), mask)
        assert found.words == "the mask m.npy"

    @pytest.mark.parametrize("factor", [1, 3])
    def test_a_picture_of_any_size(self, tmp_path, rng, factor):
        mask = rng.random(GRID) > 0.5
        drawn = np.kron(mask, np.ones((factor, factor), bool))
        Image.fromarray(np.uint8(255 * drawn)).save(tmp_path / "m.png")
        found = region_of(str(tmp_path / "m.png"), DENSE, NOWHERE)
        np.testing.assert_array_equal(mask_of(found), mask)

    @pytest.mark.parametrize(("grey", "counts"), [(127, False), (128, True)])
    def test_bright_is_what_counts(self, tmp_path, grey, counts):
        drawn = np.zeros(GRID, np.uint8)
        drawn[0, 0], drawn[1, 2] = 255, grey
        Image.fromarray(drawn).save(tmp_path / "m.png")
        found = mask_of(region_of(str(tmp_path / "m.png"), DENSE, NOWHERE))
        assert found[0, 0] == 1
        assert found[1, 2] == counts

    def test_a_picture_for_one_row_of_places(self, tmp_path):
        drawn = np.zeros((8, 7), np.uint8)
        drawn[:, 2:4] = 255
        Image.fromarray(drawn).save(tmp_path / "m.png")
        found = region_of(str(tmp_path / "m.png"), shaped(7), np.zeros(7, bool))
        assert found.indices[0].tolist() == [2, 3]

    def test_an_empty_mask(self, tmp_path):
        np.save(tmp_path / "m.npy", NOWHERE)
        with pytest.raises(UsageError, match=r"the mask m\.npy holds no place"):
            region_of(str(tmp_path / "m.npy"), DENSE, NOWHERE)

    def test_an_array_of_another_shape(self, tmp_path):
        np.save(tmp_path / "m.npy", np.ones((5, 4)))
        with pytest.raises(UsageError, match=r"must have .* places, \[4, 5\], not \[5, 4\]"):
            region_of(str(tmp_path / "m.npy"), DENSE, NOWHERE)

    def test_a_picture_for_three_axes_of_places(self, tmp_path):
        Image.new("L", (4, 4), 255).save(tmp_path / "m.png")
        with pytest.raises(UsageError, match=r"3 axes of places: give a \.npy array"):
            region_of(str(tmp_path / "m.png"), shaped(2, 3, 4), np.zeros((2, 3, 4), bool))

    @pytest.mark.parametrize("name", ["none.npy", "none.png"])
    def test_a_file_that_is_not_there(self, tmp_path, name):
        with pytest.raises(OnnxplainError, match=name):
            region_of(str(tmp_path / name), DENSE, NOWHERE)

    @pytest.mark.parametrize("name", ["m.npy", "m.png"])
    def test_a_damaged_file(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"\x93NUMPY nothing")
        with pytest.raises(OnnxplainError, match=name):
            region_of(str(tmp_path / name), DENSE, NOWHERE)
