"""Write Keras networks as ONNX, in an environment that has keras, tensorflow and tf2onnx.

``python keras_files.py FOLDER`` writes FOLDER/FORM/NETWORK.onnx, and what could not be written
to FOLDER/not made.json. What is there already is kept. It needs nothing of this project.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers

# Side of the input in pixels: small, to save time.
APPLICATIONS = {
    "ConvNeXtTiny": 64, "DenseNet121": 64, "EfficientNetB0": 64, "EfficientNetV2B0": 64,
    "InceptionV3": 96, "MobileNetV2": 96, "MobileNetV3Large": 64, "MobileNetV3Small": 96,
    "NASNetMobile": 96, "ResNet50": 64, "ResNet50V2": 64, "Xception": 96,
}  # fmt: skip
FORMS = {"Keras export": None, "tf2onnx 13": 13, "tf2onnx 18": 18}
CLASSES = 4


def _sequential(shape: tuple[int, ...], *parts: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *parts, layers.Dense(CLASSES)])


def _attention() -> keras.Model:
    x = keras.Input((10, 16))
    y = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 8)(x, x, use_causal_mask=True))
    y = layers.Attention(use_scale=True)([y, y])
    y = layers.RMSNormalization()(layers.GroupQueryAttention(8, 4, 2)(y, y))
    return keras.Model(x, layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(y)))


def _text() -> keras.Model:
    x = keras.Input((12,), dtype="int32")
    y = layers.Bidirectional(layers.LSTM(6))(layers.Embedding(50, 16)(x))
    return keras.Model(x, layers.Dense(CLASSES, activation="softmax")(y))


def _branches() -> keras.Model:
    x = keras.Input((24, 24, 3))
    a, b = layers.Conv2D(8, 3, padding="same")(x), layers.Conv2D(8, 3, padding="same")(x)
    y = layers.Concatenate()([a, layers.ReLU(6.0)(b)])
    y = layers.Permute((3, 1, 2))(layers.Maximum()([y, layers.Multiply()([y, y])]))
    y = layers.Flatten()(
        layers.Dot(axes=2, normalize=True)([y2 := layers.Reshape((16, 576))(y), y2])
    )
    return keras.Model(x, layers.Dense(CLASSES, activation="sigmoid")(y))


LAYERS: dict[str, Callable[[], keras.Model]] = {
    "attention": _attention,
    "branches": _branches,
    "text": _text,
    "lstm": lambda: _sequential(
        (12, 6), layers.LSTM(8, return_sequences=True), layers.Bidirectional(layers.LSTM(5))
    ),
    "gru": lambda: _sequential((12, 6), layers.GRU(8, return_sequences=True), layers.GRU(5)),
    "conv1d": lambda: _sequential(
        (64, 3), layers.Conv1D(8, 5, padding="causal", dilation_rate=2, activation="relu"),
        layers.BatchNormalization(), layers.MaxPooling1D(), layers.SeparableConv1D(8, 3),
        layers.Conv1DTranspose(6, 3, strides=2, padding="same"), layers.GlobalAveragePooling1D(),
    ),
    "conv2d": lambda: _sequential(
        (32, 32, 3), layers.Rescaling(1 / 127.5, -1), layers.ZeroPadding2D(2),
        layers.SeparableConv2D(8, 3, strides=2, padding="same"), layers.GroupNormalization(4),
        layers.PReLU(shared_axes=[1, 2]), layers.Conv2DTranspose(8, 4, strides=2, padding="same"),
        layers.UpSampling2D(2, interpolation="bilinear"), layers.LeakyReLU(),
        layers.DepthwiseConv2D(3, dilation_rate=2), layers.UpSampling2D(2), layers.Cropping2D(3),
        layers.AveragePooling2D(3, padding="same"), layers.LayerNormalization(),
        layers.UnitNormalization(), layers.Activation("hard_silu"), layers.Flatten(),
    ),
    "conv3d": lambda: _sequential(
        (8, 16, 16, 2), layers.Conv3D(6, 3, padding="same", activation="relu"),
        layers.MaxPooling3D(), layers.BatchNormalization(),
        layers.Conv3DTranspose(4, 3, strides=2, padding="same"), layers.AveragePooling3D(2),
        layers.UpSampling3D(2), layers.ZeroPadding3D(1), layers.Cropping3D(1),
        layers.GlobalMaxPooling3D(),
    ),
}  # fmt: skip


def _application(name: str, side: int) -> keras.Model:
    settings = {"weights": None, "input_shape": (side, side, 3), "classes": 10}
    return getattr(keras.applications, name)(**settings)


def _calibrate(net: keras.Model) -> None:
    """Let batch normalisation see data, and let residual branches be seen."""
    for layer in net._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
        if type(layer).__name__ == "LayerScale":
            layer.set_weights([np.full_like(w, 0.5) for w in layer.get_weights()])
    rng = np.random.default_rng(1)
    shape, whole = (8, *net.inputs[0].shape[1:]), "int" in net.inputs[0].dtype
    batch = rng.integers(1, 50, shape) if whole else rng.standard_normal(shape).astype("float32")
    net(batch, training=True)


def _write(net: keras.Model, opset: int | None, path: Path) -> None:
    if opset is None:
        net.export(str(path), format="onnx", verbose=False)
        return
    signature = [tf.TensorSpec((None, *i.shape[1:]), i.dtype, name=f"x{k}")
                 for k, i in enumerate(net.inputs)]  # fmt: skip
    function = tf.function(lambda x: net(x, training=False), input_signature=signature)
    tf2onnx.convert.from_function(
        function, input_signature=signature, opset=opset, output_path=str(path)
    )


def main(folder: Path) -> None:
    """Write every form of every network."""
    makers = {n: lambda n=n, s=s: _application(n, s) for n, s in APPLICATIONS.items()} | LAYERS
    failed = {}
    for name, make in makers.items():
        missing = {f: o for f, o in FORMS.items() if not (folder / f / f"{name}.onnx").is_file()}
        if not missing:
            continue
        keras.utils.set_random_seed(0)
        net = make()
        _calibrate(net)
        for form, opset in missing.items():
            path = folder / form / f"{name}.onnx"
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write(net, opset, path)
            except Exception as error:  # exporters raise anything
                path.unlink(missing_ok=True)
                failed[f"{form}/{name}"] = f"{type(error).__name__}: {error}".splitlines()[0]
    (folder / "not made.json").write_text(json.dumps(failed, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
