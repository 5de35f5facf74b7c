"""An audit: what is asked of which model over which data, and where its results are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import Examined, examine, methods_for
from onnxplain.audit.store import Store
from onnxplain.evaluate.boxes.truth import Truth
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model


@dataclass(frozen=True)
class Audit:
    """Everything that the steps of an audit need.

    Attributes
    ----------
    model : Model
        What is audited.
    samples : sequence of Sample
        The data set.
    config : AuditConfig
        The questions.
    methods : sequence of str
        Those of the questions that the model allows, see `onnxplain.audit.examine.methods_for`.
    store : Store
        The results, all of them or those so far.
    truth : Truth, optional
        What is annotated, for a detector.
    """

    model: Model
    samples: Sequence[Sample]
    config: AuditConfig
    methods: Sequence[str]
    store: Store
    truth: Truth | None = None

    @property
    def left_out(self) -> list[str]:
        """Methods that the model does not allow, and why."""
        return methods_for(self.model, self.config, self.truth)[1]

    def examine(self, number: int) -> Examined:
        """Examine one picture in this process; see `onnxplain.audit.examine.examine`."""
        return examine(
            self.model, self.samples[number], self.methods, self.config, number, self.truth
        )
