"""Put the sampled maps of several pictures together, with what is known about their error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanation import Attribution
from onnxplain.perturb.anytime import Sampling, relative_error

Run = tuple[Sampling, NDArray[np.float64], NDArray[np.float64], Mapping[str, NDArray[Any]]]


def sampled(
    runs: Sequence[Run],
    *,
    parameters: Mapping[str, Any] | None = None,
    measures: Mapping[str, NDArray[np.float64]] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> Attribution:
    """Join the runs of all pictures.

    Parameters
    ----------
    runs : sequence of (Sampling, (H, W) array, (H, W) array, mapping)
        For each picture how it was sampled, the map, its standard error, and further maps.
    parameters, measures, notes : mapping, optional
        Of the method itself.

    Returns
    -------
    Attribution
        (N, H, W); map ``standard_error``, measures ``samples`` and ``relative_error`` (see
        `onnxplain.perturb.anytime.relative_error`); note ``sampling_ended``.
    """
    samplings, values, errors, maps = zip(*runs, strict=True)
    joined = {k: np.stack([m[k] for m in maps]) for k in maps[0]}
    return Attribution(
        np.stack(values),
        ("H", "W"),
        parameters=parameters or {},
        measures={
            "samples": np.array([float(s.done) for s in samplings]),
            "relative_error": np.array(
                [relative_error(v, e) for v, e in zip(values, errors, strict=True)]
            ),
            **(measures or {}),
        },
        maps={"standard_error": np.stack(errors), **joined},
        notes={"sampling_ended": [s.end for s in samplings], **(notes or {})},
    )
