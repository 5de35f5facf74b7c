"""Write Keras networks as ONNX, in an environment that has keras, tensorflow and tf2onnx.

``python -m benchmarks.conversion.keras_files FOLDER PATTERN`` writes FOLDER/FORM/NETWORK.onnx for
every file whose "Keras NETWORK FORM" matches, FOLDER/gradients/NETWORK.npz with an input and
TensorFlow's gradient of one score in float64, and what could not be written to FOLDER/not
made.json. What is there already is kept. It needs nothing of onnxplain.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.keras_export import application, write_missing

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


def _masked(recurrent: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([
        keras.Input((12,), dtype="int32"), layers.Embedding(50, 8, mask_zero=True), recurrent,
        layers.Dense(CLASSES),
    ])  # fmt: skip


LAYERS: dict[str, Callable[[], keras.Model]] = {
    "attention": _attention,
    "branches": _branches,
    "text": _text,
    "lstm": lambda: _sequential(
        (12, 6), layers.LSTM(8, return_sequences=True), layers.Bidirectional(layers.LSTM(5))
    ),
    "gru": lambda: _sequential((12, 6), layers.GRU(8, return_sequences=True), layers.GRU(5)),
    "gru from the end": lambda: _sequential(
        (12, 6), layers.GRU(8, go_backwards=True, return_sequences=True, reset_after=False),
        layers.GlobalAveragePooling1D(),
    ),
    "simple rnn": lambda: _sequential(
        (12, 6), layers.Bidirectional(layers.SimpleRNN(7, return_sequences=True)),
        layers.SimpleRNN(5, activation="relu"),
    ),
    "conv lstm": lambda: _sequential(
        (4, 12, 12, 2), layers.ConvLSTM2D(5, 3, padding="same", return_sequences=True),
        layers.ConvLSTM2D(3, 3, strides=2), layers.GlobalAveragePooling2D(),
    ),
    "masked lstm": lambda: _masked(layers.LSTM(6)),
    "masked gru": lambda: _masked(layers.Bidirectional(layers.GRU(6))),
    "masked series": lambda: _sequential(
        (12, 6), layers.Masking(0.0), layers.GRU(8, return_sequences=True), layers.LSTM(5)
    ),
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


def _gradient(make: Callable[[], keras.Model], net: keras.Model, path: Path) -> None:
    """Note the gradient of the last class, with the same weights in float64."""
    if "int" in net.inputs[0].dtype:
        return
    keras.config.set_dtype_policy("float64")
    try:
        wide = make()
    finally:
        keras.config.set_dtype_policy("float32")
    wide.set_weights(net.get_weights())
    shape = (2, *net.inputs[0].shape[1:])
    x = tf.constant(np.random.default_rng(2).standard_normal(shape))
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = tf.reduce_sum(wide(x, training=False)[:, -1])
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, x=x.numpy(), gradient=tape.gradient(score, x).numpy())


def main(folder: Path, pattern: str) -> None:
    """Write every form of every network."""
    makers = {n: partial(application, n, s) for n, s in APPLICATIONS.items()} | LAYERS

    def note(name: str, net: keras.Model) -> None:
        if name in LAYERS:
            _gradient(LAYERS[name], net, folder / "gradients" / f"{name}.npz")

    write_missing(folder, pattern, makers, FORMS, note)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
