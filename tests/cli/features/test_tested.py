"""``onnxplain features responses``, ``ablation`` and ``protocol`` on drawn flowers."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import onnxplain
from onnxplain.cli import main
from onnxplain.evaluate.built_in import flower_samples
from onnxplain.evaluate.filter_ablation import filter_ablation
from onnxplain.evaluate.localisation import iou_curve
from onnxplain.features.archive import read_archive
from onnxplain.features.relevant import RelevantFeatures
from onnxplain.inputs.image import open_image

MODEL = "models/flowers-gap.onnx"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tested")


@pytest.fixture(scope="module")
def measured(folder):
    words = ("features", "protocol", MODEL, "flowers", "--mu", 5, "--select", 48, "--limit", 4)
    return CliRunner().invoke(main, [*map(str, words), "--examples", "2", "-o", str(folder)])


def test_the_protocol_measures_what_evaluate_measures(measured, folder):
    assert measured.exit_code == 0, measured.output
    for end in ("png", "examples.png", "features.png"):
        assert min(open_image(folder / f"flowers-gap.protocol.{end}").size) > 100
    found = json.loads((folder / "flowers-gap.protocol.measured/evaluation.json").read_text())
    rows = {(r["sample"], r["method"]): r["value"] for r in found["rows"]
            if r["measure"] == "mean-iou"}  # fmt: skip
    model = onnxplain.load(MODEL)
    features = str(folder / "flowers-gap.protocol.npz")
    with flower_samples(count=4, seed=0) as samples:
        for sample in samples:
            for name, given in (("enriched", {"features": features}), ("grad-cam", {})):
                heatmap = model.explain(sample.path, name, sample.label, **given).heatmap()
                mask = sample.seen_mask(model.preprocess)
                expected = iou_curve(heatmap, mask).mean()
                assert rows[sample.name, name] == pytest.approx(expected, rel=1e-6), name
    assert {m for _, m in rows} >= {"enriched", "activation", "guided-backprop", "grad-cam++"}


def test_pictures_selected_on_are_not_measured_on(measured, folder):
    found = RelevantFeatures.load(folder / "flowers-gap.protocol.npz")
    rows = json.loads((folder / "flowers-gap.protocol.measured/evaluation.json").read_text())
    assert not {r["sample"] for r in rows["rows"]} & set(found.names)


def test_ablation_prints_what_the_function_computes(run, measured, folder, tmp_path):
    bundle = folder / "flowers-gap.protocol.npz"
    found = run("features", "ablation", MODEL, bundle, "flowers", "--limit", 24, "--counts",
                "0,3,6", "--draws", 2, "--seed", 3, "-o", tmp_path)  # fmt: skip
    assert found.exit_code == 0, found.stderr
    said = json.loads((tmp_path / "flowers-gap.ablation.json").read_text())
    model = onnxplain.load(MODEL)
    with flower_samples(count=24, seed=3) as samples:
        x = np.concatenate([model.read(s.path).x for s in samples])
        labels = np.array([model.task.index(s.label) for s in samples])
    own = filter_ablation(model, x, labels, RelevantFeatures.load(bundle), counts=(0, 3, 6),
                          seeds=(3, 4))  # fmt: skip
    expected = own.means()
    for m, row in enumerate(said["mean_class_accuracy"]):
        assert row["silenced"] == own.counts[m]
        assert row["relevant"] == expected[0][m]
        assert row["random"] == expected[1][m]
        assert row["least"] == own.least[:, m].mean()
    assert min(open_image(tmp_path / "flowers-gap.ablation.png").size) > 100


def test_responses_of_the_built_in_data(run, tmp_path):
    found = run("features", "responses", MODEL, "flowers", "--limit", 12, "-o", tmp_path)
    assert found.exit_code == 0, found.stderr
    _, arrays = read_archive(tmp_path / "flowers-gap.responses.npz", "responses")
    assert arrays["X"].shape[1] == 12
    np.testing.assert_array_equal(arrays["L"].sum(axis=1), np.ones(12))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("protocol", MODEL, "flowers", "examples"), "give it alone"),
        (("ablation", MODEL, "none.npz", "flowers"), "no saved relevant features file"),
        (("ablation", MODEL, "none.npz", "flowers", "--counts", "1;2"), "is not understood"),
        (("protocol", MODEL, "examples/digits"), ""),
    ],
)
def test_what_cannot_be_done_is_one_line(run, tmp_path, words, message):
    found = run("features", *words, "-o", tmp_path)
    assert found.exit_code in (2, 4)
    assert message in found.stderr
    assert len([x for x in found.stderr.splitlines() if "error" in x]) == 1
