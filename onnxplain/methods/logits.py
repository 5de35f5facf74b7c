"""Methods that start at the numbers in front of the final activation."""

from __future__ import annotations

from onnxplain.errors import MethodRefusedError
from onnxplain.network.network import Network
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target


def require_logit(what: str, network: Network, target: Target) -> None:
    """Refuse the probability of a class where the model has its logit.

    Parameters
    ----------
    what : str
        The method, with its verb, for example ``"cam explains"``.
    network : Network
        The model.
    target : Target
        What is explained.

    Raises
    ------
    MethodRefusedError
        If the target is not linear in its tensors, or is read after a final activation.
    """
    activated = isinstance(target, ClassScore) and target.kind != "logit" and network.has_logits
    if activated or (isinstance(target, ClassScore) and not target.is_linear):
        raise MethodRefusedError(
            f"{what} logits, and the target is a {target.unit}; drop --kind, or use a method that "
            "takes gradients (grad-cam) or forward passes (occlusion)"
        )
