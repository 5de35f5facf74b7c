"""Build models/fashion-cnn.onnx: a Keras classifier that keeps its NHWC input.

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
from fashion_data import LABELS, load_split
from keras import layers
from publish import gray_preprocess, publish

EPOCHS = 8
BATCH = 128
OPSET = 17


def network() -> keras.Model:
    """Three convolutions with BatchNorm and ReLU, global average pooling, softmax."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            *conv_unit(24),
            layers.MaxPooling2D(),
            *conv_unit(48),
            layers.MaxPooling2D(),
            *conv_unit(64),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(LABELS), activation="softmax"),
        ]
    )


def conv_unit(filters: int) -> list[layers.Layer]:
    return [
        layers.Conv2D(filters, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]


def train() -> keras.Model:
    images, classes = load_split("train")
    x = to_input(images)
    steps = EPOCHS * -(-len(x) // BATCH)
    model = network()
    model.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(4e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x, classes, batch_size=BATCH, epochs=EPOCHS, verbose=2)
    return model


def to_input(images: np.ndarray) -> np.ndarray:
    """Turn (N, 28, 28) uint8 images into (N, 28, 28, 1) float32 in 0..1."""
    return images[..., None].astype(np.float32) / np.float32(255)


def to_onnx(model: keras.Model) -> onnx.ModelProto:
    signature = [tf.TensorSpec((None, 28, 28, 1), tf.float32, name="image")]

    # A tf.function, because tf2onnx.convert.from_keras reads attributes that Keras 3 dropped.
    @tf.function(input_signature=signature)
    def probabilities(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": model(image, training=False)}

    proto, _ = tf2onnx.convert.from_function(probabilities, input_signature=signature, opset=OPSET)
    # tf2onnx invents a name per unknown axis; one name says that input and output share it.
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    return proto


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    model = train()
    images, classes = load_split("t10k")
    predicted = model.predict(to_input(images), batch_size=500, verbose=0).argmax(1)
    print(f"test accuracy {(predicted == classes).mean():.4f} of {len(classes)}")
    preprocess = gray_preprocess("fashion-mnist", "NHWC", 28)
    publish(to_onnx(model), "fashion-cnn", LABELS, preprocess)


if __name__ == "__main__":
    main()
