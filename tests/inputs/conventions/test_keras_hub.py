"""KerasHub's converters, against arithmetic on pixels."""

import numpy as np

from tests.inputs.conventions.declared import agree, opened, values


def test_keras_hub(tmp_path):
    converter = {"class_name": "ResNetImageConverter", "config": {
        "image_size": [32, 32], "scale": [0.0171, 0.0175, 0.0174], "offset": [-2.1, -2.0, -1.8],
        "interpolation": "bilinear", "crop_to_aspect_ratio": False}}  # fmt: skip
    whole = {"class_name": "ResNetImageClassifierPreprocessor",
             "config": {"image_converter": converter}}  # fmt: skip
    for name, data in (("preprocessor.json", whole), ("image_converter.json", converter)):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        model = opened(folder, files={name: data})
        agree(
            model,
            lambda im: (
                values(im, (32, 32)) * np.reshape([0.0171, 0.0175, 0.0174], (3, 1, 1))
                + np.reshape([-2.1, -2.0, -1.8], (3, 1, 1))
            ),
        )
        assert "KerasHub" in model.sources["preprocess"]
