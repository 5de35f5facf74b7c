"""Train a Keras classifier of gray pictures repeatably, and export it with its NHWC input.

Runs in an environment with TensorFlow and tf2onnx; nothing else of the project needs them.
"""

import os

# Must be set before TensorFlow is imported: sums on a GPU would depend on the machine.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import layers

OPSET = 17


def repeatable() -> None:
    """Fix the seeds, and one thread."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()


def conv_unit(filters: int) -> list[layers.Layer]:
    return [
        layers.Conv2D(filters, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]


def to_input(images: np.ndarray) -> np.ndarray:
    """Turn (N, H, W) uint8 images into (N, H, W, 1) float32 in 0..1."""
    return images[..., None].astype(np.float32) / np.float32(255)


def fit(
    model: keras.Model,
    images: np.ndarray,
    classes: np.ndarray,
    *,
    epochs: int,
    batch: int,
    peak_rate: float,
) -> None:
    steps = epochs * -(-len(images) // batch)
    model.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(peak_rate, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(to_input(images), classes, batch_size=batch, epochs=epochs, verbose=2)


def accuracy(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> float:
    predicted = model.predict(to_input(images), batch_size=500, verbose=0).argmax(1)
    return float((predicted == classes).mean())


def to_onnx(model: keras.Model, side: int) -> onnx.ModelProto:
    signature = [tf.TensorSpec((None, side, side, 1), tf.float32, name="image")]

    # A tf.function, because tf2onnx.convert.from_keras reads attributes that Keras 3 dropped.
    @tf.function(input_signature=signature)
    def probabilities(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": model(image, training=False)}

    proto, _ = tf2onnx.convert.from_function(probabilities, input_signature=signature, opset=OPSET)
    # tf2onnx invents a name per unknown axis; one name says that input and output share it.
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    return proto
