"""Put the sampled maps of several pictures together, with what is known about their error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.attribution import Attribution
from onnxplain.explanations.display import reduce_channels
from onnxplain.perturb.anytime import Sampling, relative_error

Run = tuple[Sampling, NDArray[np.float64], NDArray[np.float64], Mapping[str, NDArray[Any]]]
_PLACES = ("H", "W")


def constant_score(scores: NDArray[np.float64]) -> tuple[str, ...]:
    """Warn where the scores of changed pictures are all the same, so that nothing can be shared."""
    if np.ptp(scores) > 0:
        return ()
    return (
        "the score is the same under every mask, so the map is zero everywhere; use another fill "
        "(fill_with=mean), or --kind logit",
    )


def sampled(
    runs: Sequence[Run],
    *,
    axes: tuple[str, ...] = _PLACES,
    parameters: Mapping[str, Any] | None = None,
    measures: Mapping[str, NDArray[np.float64]] | None = None,
    notes: Mapping[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
) -> Attribution:
    """Join the runs of all pictures.

    Parameters
    ----------
    runs : sequence of (Sampling, array, (H, W) array, mapping)
        For each picture how it was sampled, the map, the standard error of its sum over
        channels, and further maps.
    axes : tuple of str
        Meaning of each axis of a map: C, H, W.
    parameters, measures, notes : mapping, optional
        Of the method itself.
    warnings : tuple of str
        Why the maps may not be what the method promises.

    Returns
    -------
    Attribution
        (N, ...); map ``standard_error``, measures ``samples`` and ``relative_error`` (see
        `onnxplain.perturb.anytime.relative_error`); note ``sampling_ended``.
    """
    samplings, values, errors, maps = zip(*runs, strict=True)
    joined = {k: np.stack([m[k] for m in maps]) for k in maps[0]}
    return Attribution(
        np.stack(values),
        axes,
        parameters=parameters or {},
        measures={
            "samples": np.array([float(s.done) for s in samplings]),
            "relative_error": np.array(
                [
                    relative_error(reduce_channels(v, axes), e)
                    for v, e in zip(values, errors, strict=True)
                ]
            ),
            **(measures or {}),
        },
        maps={"standard_error": np.stack(errors), **joined},
        notes={"sampling_ended": [s.end for s in samplings], **(notes or {})},
        warnings=warnings,
    )
