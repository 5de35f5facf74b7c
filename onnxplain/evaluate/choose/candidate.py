"""What a method is chosen from: methods with parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onnxplain.errors import MethodRefusedError
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.model import Model
from onnxplain.model.obstacles import obstacles

# One of each kind that takes seconds at most, and two for transformers.
DEFAULT = (
    "grad-cam",
    "layercam",
    "gradient-x-input",
    "lrp",
    "attn-lrp",
    "attention-rollout",
    "occlusion",
)


@dataclass(frozen=True)
class Candidate:
    """A method with parameters.

    Attributes
    ----------
    method : str
        Its name.
    parameters : mapping of str
        Those that are given, as text or values.
    """

    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The method, with the parameters that are given: no two candidates have the same."""
        given = ", ".join(f"{k}={v}" for k, v in sorted(self.parameters.items()))
        return f"{self.method} ({given})" if given else self.method

    @property
    def values(self) -> dict[str, str]:
        """All parameters as texts, defaults among them: how two candidates are compared."""
        found = check_parameters(find(self.method), self.parameters)
        return {key: str(value) for key, value in found.items()}


def default_candidates(model: Model) -> list[Candidate]:
    """Return those of `DEFAULT` that a model allows.

    Raises
    ------
    MethodRefusedError
        If it allows none.
    """
    reasons = obstacles(model.network)
    found = [Candidate(name) for name in DEFAULT if not reasons[name]]
    if not found:
        raise MethodRefusedError("; ".join(f"{name}: {reasons[name]}" for name in DEFAULT))
    return found
