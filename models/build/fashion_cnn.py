"""Build models/fashion-cnn.onnx: a Keras classifier that keeps its NHWC input."""

# First, because it sets what TensorFlow reads when it is imported.
from keras_export import accuracy, conv_unit, fit, repeatable, to_onnx  # isort: skip

import keras
from fashion_data import LABELS, load_split
from keras import layers
from publish import gray_preprocess, publish


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


def main() -> None:
    repeatable()
    model = network()
    fit(model, *load_split("train"), epochs=8, batch=128, peak_rate=4e-3)
    images, classes = load_split("t10k")
    print(f"test accuracy {accuracy(model, images, classes):.4f} of {len(classes)}")
    preprocess = gray_preprocess("fashion-mnist", "NHWC", 28)
    publish(to_onnx(model, 28), "fashion-cnn", LABELS, preprocess)


if __name__ == "__main__":
    main()
