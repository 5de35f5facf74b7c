"""The page of founding figures: what the documents say, and a picture for every command."""

import re
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

import onnxplain
from docs.images.founding_figures import FOLDER, KEPT
from docs.images.founding_tables import FIRST_PACK, drawn_pack, strong_shares
from models.build.packs_drawing import GRASS, SNOW, draw
from onnxplain.features.kernels import kernels
from tests.printed_commands import ROOT, commands

PAGE = ROOT / "docs" / "founding-figures.md"
TEXT = PAGE.read_text("utf-8")
# Transcribed from the slides of CLEAR, "Accuracy(%)".
CLEAR = {
    "full image": (99.26, 92.60),
    "with only strong features": (79.89, 69.12),
    "without strong features": (43.45, 54.46),
}
# Transcribed from the captions of the report's figures 4 and 5: size of the occluder, stride.
OCCLUDERS = ((10, 10), (10, 5))
# Words of the documents that the page sets in quotation marks.
QUOTES = (
    "At lower layers: attenuates grid-like artifacts from deconvNet methods.",
    "Ablating filters with higher relevance produces a bigger drop in performance.",
    "a better balance between coverage and level of detail",
    "sparsity in the individual response maps from the last layer kernels",
    "a dependence on the background",
)


def test_the_page_says_what_the_documents_say():
    for name, (mnist, svhn) in CLEAR.items():
        assert f"| {name} | {mnist:.2f} | {svhn:.2f} |" in TEXT
    flat = " ".join(TEXT.split()).casefold()
    for quote in QUOTES:
        assert f'"{quote.casefold()}"' in flat
    assert "up to 100 patches" in flat


def test_the_occlusion_pair_is_that_of_the_report():
    (line,) = [c for c in commands(PAGE) if "--grid stride" in c]
    window = int(re.search(r"window=(\d+)", line)[1])
    strides = re.search(r"stride=([\d,]+)", line)[1].split(",")
    assert tuple((window, int(s)) for s in strides) == OCCLUDERS
    assert all(f"({a},{b})" in TEXT for a, b in OCCLUDERS)


def test_every_picture_is_kept_by_the_script_and_shown():
    shown = re.findall(r"\]\(images/founding/([\w-]+)\.jpg\)", TEXT)
    assert sorted(shown) == sorted(KEPT)
    assert sorted(p.stem for p in FOLDER.iterdir()) == sorted(KEPT)


@pytest.fixture(scope="module")
def snow():
    return onnxplain.load("models/wolves-snow.onnx")


@pytest.mark.parametrize(("swapped", "right"), [(False, 1.0), (True, 0.0)])
def test_the_ground_decides(snow, swapped, right):
    """Pictures that were not trained on, each animal on its own ground and on the other's."""
    grounds = (SNOW, GRASS) if swapped else (GRASS, SNOW)
    drawn = [draw(3_000_000 + k, k % 2, grounds[k % 2]) for k in range(40)]
    x = snow.preprocess.encode(np.stack([p.image for p in drawn]))
    session = ort.InferenceSession("models/wolves-snow.onnx", providers=["CPUExecutionProvider"])
    (probability,) = session.run(None, {"image": x})
    found = np.mean((probability[:, 0] > 0.5) == [p.label == 1 for p in drawn])
    assert abs(found - right) <= 0.1


def test_occlusion_of_the_dog_on_snow_speaks_against_the_dog(snow):
    """Covering the animal raises the probability of a wolf."""
    found = snow.explain("examples/packs/dog-snow.png", "occlusion", "wolf", window=10, stride=5)
    mask = draw(1_000_000, 0, SNOW).mask
    assert found.score > 0.9
    assert found.attribution[mask].mean() < 0
    assert np.abs(found.attribution[mask]).mean() > 3 * np.abs(found.attribution[~mask]).mean()


def steps(values):
    """Squared steps from weight to weight, as a share of the squared weights; 4 on average for
    independent weights, less at the edges."""
    weights = np.square(values).sum((1, 2, 3))
    return sum(np.square(np.diff(values, axis=a)).sum((1, 2, 3)) for a in (2, 3)) / weights


def test_first_layers_have_kernels_of_eleven_and_seven_pixels_and_the_large_ones_can_be_read():
    """Neighbours of a kernel that shows something are alike; those of a random one are not."""
    wide, snow = (
        kernels(onnxplain.load(f"models/wolves-{name}.onnx")).values.astype(np.float64)
        for name in ("wide", "snow")
    )
    assert (wide.shape, snow.shape) == ((16, 3, 11, 11), (16, 3, 7, 7))
    random = steps(np.random.default_rng(0).normal(size=wide.shape))
    assert steps(wide).max() < random.min() / 4
    assert np.median(steps(snow)) > random.min() / 2


@pytest.mark.parametrize("label", [0, 1], ids=["dog", "wolf"])
def test_grad_cam_plus_plus_covers_more_of_a_pack(label):
    """As the page says, of drawn packs of four on which the model was not trained."""
    model = onnxplain.load("models/wolves-vgg.onnx")
    drawn = [drawn_pack(FIRST_PACK + k, label) for k in range(6)]
    plain, weighted = (
        np.array([strong_shares(model, pack, method) for pack in drawn])
        for method in ("grad-cam", "grad-cam++")
    )
    assert all(len(p.heads) == 4 for p in drawn)
    assert (weighted[:, 0] > plain[:, 0]).all()
    assert weighted[:, 0].mean() > 0.65 > 2 * weighted[:, 1].mean()


def test_example_pictures_are_drawn_by_the_script():
    from PIL import Image

    for label, name in enumerate(("dog", "wolf")):
        for ground in (GRASS, SNOW):
            path = Path("examples/packs") / f"{name}-{ground}.png"
            np.testing.assert_array_equal(
                np.asarray(Image.open(path)), draw(1_000_000 + label, label, ground).image
            )
