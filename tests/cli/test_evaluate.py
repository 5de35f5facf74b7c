"""The evaluate command: table, files, and clear refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MODEL = "models/digits-gap.onnx"


@pytest.fixture
def evaluate(run, tmp_path):
    def call(*arguments, data="examples/digits"):
        return run("evaluate", MODEL, data, "-o", tmp_path / "out", "--limit", 2, *arguments)

    call.folder = tmp_path / "out"
    return call


def test_table_and_files(evaluate):
    found = evaluate("-m", "gradient,grad-cam", "--metrics", "deletion,randomisation")
    assert found.exit_code == 0, found.stderr
    assert "unit of the scores: probability" in found.stdout
    assert "deletion: score of the target" in found.stdout
    assert "lower is better" in found.stdout
    assert "(random)" in found.stdout
    assert "has learned (" in found.stdout  # the verdict in words
    names = {p.name for p in evaluate.folder.iterdir()}
    assert names == {"evaluation.json", "summary.csv", "rows.csv", "curves.png"}


def test_a_measure_that_says_little_here_is_marked(evaluate):
    found = evaluate("-m", "cam", "--metrics", "insertion,deletion")
    (told,) = [t for t in found.stdout.splitlines() if "says little here" in t]
    assert told.startswith("insertion says little here: the blurred picture alone scores")
    assert "(cam, (random)" in told
    record = json.loads((evaluate.folder / "evaluation.json").read_text("utf-8"))
    assert {e["measure"] for e in record["says_little"]} == {"insertion"}


def test_json_is_the_whole_record(evaluate):
    found = evaluate("-m", "gradient", "--metrics", "deletion", "--json")
    record = json.loads(found.stdout)
    assert record["provenance"]["pictures"] == 2
    assert {entry["method"] for entry in record["summary"]} >= {"gradient", "random"}


def test_masks_bring_localisation_by_default(evaluate, tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    for path in Path("examples/digits").glob("*.png"):
        with Image.open(path) as image:
            drawn = np.zeros((image.height, image.width), np.uint8)
        drawn[2:6, 2:6] = 255
        Image.fromarray(drawn).save(masks / path.name)
    found = evaluate("-m", "gradient", "--masks", masks)
    assert found.exit_code == 0, found.stderr
    for name in ("mean-iou", "iou-at-area", "pointing-game", "energy-in-mask", "insertion"):
        assert f"{name}: " in found.stdout


def test_the_list_of_measures_needs_no_model(run):
    found = run("evaluate", "--list-metrics")
    assert found.exit_code == 0
    assert "pointing-game" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--metrics", "pointing"), 2, "unknown measure 'pointing'; nearest: 'pointing-game'"),
        (("--metrics", ","), 2, "--metrics is empty"),
        (("--metrics", "mean-iou"), 2, "needs a mask, and no picture"),
        (("-m", "grad-cm"), 2, "unknown method 'grad-cm'"),
        (("--masks", "nowhere"), 2, "no folder of masks"),
    ],
)
def test_wrong_wishes(evaluate, arguments, code, said):
    found = evaluate(*arguments)
    assert found.exit_code == code
    assert said in found.stderr
    assert not evaluate.folder.exists()


def test_no_pictures(evaluate, tmp_path):
    found = evaluate(data=tmp_path / "nothing")
    assert found.exit_code == 4
    assert "there is no" in found.stderr


def test_flowers_are_drawn_with_their_masks(run, tmp_path):
    arguments = ("-m", "grad-cam", "--limit", 3, "--blur", 2, "-o", tmp_path, "--json")
    wanted = ("--metrics", "mean-iou,pointing-game")
    found = run("evaluate", "models/flowers-gap.onnx", "flowers", *arguments, *wanted)
    assert found.exit_code == 0, found.stderr
    record = json.loads(found.stdout)
    assert record["provenance"]["pictures"] == 3
    assert {entry["method"] for entry in record["best_thresholds"]} >= {"grad-cam", "random"}
    assert record["problems"] == []


def test_flowers_have_masks_of_their_own(evaluate):
    found = evaluate("--masks", "nowhere", data="flowers")
    assert found.exit_code == 2
    assert "masks of their own" in found.stderr


def test_the_curve_over_the_stages_and_the_choices_behind_it(evaluate):
    found = evaluate(
        "-m", "gradient", "--metrics", "randomisation,deletion",
        "--order", "independent", "--stages", 2, "--strong-share", 0.5, "--step", 16,
        "--deletion-fill", "white", "--json",
    )  # fmt: skip
    assert found.exit_code == 0, found.stderr
    record = json.loads(found.stdout)
    curves = {(c["method"], c["measure"]): c["shares"] for c in record["curves"]}
    assert curves["gradient", "randomisation"] == [0.5, 1.0]
    assert curves["random", "deletion"] == [0, 0.25, 0.5, 0.75, 1.0]
    chosen = record["provenance"]["settings"]
    assert (chosen["order"], chosen["strong"], chosen["deleted"]) == ("independent", 0.5, "white")
