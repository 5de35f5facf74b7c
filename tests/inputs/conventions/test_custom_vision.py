"""Files of Azure Custom Vision, against arithmetic on pixels."""

from tests.inputs.conventions.declared import BGR, agree, opened, values


def test_azure_custom_vision(tmp_path):
    manifest = {"DomainType": "Classification", "Platform": "ONNX", "ExporterVersion": "1.0"}
    files = {"cvexport.manifest": manifest, "labels.txt": "a\nb\nc\nd"}
    model = opened(tmp_path, files=files, size=(32, 32))
    agree(model, lambda im: values(im, (32, 32), order=BGR), [(64, 64)])
    assert "cvexport.manifest" in model.sources["preprocess"]
    assert any("BGR" in text for text in model.warnings)


def test_azure_properties(tmp_path):
    said = {"CustomVision.Preprocess.NormalizeMean": "[123.0, 117.0, 104.0]",
            "CustomVision.Preprocess.NormalizeStd": "[1.0, 1.0, 1.0]",
            "CustomVision.Preprocess.ResizeMethod": "Stretch"}  # fmt: skip
    model = opened(tmp_path, files={"metadata_properties.json": said}, size=(32, 32))
    agree(model, lambda im: values(im, (32, 32), mean=[123, 117, 104]))
