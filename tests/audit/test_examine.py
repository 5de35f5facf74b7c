"""Everything that is kept of one picture: what its explanation says, and where it was."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from audit.long_runs import MODEL
from PIL import Image

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.defaults import default_config
from onnxplain.audit.examine import examine, examine_sanity, methods_for
from onnxplain.errors import UsageError
from onnxplain.explanations.display import upsample
from onnxplain.graph.load import file_sha256
from onnxplain.inputs.dataset import Sample, read_dataset


@pytest.fixture(scope="module")
def model():
    return onnxplain.load(MODEL)


@pytest.fixture
def samples(tmp_path):
    for path in sorted(Path("examples/digits").glob("*.png"))[:2]:
        target = tmp_path / "data" / path.stem[0] / path.name
        target.parent.mkdir(parents=True)
        shutil.copy(path, target)
    return read_dataset(tmp_path / "data")


def test_what_is_kept_of_a_picture_is_what_the_explanation_says(model, samples):
    found, maps = examine(model, samples[1], ("grad-cam",), AuditConfig(), 1)
    picture = model.read(samples[1].path)
    said = model.explain(picture, "grad-cam")
    assert found.number == 1
    assert found.file_sha256 == file_sha256(samples[1].path)
    assert found.input_sha256 == picture.sha256
    record = found.methods["grad-cam"].record
    assert record["slope_error"] == said.measures["slope_error"]
    assert "parity_error" not in record
    heatmap = said.heatmap()
    assert found.methods["grad-cam"].evidence["top left"] == pytest.approx(
        heatmap[:2, :2].clip(0).sum() / heatmap.clip(0).sum()
    )
    assert maps["grad-cam"].mean() == pytest.approx(heatmap.mean(), rel=1e-5)
    assert np.corrcoef(maps["grad-cam"].ravel(), upsample(heatmap, (28, 28)).ravel())[0, 1] > 0.9


def test_how_far_the_engines_agree_is_kept_where_pytorch_computes(samples):
    model = onnxplain.load(MODEL, engine="pytorch")
    found, _ = examine(model, samples[1], ("grad-cam",), AuditConfig(), 1)
    said = model.explain(samples[1].path, "grad-cam")
    assert found.methods["grad-cam"].record["parity_error"] == said.measures["parity_error"]


def test_masks_tell_the_evidence_on_the_object(model, samples, tmp_path):
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 2:6] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    masked = Sample(samples[0].name, samples[0].path, samples[0].label, tmp_path / "mask.png")
    config = default_config(model, [masked])
    assert config.measures == ("deletion", "insertion", "energy-in-mask")
    picture, _ = examine(model, masked, ("grad-cam",), config)
    assert picture.mask_area == pytest.approx(0.25)
    assert picture.mask_sha256 == file_sha256(tmp_path / "mask.png")
    found = picture.methods["grad-cam"]
    assert found.evidence["mask"] == found.evidence["centre"]
    assert found.measures["energy-in-mask"] == pytest.approx(found.evidence["mask"])


def test_a_picture_that_cannot_be_read_says_why(model, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"?")
    sample = Sample("broken.png", tmp_path / "broken.png")
    found, maps = examine(model, sample, ("occlusion",), AuditConfig(), 7)
    assert (found.number, found.name, maps) == (7, "broken.png", {})
    assert found.file_sha256 == file_sha256(sample.path)
    assert found.problem.startswith("cannot read image")
    missing, _ = examine(model, Sample("a", tmp_path / "a.png"), ("occlusion",), AuditConfig())
    assert missing.file_sha256 is None


def test_sanity_has_a_number_for_each_layer_that_learned(model, samples):
    found = examine_sanity(model, samples[0], ["gradient"], AuditConfig(), 3)
    result = found.methods["gradient"]
    assert (found.number, found.name) == (3, samples[0].name)
    assert len(result.layers) == len(result.spearman) == len(result.ssim) > 1
    assert -1 <= result.other_class <= 1


def test_what_the_model_does_not_allow_is_left_out_or_refused():
    model = onnxplain.load("models/digits-softmax.onnx")
    methods, left_out = methods_for(model, AuditConfig(methods=("cam", "occlusion")))
    assert methods == ["occlusion"]
    assert left_out[0].startswith("cam")
    with pytest.raises(UsageError):
        methods_for(model, AuditConfig(methods=("cam",)))
