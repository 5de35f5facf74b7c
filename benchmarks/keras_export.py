"""Write Keras networks as ONNX files; needs keras, tensorflow and tf2onnx, nothing of onnxplain."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers


def application(name: str, side: int) -> keras.Model:
    """A network of keras.applications with random weights and ten classes."""
    settings = {"weights": None, "input_shape": (side, side, 3), "classes": 10}
    return getattr(keras.applications, name)(**settings)


def write_missing(
    folder: Path,
    pattern: str,
    makers: Mapping[str, Callable[[], keras.Model]],
    forms: Mapping[str, int | None],
    note: Callable[[str, keras.Model], None],
) -> None:
    """Write FOLDER/FORM/NETWORK.onnx where it is missing, and failures to FOLDER/not made.json.

    Parameters
    ----------
    folder : Path
        Where to write.
    pattern : str
        Only what "Keras NETWORK FORM" matches.
    makers : mapping of str to callable
        What builds each network.
    forms : mapping of str to int or None
        The opset for tf2onnx; ``None`` is Keras's own export.
    note : callable
        Told of each network that is written, by its name.
    """
    record = folder / "not made.json"
    failed = json.loads(record.read_text()) if record.is_file() else {}
    for name, make in makers.items():
        missing = {
            form: opset
            for form, opset in forms.items()
            if re.search(pattern, f"Keras {name} {form}")
            and not (folder / form / f"{name}.onnx").is_file()
        }
        if not missing:
            continue
        # Names of layers are counted from the beginning of a session.
        keras.backend.clear_session()
        keras.utils.set_random_seed(0)
        net = make()
        _calibrate(net)
        folder.mkdir(parents=True, exist_ok=True)
        note(name, net)
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
