"""Build models/digits-keras.onnx: Keras' sibling of digits-gap, with an NHWC input.

Of the same data and the same split, so that the two can be asked whether they see the same.
"""

# First, because it sets what TensorFlow reads when it is imported.
from keras_export import accuracy, conv_unit, fit, repeatable, to_onnx  # isort: skip

import keras
from digits_data import LABELS, load_splits
from keras import layers
from publish import gray_preprocess, publish

SIDE = 8


def network() -> keras.Model:
    """Three convolutions with BatchNorm and ReLU, global average pooling, softmax."""
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="image"),
            *conv_unit(16),
            *conv_unit(24),
            *conv_unit(32),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(LABELS), activation="softmax"),
        ]
    )


def main() -> None:
    repeatable()
    training, test = load_splits()
    model = network()
    fit(model, *training, epochs=60, batch=64, peak_rate=8e-3)
    print(f"test accuracy {accuracy(model, *test):.4f} of {len(test.classes)}")
    publish(to_onnx(model, SIDE), "digits-keras", LABELS, gray_preprocess("digits", "NHWC", SIDE))


if __name__ == "__main__":
    main()
