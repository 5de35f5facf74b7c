"""The controlled data set: only the named part tells the class, and the mask marks it."""

import colorsys

import numpy as np
import pytest
import scipy.ndimage

from onnxplain.errors import OutputError, UnknownNameError, UsageError
from onnxplain.evaluate.flower_drawing import PARTS
from onnxplain.evaluate.flowers import PALETTE, VARIANTS, flower, flowers, write_flowers
from onnxplain.inputs.dataset import read_dataset
from onnxplain.inputs.image import open_image

ALL = [(v, d) for v in VARIANTS for d in (False, True)]


def mean_hue(image, mask):
    red, green, blue = image[mask].mean(axis=0) / 255
    return colorsys.rgb_to_hsv(red, green, blue)[0]


def apart(a, b):
    return abs((a - b + 0.5) % 1.0 - 0.5)


@pytest.mark.parametrize(("variant", "decoys"), ALL)
def test_the_mask_has_the_colour_of_the_class(variant, decoys):
    names = VARIANTS[variant]
    for found in flowers(variant, 2 * len(names), decoys=decoys):
        part, color = names[found.label].split("-")
        inner = scipy.ndimage.binary_erosion(found.mask)
        assert inner.sum() > 20
        assert set(np.unique(found.parts[found.mask])) == {PARTS.index(part)}
        hue = mean_hue(found.image, inner)
        nearest = min(PALETTE, key=lambda name: apart(PALETTE[name][0], hue))
        assert nearest == color


@pytest.mark.parametrize(("variant", "decoys"), ALL)
def test_two_classes_of_one_seed_differ_in_the_mask_alone(variant, decoys):
    """Up to the blur of a camera, which reaches a pixel or two further."""
    for seed in range(4):
        a = flower(variant, seed, label=0, decoys=decoys)
        b = flower(variant, seed, label=3, decoys=decoys)
        assert np.array_equal(a.parts, b.parts)
        differs = np.abs(a.image.astype(int) - b.image).max(axis=2) > 2
        near = scipy.ndimage.binary_dilation(a.mask | b.mask, iterations=3)
        assert not (differs & ~near).any()
        assert differs[a.mask].mean() > 0.9


def test_the_other_part_is_neutral():
    for label, name in enumerate(VARIANTS["double12"]):
        found = flower("double12", 5, label=label)
        other = {"petals": "stem", "stem": "petals"}[name.split("-")[0]]
        same = flower("double12", 5, label=(label + 1) % 6 + 6 * (label // 6))
        inner = scipy.ndimage.binary_erosion(found.parts == PARTS.index(other), iterations=3)
        difference = np.abs(found.image.astype(int) - same.image)[inner]
        assert difference.size == 0 or difference.max() <= 2


def test_decoys_do_not_depend_on_the_class():
    pots = []
    for seed in range(40):
        found = flower("single6", seed, label=seed % 6, decoys=True)
        inner = scipy.ndimage.binary_erosion(found.parts == PARTS.index("pot"), iterations=2)
        hue = mean_hue(found.image, inner)
        pots.append(min(range(6), key=lambda k: apart(list(PALETTE.values())[k][0], hue)))
    agree = np.mean(np.array(pots) == np.arange(40) % 6)
    assert len(set(pots)) == 6
    assert agree < 0.4  # a sixth by chance


def test_a_flower_is_a_function_of_its_arguments():
    a, b = (flower("double12", 7, decoys=True) for _ in range(2))
    assert np.array_equal(a.image, b.image)
    assert a.label == b.label
    assert not np.array_equal(a.image, flower("double12", 8, decoys=True).image)
    assert {flower("double12", seed).label for seed in range(80)} == set(range(12))
    small = flower("single6", 0, size=48)
    assert small.image.shape == (48, 48, 3)
    assert small.mask.shape == (48, 48)


def test_classes_come_in_turn():
    assert [f.label for f in flowers("single6", 8, first_seed=3)] == [0, 1, 2, 3, 4, 5, 0, 1]


def test_written_data_set_is_read_back(tmp_path):
    folder = write_flowers(tmp_path / "set", "double12", 12, first_seed=5, size=64)
    samples = read_dataset(folder)
    assert [s.label for s in samples] == list(VARIANTS["double12"])
    for k, sample in enumerate(samples):
        drawn = flower("double12", 5 + k, label=k, size=64)
        assert np.array_equal(np.asarray(open_image(sample.path)), drawn.image)
        assert np.array_equal(np.asarray(open_image(sample.mask)) > 0, drawn.mask)


def test_refusals(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown variant 'tulips'"):
        flower("tulips", 0)
    with pytest.raises(UnknownNameError, match="unknown variant 'tulips'"):
        write_flowers(tmp_path / "set", "tulips", 1)
    with pytest.raises(UsageError, match=r"label 6 is out of range: single6 has 0\.\.5"):
        flower("single6", 0, label=6)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        write_flowers(tmp_path / "file", "single6", 1)
