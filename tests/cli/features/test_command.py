"""``onnxplain features``: files, names and refusals of every view."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import onnx
import pytest
import rearranged
import torch
from PIL import Image

import onnxplain
from onnxplain.cli.features.picture_views import file_name, parse_channels
from onnxplain.errors import UsageError
from onnxplain.features.archive import read_archive
from onnxplain.features.ascent import Ascent
from onnxplain.features.class_model import class_model
from onnxplain.inputs.image import open_image

MODEL, DIGIT = "models/digits-gap.onnx", "examples/digits/3-10.png"


@pytest.fixture
def view(run, tmp_path):
    """Run one view into ``tmp_path / "out"``."""

    def call(*arguments):
        return run("features", *arguments, "-o", tmp_path / "out")

    call.folder = tmp_path / "out"
    return call


def written(view):
    return sorted(p.name for p in view.folder.iterdir())


def test_weights(view):
    found = view("weights", MODEL, "--count", 4, "--scale", "shared")
    assert found.exit_code == 0, found.stderr
    stem = "digits-gap.weights.0-Conv_output_0"
    assert written(view) == [f"{stem}.npz", f"{stem}.png"]
    assert found.stdout.split() == [str(view.folder / f"{stem}{e}") for e in (".png", ".npz")]
    record, arrays = read_archive(view.folder / f"{stem}.npz", "weights")
    assert arrays["weights"].shape == (16, 1, 3, 3)
    assert record["layer"] == "/0/Conv_output_0"
    assert min(open_image(view.folder / f"{stem}.png").size) > 100


def test_maps_of_several_images(view):
    found = view("maps", MODEL, DIGIT, "examples/digits/8-0.png", "--channels", "3,5-7")
    assert found.exit_code == 0, found.stderr
    names = written(view)
    assert len(names) == 6
    assert {n.partition(".")[0] for n in names} == {"3-10", "8-0"}
    numbers = next(p for p in view.folder.iterdir() if p.name.startswith("3-10") and
                   p.suffix == ".npz")  # fmt: skip
    assert read_archive(numbers, "feature maps")[1]["channels"].tolist() == [3, 5, 6, 7]


def test_maps_of_a_tensor_without_places_have_no_overlay(view):
    assert view("maps", MODEL, DIGIT, "--layer", "logits", "--all").exit_code == 0
    assert written(view) == ["3-10.maps.logits.npz", "3-10.maps.logits.png"]


def test_the_response_of_a_layer_says_how_sparse_it_is(view):
    found = view("layer-response", MODEL, DIGIT, "--layer", "last", "--count", 4)
    assert found.exit_code == 0, found.stderr
    assert "sparsity 0." in found.stdout
    (numbers, picture) = sorted(view.folder.iterdir())
    record, arrays = read_archive(numbers, "layer response")
    assert arrays["kernel_responses"].shape[0] == 4
    assert f"{record['sparsity']:.3f}" in found.stdout
    assert min(open_image(picture).size) > 100


def test_an_unreadable_image_is_named_and_the_others_are_done(view, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    found = view("maps", MODEL, tmp_path / "broken.png", DIGIT, tmp_path / "none*.png", "-q")
    assert found.exit_code == 4
    assert "broken.png: cannot read image" in found.stderr
    assert "no image in" in found.stderr
    assert found.stdout == ""
    assert len(written(view)) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("weights", MODEL, "--layer", "logits"), 2, "not written by a convolution"),
        (("weights", MODEL, "--channels", "3;4"), 2, "is not understood"),
        (("weights", "missing.onnx"), 3, "missing.onnx"),
        (("maps", MODEL, DIGIT, "--channels", "99"), 2, "out of range"),
    ],
)
def test_refusals_are_one_line(view, arguments, code, message):
    found = view(*arguments)
    assert found.exit_code == code
    assert message in found.stderr
    assert "Traceback" not in found.stderr
    assert not view.folder.exists()


def test_channels():
    assert parse_channels(None) is None
    assert parse_channels("3, 5-7") == [3, 5, 6, 7]
    for text in ("", "-1", "1,,2", "7-5", "1.5"):
        with pytest.raises(UsageError, match="--channels"):
            parse_channels(text)


def test_file_names_hold_no_path():
    assert file_name("/blocks/blocks.1/Relu:0") == "blocks-blocks.1-Relu-0"
    assert file_name("///") == "tensor"
    assert len(file_name("a" * 500)) == 80


def test_pictures_are_not_blank(view):
    view("maps", MODEL, DIGIT)
    for path in view.folder.glob("*.png"):
        assert np.asarray(open_image(path)).std() > 10


@pytest.fixture
def digits(tmp_path):
    """A data set of ten pictures, and one that is none."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for path in Path("examples/digits").glob("*.png"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def test_top_patches(view, digits):
    layer = ("--layer", "/2/Conv_output_0")
    found = view("top-patches", MODEL, digits, *layer, "--count", 3, "--images", 4)
    assert found.exit_code == 0, found.stderr
    assert "left out: broken.png: cannot read image" in found.stderr
    stem = "digits-gap.top-patches.2-Conv_output_0"
    assert written(view) == [f"{stem}.npz", f"{stem}.png"]
    again = view("top-patches", MODEL, digits, *layer, "--channels", "1", "--images", 4)
    assert again.exit_code == 0, again.stderr
    assert np.asarray(open_image(view.folder / f"{stem}.png")).std() > 10


@pytest.fixture
def labelled(tmp_path):
    """Four noisy copies of each digit, in folders named after them."""
    rng = np.random.default_rng(0)
    for path in Path("examples/digits").glob("*.png"):
        folder = tmp_path / "labelled" / path.stem[0]
        folder.mkdir(parents=True)
        for k in range(4):
            pixels = np.asarray(open_image(path)) + rng.normal(0, 20, (8, 8))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{k}.png")
    return tmp_path / "labelled"


def test_relevant_and_enriched(view, labelled):
    found = view("relevant", MODEL, labelled, "--mu", 4)
    assert found.exit_code == 0, found.stderr
    stem = "digits-gap.relevant"
    assert written(view) == [f"{stem}.json", f"{stem}.npz", f"{stem}.png"]
    assert len(found.stdout.splitlines()) == 1 + 10 + 3
    bundle = view.folder / f"{stem}.npz"
    explained = view("enriched", MODEL, bundle, DIGIT, "--count", 2)
    assert explained.exit_code == 0, explained.stderr
    record, arrays = read_archive(view.folder / "3-10.enriched.npz", "enriched prediction")
    assert record["class"] == 3
    assert arrays["heatmaps"].shape[0] == len(record["features"]) <= 2
    other = view("enriched", "models/digits-softmax.onnx", bundle, DIGIT)
    assert other.exit_code == 2
    assert "select them anew" in other.stderr
    assert view("relevant", MODEL, "examples/digits").exit_code == 2


def test_class_model(view):
    found = view("class-model", MODEL, "-t", 3, "-t", "8", "--steps", 5, "--jitter", 1)
    assert found.exit_code == 0, found.stderr
    stem = "digits-gap.class-model"
    assert written(view) == [f"{stem}.3.npz", f"{stem}.8.npz", f"{stem}.png"]
    assert view("class-model", MODEL, "-t", "eleven").exit_code == 2


def test_every_setting_of_a_class_model_can_be_given(view):
    """What the command makes is what the function makes of the same settings."""
    given = {"steps": 12, "decay": 0.0, "variation": 0.0, "jitter": 0, "blur": 0.25,
             "blur_every": 3, "rate": 0.2}  # fmt: skip
    assert {*given, "bounded"} == {f.name for f in fields(Ascent)}
    words = [w for k, v in given.items() for w in (f"--{k.replace('_', '-')}", v)]
    found = {}
    for bounded in (True, False):
        end = "--bounded" if bounded else "--unbounded"
        assert view("class-model", MODEL, "-t", 3, *words, end).exit_code == 0
        _, arrays = read_archive(view.folder / "digits-gap.class-model.3.npz", "class model")
        expected = class_model(onnxplain.load(MODEL), 3, Ascent(**given, bounded=bounded))
        np.testing.assert_array_equal(arrays["x"], expected.x)
        found[bounded] = arrays["x"]
    assert found[False].min() < found[True].min() == 0


def test_dream(view):
    found = view("dream", MODEL, DIGIT, "--octaves", 2, "--steps", 2, "--channel", 5)
    assert found.exit_code == 0, found.stderr
    (name,) = written(view)
    assert name.startswith("3-10.dream.")
    assert name.endswith(".5.png")
    assert open_image(view.folder / name).size == (11, 11)


def test_atlas(view, labelled):
    found = view("atlas", MODEL, labelled, "--cells", 3, "--per-image", 2)
    assert found.exit_code == 0, found.stderr
    stem = "digits-gap.atlas"
    assert [n.partition(".atlas.")[0] for n in written(view)] == ["digits-gap"] * 2
    assert {n.rpartition(".")[2] for n in written(view)} == {"png", "npz"}
    assert all(n.startswith(stem) for n in written(view))


@pytest.mark.slow
def test_the_embedding_of_an_atlas_is_chosen_beside_the_axes_of_the_input(view, labelled):
    """Two options that were once spelled alike."""
    pytest.importorskip("umap", reason="the extra onnxplain[umap] is not installed")
    options = ("--cells", 3, "--embedding", "umap", "--layout", "NCHW")
    found = view("atlas", MODEL, labelled, *options)
    assert found.exit_code == 0, found.stderr
    (numbers,) = view.folder.glob("*.npz")
    assert read_archive(numbers, "atlas")[0]["layout"] == "umap"


@pytest.mark.parametrize("verb", ["maps", "top-patches", "atlas"])
def test_a_layer_in_another_order_is_said_as_in_explain(run, view, tmp_path, verb):
    model, pictures = tmp_path / "a.onnx", tmp_path / "pictures"
    onnx.save(rearranged.file_of(rearranged.MEASURED["tokens by a matrix"]), model)
    pictures.mkdir()
    rng = np.random.default_rng(0)
    for k in range(6):
        noise = rng.integers(0, 255, (*rearranged.SIZE, 3), np.uint8)
        Image.fromarray(noise).save(pictures / f"{k}.png")
    usual = ("--preprocess", "zero-one")
    said = run("explain", model, pictures / "0.png", "-m", "eigen-cam", *usual, "-o", tmp_path)
    text = "the places of layer '/Pow_output_0' are not in the picture's order"
    (wanted,) = (t[t.index(text) :] for t in said.stdout.splitlines() if text in t)
    source = pictures / "0.png" if verb == "maps" else pictures
    found = view(verb, model, source, *usual)
    assert found.exit_code == 0, found.stderr
    assert f"warning: {wanted}\n" in found.stderr


def test_maps_of_a_layer_that_answers_elsewhere_are_refused(view, tmp_path):
    model, picture = tmp_path / "a.onnx", tmp_path / "a.png"
    # Two cells each answer to one and the same place of the lower half.
    twice = torch.eye(24)[23 - torch.arange(24) // 2]
    way = rearranged.Way(lambda x: twice @ rearranged._tokens(x), 8, rearranged.TOKENS)
    onnx.save(rearranged.file_of(way), model)
    Image.fromarray(rearranged.marked(1, 1)).save(picture)
    found = view("maps", model, picture, "--preprocess", "zero-one")
    assert found.exit_code == 2
    assert "does not respond where its grid says" in found.stderr
