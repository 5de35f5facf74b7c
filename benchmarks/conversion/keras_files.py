"""Write Keras networks as ONNX, in an environment that has keras, tensorflow and tf2onnx.

``python keras_files.py FOLDER PATTERN`` writes FOLDER/FORM/NETWORK.onnx for every file whose
"Keras NETWORK FORM" matches, FOLDER/gradients/NETWORK.npz with an input and TensorFlow's gradient
of one score in float64, and what could not be written to FOLDER/not made.json. What is there
already is kept. It needs nothing of this project.
"""

from __future__ import annotations

import json
import os
import re
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
    makers = {n: lambda n=n, s=s: _application(n, s) for n, s in APPLICATIONS.items()} | LAYERS
    record = folder / "not made.json"
    failed = json.loads(record.read_text()) if record.is_file() else {}
    for name, make in makers.items():
        missing = {
            form: opset
            for form, opset in FORMS.items()
            if re.search(pattern, f"Keras {name} {form}")
            and not (folder / form / f"{name}.onnx").is_file()
        }
        if not missing:
            continue
        keras.utils.set_random_seed(0)
        net = make()
        _calibrate(net)
        if name in LAYERS:
            _gradient(make, net, folder / "gradients" / f"{name}.npz")
        for form, opset in missing.items():
            path = folder / form / f"{name}.onnx"
            path.parent.mkdir(parents=True, exist_ok=True)
            failed.pop(f"{form}/{name}", None)
            try:
                _write(net, opset, path)
            except Exception as error:  # exporters raise anything
                path.unlink(missing_ok=True)
                failed[f"{form}/{name}"] = f"{type(error).__name__}: {error}".splitlines()[0]
    record.write_text(json.dumps(failed, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
