"""How the measures are made that can be made in more ways than one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from onnxplain.errors import UsageError
from onnxplain.evaluate.fitted import Fit

Order = Literal["cascading", "independent"]


@dataclass(frozen=True)
class Settings:
    """Choices that the measures are computed with; the defaults are those of their papers.

    Attributes
    ----------
    step : int, optional
        Pixels that deletion and insertion exchange at a time; a row if not given.
    deleted : str
        What pixels become that are taken away; see `onnxplain.perturb.fills.fill`.
    inserted : str
        What insertion begins with.
    fit : Fit, optional
        Measure deletion and insertion at as few points as their areas need to be that close to
        those of all points; all points if not given.
    strong : float
        Share of the pixels that count as the strongest, in (0, 1).
    order : {"cascading", "independent"}
        Whether randomisation takes the weights of all layers from the output on, or of one
        layer at a time.
    stages : int
        How many times it does so.

    Raises
    ------
    UsageError
        If a number is out of range.
    """

    step: int | None = None
    deleted: str = "black"
    inserted: str = "blur"
    # The founding slides give accuracies but not where "strong" begins: a fifth is our choice.
    strong: float = 0.2
    order: Order = "cascading"
    stages: int = 6
    fit: Fit | None = None

    def __post_init__(self) -> None:
        if not 0 < self.strong < 1:
            raise UsageError(f"the share must lie between 0 and 1, not be {self.strong:g}")
        if self.stages < 1 or (self.step is not None and self.step < 1):
            raise UsageError("a number of steps or stages must be 1 or more")
