"""Store a small MobileNet as Keras exports it, for tests of what is computed window by window.

In an environment with the Keras packages that models/build/requirements.txt names::

    PYTHONPATH=. python tests/oracles/make_keras_mobile.py

The input is NHWC and odd in both directions. The three strides of two are padded as Keras does it:
by "same", which pads the odd sizes on both sides and the even ones on one side only, and by a layer
of zeros below and to the right, as in the original MobileNet.
"""

from pathlib import Path

# First, because it sets what TensorFlow reads when it is imported.
from models.build.keras_export import OPSET, repeatable  # isort: skip

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers

FILE = Path(__file__).with_name("keras_mobile.onnx")
HEIGHT, WIDTH = 61, 75


def bottleneck(x: keras.KerasTensor, filters: int, stride: int, *, zeros: bool = False):
    """Expand, filter depthwise, project; with a shortcut if shapes allow."""
    y = layers.Conv2D(3 * x.shape[-1], 1, use_bias=False)(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    if zeros:
        y = layers.ZeroPadding2D(((0, 1), (0, 1)))(y)
    padding = "valid" if zeros else "same"
    y = layers.DepthwiseConv2D(3, stride, padding, use_bias=False)(y)
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    y = layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(y))
    return layers.Add()([x, y]) if stride == 1 and x.shape[-1] == filters else y


def network() -> keras.Model:
    """MobileNetV2 in small."""
    image = keras.Input((HEIGHT, WIDTH, 3))
    x = layers.Conv2D(8, 3, 2, "same", use_bias=False)(image)  # 31 x 38
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = bottleneck(x, 8, 1)
    x = bottleneck(x, 16, 2)  # 16 x 19
    x = bottleneck(x, 16, 1)
    x = bottleneck(x, 24, 2, zeros=True)  # 8 x 9
    x = layers.Conv2D(32, 1, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(5, activation="softmax")(x))


def trained_like(model: keras.Model) -> keras.Model:
    """Give every BatchNorm the statistics of random pictures, and a scale and shift of its own."""
    draw = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
            layer.gamma.assign(draw.uniform(0.6, 1.4, layer.gamma.shape))
            layer.beta.assign(draw.normal(0.1, 0.3, layer.beta.shape))
    model(draw.uniform(-1, 1, (8, HEIGHT, WIDTH, 3)).astype(np.float32), training=True)
    return model


if __name__ == "__main__":
    repeatable()
    model = trained_like(network())
    signature = [tf.TensorSpec((None, HEIGHT, WIDTH, 3), tf.float32, name="image")]
    function = tf.function(lambda image: model(image, training=False), input_signature=signature)
    tf2onnx.convert.from_function(
        function, input_signature=signature, opset=OPSET, output_path=str(FILE)
    )
