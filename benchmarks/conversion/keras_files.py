"""Write Keras 3 networks as ONNX, in an environment that has keras, tensorflow and tf2onnx.

``python keras_files.py FOLDER``, then ``python -m benchmarks.conversion --files FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras

NETWORKS = ("MobileNetV2",)


def main(folder: Path) -> None:
    target = folder / "Keras export"
    target.mkdir(parents=True, exist_ok=True)
    for name in NETWORKS:
        keras.utils.set_random_seed(0)
        net = getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3))
        for layer in net.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0
        net(keras.random.normal((8, 96, 96, 3), seed=1), training=True)
        net.export(str(target / f"{name}.onnx"), format="onnx", verbose=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
