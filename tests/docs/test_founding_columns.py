"""Tables of the founding figures against slow transcriptions: strong features, and the packs.

The CLEAR map that the first one reads has its own transcription, in tests/methods/test_clear.py.
"""

import re

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import numpy_helper
from torch.nn import functional

import onnxplain
from benchmarks.clear import PICTURES, ROWS, STRONG
from docs.images.founding_tables import FIRST_PACK, PACKS, drawn_pack
from models.build.digits_data import load_splits
from models.build.fashion_data import FOLDER, load_split
from models.build.packs_drawing import CLASSES
from onnxplain.evaluate.flowers import flowers
from tests.printed_commands import ROOT

TEXT = (ROOT / "docs" / "founding-figures.md").read_text("utf-8")


def table(section):
    """Cells of a table of the page, by the first cell of each row."""
    between = TEXT.partition(f"<!-- {section}: begin -->")[2].partition("<!--")[0]
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in between.strip().splitlines()]
    return {row[0]: row[1:] for row in rows}


def digits():
    test = load_splits()[1]
    return [(image[..., None], int(c)) for image, c in zip(test.images, test.classes, strict=True)]


def fashion():
    if not (FOLDER / "t10k-images-idx3-ubyte.gz").is_file():
        pytest.skip("needs the Debian package dataset-fashion-mnist")
    images, classes = load_split("t10k")
    return [(i[..., None], int(c)) for i, c in zip(images[:200], classes[:200], strict=True)]


def flowers_in_colour():
    drawn = flowers("double12", 200, first_seed=20_000_000, decoys=True)
    return [(f.image, f.label) for f in drawn]


def between_zero_and_one(pixels):
    return pixels / 255


def standardised(pixels):
    return (pixels / 255 - 0.5) / 0.25


COLUMNS = [
    # Column of the page, file, pictures, how the file's input is made, axes of the input.
    (0, "digits-gap", digits, between_zero_and_one, (2, 0, 1)),
    (1, "fashion-cnn", fashion, between_zero_and_one, (0, 1, 2)),
    (2, "flowers-gap", flowers_in_colour, standardised, (2, 0, 1)),
]


@pytest.mark.parametrize(
    ("column", "stem", "pictures", "encode", "axes"), COLUMNS, ids=[c[1] for c in COLUMNS]
)
def test_strong_features_and_as_many_random_ones(column, stem, pictures, encode, axes):
    """Every row of a column, but for a picture that rounding may turn."""
    drawn = pictures()
    rows = table("strong-features")
    assert list(rows)[2:] == list(ROWS)  # after the heading and its line
    assert rows["accuracy"][column].endswith(f", {len(drawn)}")
    assert PICTURES == 200
    model = onnxplain.load(f"models/{stem}.onnx")
    run = ort.InferenceSession(f"models/{stem}.onnx", providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    right = [0] * len(ROWS)
    for pixels, label in drawn:
        height, width = pixels.shape[:2]
        count = height * width
        response = model.explain(pixels, "clear").maps["dominant_response"]
        sets = [set(range(count))]
        for strength in (np.maximum(response, 0.0), rng.random((height, width))):
            values = strength.ravel().tolist()
            order = sorted(range(count), key=lambda k, values=values: -values[k])
            strongest = set(order[: round(STRONG * count)])
            sets += [strongest, sets[0] - strongest]
        for k, kept in enumerate(sets):
            mask = np.zeros(count, bool)
            mask[list(kept)] = True
            shown = np.where(mask.reshape(height, width, 1), pixels, 0)
            x = encode(shown).transpose(axes)[None].astype(np.float32)
            (scores,) = run.run(None, {run.get_inputs()[0].name: x})
            right[k] += int(scores[0].argmax()) == label
    for name, found in zip(ROWS, right, strict=True):
        said = float(rows[name][column].rstrip("%"))
        assert abs(said - 100 * found / len(drawn)) < 100 / len(drawn) + 0.05, name


def vgg():
    """The layer of class activation maps from a picture, and the scores from this layer."""
    graph = onnx.load("models/wolves-vgg.onnx").graph
    held = {
        t.name: torch.from_numpy(numpy_helper.to_array(t).copy()).double()
        for t in graph.initializer
    }
    convolutions = [n for n in graph.node if n.op_type == "Conv"]
    dense = [n for n in graph.node if n.op_type == "Gemm"]

    def layer(x):
        for k, node in enumerate(convolutions):
            x = functional.conv2d(x, held[node.input[1]], held[node.input[2]], padding=1).relu()
            if k in (1, 3):
                x = functional.max_pool2d(x, 2)
        return x

    def scores(a):
        flat = functional.max_pool2d(functional.max_pool2d(a, 2), 2).flatten(1)
        first, last = (lambda v, n=n: v @ held[n.input[1]].T + held[n.input[2]] for n in dense)
        return last(first(flat).relu())

    return layer, scores


def grad_cam(a, slopes):
    """alpha_k = mean of dS/dA_k; the sum over k of alpha_k A_k."""
    return torch.einsum("k,kij->ij", slopes.mean((1, 2)), a)


def grad_cam_plus_plus(a, slopes):
    """Y = exp(S): dY/dA = Y g, and so on, since S is linear in pieces; Y is left out."""
    below = 2 * slopes**2 + a.sum((1, 2), keepdim=True) * slopes**3
    alpha = torch.where(slopes == 0, 0.0, slopes**2 / below)
    return torch.einsum("k,kij->ij", (alpha * slopes.relu()).sum((1, 2)), a)


@pytest.mark.parametrize("label", [0, 1], ids=CLASSES)
def test_shares_of_the_packs(label):
    """Both rows of a kind: how much of the animals, and of the ground, has a quarter or more."""
    rows = table("packs")
    layer, scores = vgg()
    shares = np.zeros((PACKS, 2, 2))
    for k in range(PACKS):
        pack = drawn_pack(FIRST_PACK + k, label)
        x = torch.from_numpy(standardised(pack.image).transpose(2, 0, 1)[None])
        a = layer(x).detach().requires_grad_()
        said = scores(a)[0]
        (slopes,) = torch.autograd.grad(said[label] - said[1 - label], a)
        for m, formula in enumerate((grad_cam, grad_cam_plus_plus)):
            coarse = formula(a.detach()[0], slopes[0]).relu()[None, None]
            fine = functional.interpolate(
                coarse, pack.mask.shape, mode="bilinear", align_corners=False
            )[0, 0].numpy()
            strong = fine > fine.max() / 4
            inside = [bool(s) for s, own in zip(strong.flat, pack.mask.flat, strict=True) if own]
            outside = [
                bool(s) for s, own in zip(strong.flat, pack.mask.flat, strict=True) if not own
            ]
            shares[k, m] = sum(inside) / len(inside), sum(outside) / len(outside)
    for part, name in enumerate(("animals", "ground")):
        found = rows[f"of the {name} ({PACKS} packs, {CLASSES[label]})"]
        for m, cell in enumerate(found):
            # Per cent, rounded; float32 on the other side may turn a pixel.
            assert abs(float(cell.rstrip("%")) - 100 * shares[:, m, part].mean()) < 0.6
