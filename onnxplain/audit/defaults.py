"""What an audit asks if nobody says: what the model and the data allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onnxplain.audit.config import AuditConfig
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model
from onnxplain.model.obstacles import obstacles

# The first needs a layer with places, the second gradients; the last one works with any
# model and takes a hundred times as long.
_QUICK, _ALWAYS = ("grad-cam", "lrp"), "occlusion"
_WITH_MASKS = ("energy-in-mask",)


def default_config(model: Model, samples: Sequence[Sample]) -> AuditConfig:
    """Questions that make sense for a model and a data set.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        The data set.
    """
    base = AuditConfig()
    reasons = obstacles(model.network)
    methods = tuple(name for name in _QUICK if not reasons[name]) or (_ALWAYS,)
    measures = base.measures
    if any(sample.has_mask or sample.annotation for sample in samples):
        measures = (*measures, *_WITH_MASKS)
    return replace(base, methods=methods, measures=measures)
