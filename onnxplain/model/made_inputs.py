"""Inputs that a method makes, and to which a model has no finite answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from onnxplain.errors import NonFiniteAnswerError, NumericalError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods import Method
from onnxplain.network.context import Context
from onnxplain.targets.target import Target

# Parameters that say what stands in the picture's place.
_STAND_INS = {"baseline": "baseline", "fill_with": "fill"}


def run_method(
    method: Method, context: Context, x: NDArray[Any], target: Target, values: Mapping[str, Any]
) -> Attribution:
    """Run a method on a picture whose own score is finite.

    Raises
    ------
    NumericalError
        If the model answers NaN or Inf to an input that the method made of it.
    """
    try:
        return method.function(context, x, target, **values)
    except NonFiniteAnswerError as error:
        way = "use another method (-m cam, -m occlusion)"
        for name, meant in _STAND_INS.items():
            if name in method.parameters:
                now = values.get(name, method.parameters[name].default)
                way = f"choose another {meant} than {now} (-p {name}=blur)"
        raise NumericalError(
            f"{method.name}: {error.found} for an input that this method makes, but not for the "
            f"picture: {way}"
        ) from error
