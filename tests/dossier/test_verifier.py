"""The verifier that shares no code repeats predictions from the record alone."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from onnxplain.audit.zones import evidence_shares, small
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.perturb.fills import fill
from onnxplain.perturb.window_grid import WindowGrid

DATA = Path("onnxplain/data")


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("verify_dossier", {"cryptography"}),
        ("repeat_figures", {"numpy", "onnxruntime", "PIL", "verify_dossier"}),
    ],
)
def test_it_imports_nothing_of_the_package(name, needs):
    tree = ast.parse((DATA / f"{name}.py").read_text("utf-8"))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names == needs


def test_it_runs_alone_and_repeats_every_prediction(unsigned, tmp_path):
    command = [sys.executable, "-I", unsigned / "verify_dossier.py", unsigned]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "predictions of 3 pictures repeat" in found.stdout
    assert "3 inputs equal to the byte" in found.stdout


def change_record(folder, edit):
    record = json.loads((folder / "record.json").read_text())
    edit(record)
    (folder / "record.json").write_text(json.dumps(record))


def worse(record):
    record["pictures"][1]["top"][0]["probability"] -= 2e-4


def other_picture(record):
    record["pictures"][2]["file_sha256"] = "0" * 64


def other_class(record):
    record["pictures"][0]["predicted"] = 5


def other_model(record):
    record["model"]["files"][0]["sha256"] = "0" * 64


def other_scale(record):
    record["preprocess"]["scale"] *= 1.5


@pytest.mark.parametrize("edit", [worse, other_picture, other_class, other_model, other_scale])
def test_a_record_that_does_not_repeat(unsigned, verifier, repeater, edit):
    change_record(unsigned, edit)
    with pytest.raises(verifier.DiffersError):
        repeater.check_predictions(str(unsigned))


def values(record):
    record["model"]["task"] = "values"


def inner(record):
    record["model"]["output"] = "inside"


@pytest.mark.parametrize("edit", [values, inner])
def test_what_it_cannot_repeat_is_not_passed(unsigned, verifier, repeater, edit):
    change_record(unsigned, edit)
    with pytest.raises(verifier.UncheckedError):
        repeater.check_predictions(str(unsigned))


@pytest.mark.parametrize("size", [(40, 30), (31, 64), (17, 17)])
@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"crop_fraction": 0.875},
        {"resize": "stretch", "crop_fraction": 0.9, "interpolation": "bilinear"},
        {"resize_to": 17},
        {"resize_to": (19, 21), "position": (0.0, 1.0)},
        {"color": "BGR", "mean": (1.0, 2.0, 3.0), "std": (4.0, 5.0, 6.0), "scale": 0.5},
        {"color": "gray", "mean": (0.5,), "std": (0.25,), "scale": 1 / 255},
        {"dtype": "uint8"},
        {"dtype": "int8", "mean": (128.0,) * 3, "layout": "NHWC"},
    ],
)
def test_its_inputs_are_those_of_the_package(tmp_path, repeater, recipe, size):
    given = {"name": "made", "layout": "NCHW", "size": (16, 12), **recipe}
    known = Preprocess.from_dict(json.loads(json.dumps(Preprocess(**given).to_dict())))
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = repeater.model_input(str(tmp_path / "a.png"), json.loads(json.dumps(known.to_dict())))
    np.testing.assert_array_equal(found, known.apply(Image.fromarray(pixels)))


@pytest.mark.parametrize("way", ["pad", "pad-first", "none"])
def test_other_ways_are_refused(tmp_path, verifier, repeater, way):
    Image.new("RGB", (20, 30)).save(tmp_path / "a.png")
    recipe = Preprocess(name="a", layout="NCHW", size=(8, 8), resize=way).to_dict()
    with pytest.raises(verifier.UncheckedError, match="not repeated"):
        repeater.model_input(str(tmp_path / "a.png"), recipe)


def test_scores(verifier, repeater):
    logits = np.array([[1.0, 3.0, -1.0]])
    wanted = np.exp(logits[0]) / np.exp(logits[0]).sum()
    np.testing.assert_allclose(repeater.scores(logits, "logits", "probability"), wanted)
    np.testing.assert_allclose(repeater.scores(wanted[None], None, "probability"), wanted)
    np.testing.assert_allclose(repeater.scores([[0.2]], None, "probability"), [0.8, 0.2])
    np.testing.assert_allclose(
        repeater.scores([[0.3]], "logits", "probability"),
        [1 / (1 + np.exp(0.3)), 1 / (1 + np.exp(-0.3))],
    )
    np.testing.assert_array_equal(repeater.scores(logits, "raw", "score"), logits[0])
    for values in (logits, np.zeros((2, 3))):
        with pytest.raises(verifier.UncheckedError):
            repeater.scores(values, None, "probability")


def occlude(folder, sample=10):
    """Exit code and words of the verifier, run alone."""
    command = [sys.executable, "-I", folder / "verify_dossier.py", folder, "--sample", str(sample)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.returncode, found.stdout + found.stderr


def test_it_repeats_occlusion_from_the_record_alone(occluded):
    code, said = occlude(occluded)
    assert code == 0, said
    # 8 pixels, windows of 7, steps of 3: two positions of a side
    assert "occlusion: maps of 2 of 2 pictures repeat from 8 windows" in said


def test_without_occlusion_it_says_so(unsigned):
    code, said = occlude(unsigned)
    assert code == 0
    assert "occlusion: the audit did not ask for it" in said


def test_without_the_file_beside_it_figures_are_not_checked(unsigned, verifier, tmp_path):
    (tmp_path / "verify_dossier.py").write_bytes((DATA / "verify_dossier.py").read_bytes())
    command = [sys.executable, tmp_path / "verify_dossier.py", unsigned]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "predictions: NOT CHECKED: repeat_figures.py is not beside this file" in found.stdout


def result_of(record, number=1):
    return record["pictures"][number]["methods"]["occlusion"]


def other_evidence(record):
    result_of(record)["evidence"]["border"] += 0.01


def other_window(record):
    result_of(record, 0)["settled"]["window"] = [9, 9]


def other_explained(record):
    record["pictures"][1]["explained"] = (record["pictures"][1]["explained"] + 1) % 10


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (other_evidence, "share of the evidence in 'border' has"),
        (other_window, "of its map has"),
        (other_explained, "of its map has"),
    ],
)
def test_the_first_occlusion_figure_that_differs_is_named(occluded, verifier, repeater, edit, said):
    change_record(occluded, edit)
    with pytest.raises(verifier.DiffersError, match=said):
        repeater.check_occlusion(str(occluded), 10)


def test_a_map_that_was_changed_is_named_by_its_cell(occluded, verifier, repeater):
    path = occluded / "maps" / "occlusion.npy"
    maps = np.load(path)
    maps[1, 3, 20] += 2e-4
    np.save(path, maps)
    with pytest.raises(verifier.DiffersError, match="row 3, column 20 of its map"):
        repeater.check_occlusion(str(occluded), 10)
    assert "of 1 of 2 pictures" in repeater.check_occlusion(str(occluded), 1)  # not that one


@pytest.mark.parametrize(
    ("key", "value"),
    [("refine", 2), ("response_of", "layer"), ("tolerance", 0.1), ("fill_with", "blur")],
)
def test_occlusion_that_it_cannot_repeat_is_not_passed(occluded, verifier, repeater, key, value):
    def edit(record):
        record["methods"]["occlusion"]["parameters"][key] = value

    change_record(occluded, edit)
    with pytest.raises(verifier.UncheckedError):
        repeater.check_occlusion(str(occluded), 10)


def without_settled(record):
    for number in range(2):
        del result_of(record, number)["settled"]


def test_an_older_record_lacks_the_stride(occluded, verifier, repeater):
    change_record(occluded, without_settled)
    with pytest.raises(verifier.UncheckedError, match="does not hold the stride"):
        repeater.check_occlusion(str(occluded), 10)


@pytest.mark.parametrize("kind", ["black", "white", "mean", "0.25"])
@pytest.mark.parametrize("color", ["RGB", "BGR", "gray"])
def test_its_fills_are_those_of_the_package(repeater, kind, color):
    channels = 1 if color == "gray" else 3
    recipe = Preprocess(
        "made", "NCHW", (4, 5), color=color, mean=(0.5, 0.25, 0.0)[:channels], scale=1 / 255,
        std=(0.5, 0.25, 0.125)[:channels],
    )  # fmt: skip
    x = np.random.default_rng(0).normal(size=(1, channels, 4, 5)).astype(np.float32)
    context = SimpleNamespace(spatial_axes=(2, 3), preprocess=recipe)
    found = repeater.filled(x, kind, json.loads(json.dumps(recipe.to_dict())), (2, 3))
    np.testing.assert_array_equal(found, fill(context, x, kind))


@pytest.mark.parametrize("size", [(28, 28), (32, 31), (11, 224)])
def test_its_cells_and_zones_are_those_of_the_package(repeater, size):
    values = np.random.default_rng(0).normal(size=size)
    np.testing.assert_allclose(repeater.small(values), small(values), atol=1e-6)
    for zone, known in evidence_shares(values).items():
        assert repeater.share(values, zone)[0] == pytest.approx(known, abs=1e-12)


@pytest.mark.parametrize(
    ("length", "window", "step"), [(32, 4, 2), (10, 3, 3), (10, 10, 1), (9, 4, 3)]
)
def test_its_windows_are_those_of_the_package(repeater, length, window, step):
    grid = WindowGrid.fitting((length, length), window, step)
    assert repeater.extents(length, window, step) == grid.rows
