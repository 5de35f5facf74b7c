"""How far the gradients of the two engines agree: for `inspect --parity`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from onnxplain.errors import ConversionError, UnsupportedModelError, UsageError

if TYPE_CHECKING:
    from onnxplain.inputs.picture import Picture
    from onnxplain.model.model import Model


def gradient_parity(model: Model, picture: Picture) -> dict[str, Any]:
    """Compare the gradient of the predicted score at the input, from both engines.

    Parameters
    ----------
    model : Model
        What `onnxplain.load` returned.
    picture : Picture
        The picture.

    Returns
    -------
    dict
        ``target``; ``difference``: the length of the difference of both gradients, as a share of
        that of PyTorch's; ``correlation`` of both; ``slope_error``: how far ONNX Runtime's
        gradients are from adding up to what its forward passes show. Or ``target`` and
        ``problem``: why ONNX Runtime gives no gradients of this model.
    """
    network = model.network
    name = network.image.name
    target = model.target(None, model.predict(picture), picture=picture)
    said = {"target": target.describe()}
    try:
        ours = network.slopes.from_onnx(picture.x, [target], [name]).gradients[0][name]
    except (ConversionError, UnsupportedModelError, UsageError) as error:
        return {**said, "problem": str(error)}
    assert network.slopes.check is not None
    theirs = network.torch.pull_back(picture.x, [target], [name]).gradients[0][name]
    one, other = (g.astype(np.float64).ravel() for g in (ours, theirs))
    length = float(np.linalg.norm(other))
    spread = float(np.std(one) * np.std(other))
    return {
        **said,
        "difference": float(np.linalg.norm(one - other)) / length if length else None,
        "correlation": float(np.corrcoef(one, other)[0, 1]) if spread else None,
        "slope_error": network.slopes.check.error,
    }
