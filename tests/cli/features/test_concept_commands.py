"""``onnxplain features``: views that look for concepts, from the command line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onnxplain.features.archive import read_archive
from onnxplain.inputs.image import open_image

MODEL, DIGIT = "models/digits-gap.onnx", "examples/digits/3-10.png"


@pytest.fixture
def view(run, tmp_path):
    """Run one view into ``tmp_path / "out"``."""

    def call(*arguments):
        return run("features", *arguments, "-o", tmp_path / "out")

    call.folder = tmp_path / "out"
    return call


@pytest.fixture
def labelled(tmp_path):
    """Six noisy copies of each digit, in folders named after them, and one broken file."""
    rng = np.random.default_rng(0)
    for path in Path("examples/digits").glob("*.png"):
        folder = tmp_path / "labelled" / path.stem[0]
        folder.mkdir(parents=True)
        for k in range(6):
            pixels = np.asarray(open_image(path)) + rng.normal(0, 20, (8, 8))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{k}.png")
    (tmp_path / "labelled" / "3" / "broken.png").write_bytes(b"no picture")
    return tmp_path / "labelled"


def written(view):
    return sorted(p.name for p in view.folder.iterdir())


def test_crp(view, labelled):
    found = view("crp", MODEL, DIGIT, "--data", labelled, "--count", 2, "--images", 3)
    assert found.exit_code == 0, found.stderr
    assert "left out: 3/broken.png" in found.stderr
    names = written(view)
    assert [n.rpartition(".")[2] for n in names] == ["npz", "png", "npz"]
    _, kept = read_archive(view.folder / names[2], "relevant samples")
    assert kept["images"].shape[1] == 3
    record, arrays = read_archive(view.folder / names[0], "concept relevance")
    assert arrays["channels"].size == 2
    assert record["target"]["index"] == 3
    assert np.asarray(open_image(view.folder / names[1])).std() > 10
    alone = view("crp", MODEL, DIGIT, "examples/digits/8-0.png", "--channels", "1,4-5", "-q")
    assert alone.exit_code == 0, alone.stderr
    assert len(written(view)) == 5
    other = view("crp", MODEL, DIGIT, "--data", labelled, "--references", "target", "-t", 8)
    assert other.exit_code == 0, other.stderr
    assert len([n for n in written(view) if "crp-references" in n]) == 2


def test_tcav(view, labelled):
    concepts = ("--concept", labelled / "8", "--concept", f"three={labelled / '3'}")
    rest = ("--random", labelled, "-t", 8, "-t", 3, "--places", "mean")
    found = view("tcav", MODEL, labelled, *concepts, *rest)
    assert found.exit_code == 0, found.stderr
    assert "left out: broken.png" in found.stderr
    png, npz = sorted(view.folder.iterdir(), key=lambda p: p.suffix, reverse=True)
    record, arrays = read_archive(npz, "concept tests")
    assert [t["concept"] for t in record["tests"]] == ["8", "three"] * 2
    assert arrays["scores"].shape[0] == 4
    assert len(found.stdout.splitlines()) == 1 + 1 + 4 + 2
    assert np.asarray(open_image(png)).std() > 10
    assert view("tcav", MODEL, labelled, *concepts[:2], *concepts[:2], *rest).exit_code == 2


def test_craft(view, labelled):
    options = ("-t", 3, "--concepts", 3, "--crop", 0.5, "--designs", 4)
    found = view("craft", MODEL, labelled, *options)
    assert found.exit_code == 0, found.stderr
    assert "left out: 3/broken.png" in found.stderr
    npz, png = sorted(view.folder.iterdir())
    assert npz.name.startswith("digits-gap.craft.3.")
    record, arrays = read_archive(npz, "craft concepts")
    assert arrays["basis"].shape[0] == 3
    assert len(record["names"]) == 7
    assert np.asarray(open_image(png)).std() > 10


def test_prototypes(view, labelled, tmp_path):
    many = ["prototypes", MODEL, labelled / "3", labelled / "8", "-t", 3, "--prototypes", 1]
    found = view(*many, "--image", DIGIT, "--image", tmp_path / "missing.png")
    assert found.exit_code == 4
    assert "missing.png" in found.stderr
    npz, png = sorted(view.folder.iterdir())
    assert npz.name.startswith("digits-gap.prototypes.3.")
    (line,) = (one for one in found.stdout.splitlines() if one.startswith(DIGIT))
    assert line.split()[1] == "1"
    _, arrays = read_archive(npz, "prototypes")
    assert arrays["means"].shape[0] == 1
    assert np.asarray(open_image(png)).std() > 10
    assert view(*many, "-q").exit_code == 0


def test_maco(view, labelled):
    few = ("--steps", 4, "--crops", 2)
    found = view("maco", MODEL, "-t", 3, "-t", "8", "--count", 2, "--data", labelled, *few)
    assert found.exit_code == 0, found.stderr
    assert "left out: 3/broken.png" in found.stderr
    names = written(view)
    assert names == ["digits-gap.maco.3.npz", "digits-gap.maco.8.npz", "digits-gap.maco.png"]
    _, arrays = read_archive(view.folder / names[0], "maco pictures")
    assert arrays["pixels"].shape == (2, 8, 8, 1)
    other = view("maco", MODEL, "--layer", "/2/Conv_output_0", "--channels", "1,5", *few)
    assert other.exit_code == 0, other.stderr
    assert "digits-gap.maco.channel-5.npz" in written(view)


def test_similarity(view, tmp_path):
    found = view("similarity", MODEL, DIGIT, "examples/digits/8-0.png", "-p", "window=3")
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith("cosine 0.")
    stem = "3-10.similarity.8-0.occlusion"
    assert written(view) == [f"{stem}.1.npz", f"{stem}.2.npz", f"{stem}.png"]
    assert np.asarray(open_image(view.folder / f"{stem}.png")).std() > 10
    np.save(tmp_path / "text.npy", np.ones(32, np.float32))
    options = ("--reference", tmp_path / "text.npy", "--against", DIGIT, "-m", "gradient", "-q")
    other = view("similarity", MODEL, "examples/digits/8-0.png", *options)
    assert other.exit_code == 0, other.stderr
    assert "8-0.similarity.text.gradient.1.npz" in written(view)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("crp", MODEL, DIGIT, "--channels", "999"), 2, "out of range"),
        (("crp", MODEL, DIGIT, "--composite", "best"), 2, "best"),
        (("crp", MODEL, DIGIT, "--data", "no such folder"), 4, "no such folder"),
        (("crp", DIGIT, MODEL), 2, "the model comes first"),
        (
            ("tcav", MODEL, DIGIT, "--concept", DIGIT, "--random", DIGIT),
            2,
            "no picture has a class",
        ),
        (("craft", MODEL, DIGIT, "-t", 3, "--designs", 6), 2, "a power of two"),
        (("craft", MODEL, DIGIT, "-t", 3, "--layer", "/2/Conv"), 2, "negative activations"),
        (("craft", MODEL, DIGIT, "-t", "top-2"), 2, "name a class"),
        (("prototypes", MODEL, DIGIT, "-t", 3), 2, "need 30 or more pictures"),
        (("maco", MODEL, "-t", 3, "--channels", "1"), 2, "not both"),
        (("maco", MODEL, "--channels", "999"), 2, "out of range"),
        (("similarity", MODEL, DIGIT), 2, "two pictures, or one picture and --reference"),
        (("similarity", MODEL, DIGIT, DIGIT, "--against", DIGIT), 2, "belongs to --reference"),
        (("similarity", MODEL, DIGIT, DIGIT, "-m", "best"), 2, "best"),
        (("similarity", MODEL, DIGIT, "--reference", "no.npy"), 2, "no.npy"),
        (("tcav", MODEL, DIGIT, "--concept", "x=", "--random", DIGIT), 2, "write NAME=FOLDER"),
    ],
)
def test_refusals_are_one_line(view, arguments, code, message):
    found = view(*arguments)
    assert found.exit_code == code
    assert message in found.stderr
    assert "Traceback" not in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
