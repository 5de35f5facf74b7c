"""Can the map of this one picture be trusted: its rank among blind maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.evaluate.case import Case, stream
from onnxplain.evaluate.choose.choice import (
    ALPHA,
    BEATS,
    NONE,
    UNDECIDED,
    Choice,
    Conclusion,
    Finding,
)
from onnxplain.evaluate.choose.rate import said_rate
from onnxplain.evaluate.controls import CONTROLS
from onnxplain.evaluate.imputed_regions import Probe, probe_of
from onnxplain.evaluate.matched import matched_maps
from onnxplain.evaluate.significance import rank_among
from onnxplain.inputs.picture import Picture
from onnxplain.model.model import Model
from onnxplain.targets.target import Target

# Random maps that a map is compared with: the least chance is one in two hundred.
MATCHED = 199
# Their stream of random numbers, see `Case.stream`.
_STREAM = 6


@dataclass(frozen=True)
class Verdict:
    """What is said of the map of one picture.

    Attributes
    ----------
    words : {"beats the controls", "undecided", "no method does"}
        The verdict.
    why : str
        In a clause.
    method : str
        Label of the candidate.
    faithfulness : float, optional
        Rank correlation of the evidence in imputed regions with the drop of the score.
    matched_chance, shuffled_chance : float, optional
        Its rank among random maps with its own values and spectrum, and among the candidate's maps
        of networks with shuffled weights, as shares.
    chance : float, optional
        The larger of both, times the methods that are judged on the picture.
    blind : mapping of str to float
        Faithfulness of maps of this picture that never look at the model.
    """

    words: Conclusion
    why: str
    method: str
    faithfulness: float | None = None
    matched_chance: float | None = None
    shuffled_chance: float | None = None
    chance: float | None = None
    blind: Mapping[str, float] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The verdict as people read it, with how often it is wrong."""
        told = self.why if self.words == UNDECIDED else f"{self.why}; {said_rate()}"
        return f"{self.words}: {told}" if self.words != BEATS else f"beats the controls ({told})"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "verdict": self.words,
            "why": self.why,
            "method": self.method,
            "faithfulness": self.faithfulness,
            "matched_chance": self.matched_chance,
            "shuffled_chance": self.shuffled_chance,
            "chance": self.chance,
            "blind": dict(self.blind),
            "error_rate": said_rate(),
            "sentence": self.sentence,
        }


class Judge:
    """Judges the maps of one picture; what it needs of the model is measured once.

    Parameters
    ----------
    model : Model
        The model.
    picture : Picture
        The picture.
    target, start : Target
        What is explained, as `onnxplain.evaluate.cases.targets_of` gives it.
    choice : Choice
        What was measured on the model.
    seed : int
        Of regions and random maps.
    methods : int
        How many methods are judged on this picture; chances are multiplied by it (Bonferroni).
    """

    def __init__(
        self,
        model: Model,
        picture: Picture,
        target: Target,
        start: Target,
        choice: Choice,
        *,
        seed: int = 0,
        methods: int = 1,
    ) -> None:
        self._choice, self._seed, self._methods, self._picture = choice, seed, methods, picture
        flat = np.zeros(picture.pixels.shape[:2])
        case = Case(model, picture, target, flat, lambda _: flat, None, None, seed, "", start=start)
        self._probe: Probe | None = None
        self._silent = ""
        self._blind: dict[str, float] = {}
        try:
            self._probe = probe_of(case)
        except NumericalError as error:
            self._silent = str(error)
        else:
            self._blind = {
                name: self._probe.correlation(control(picture.pixels, stream(seed, picture, 1)))
                for name, control in CONTROLS.items()
            }

    def of(self, label: str, heatmap: NDArray[Any]) -> Verdict:
        """Judge a map (H, W) of a candidate, as pictures of it show it."""
        finding = self._choice.findings[label]
        if self._probe is None:
            return Verdict(UNDECIDED, self._silent, label)
        cells = self._probe.cells(heatmap)
        value = float(self._probe.correlations(cells[None])[0])
        rng = stream(self._seed, self._picture, _STREAM)
        others = self._probe.correlations(matched_maps(cells, MATCHED, rng))
        matched, lost = rank_among(value, others), rank_among(value, finding.null)
        chance = min(1.0, self._methods * max(matched, lost))
        words, why = _words(finding, value, chance, self._blind)
        return Verdict(words, why, label, value, matched, lost, chance, self._blind)


def _words(
    finding: Finding, value: float, chance: float, blind: Mapping[str, float]
) -> tuple[Conclusion, str]:
    """Say what follows, and from what."""
    strongest = max(blind, key=lambda name: blind[name])
    if finding.conclusion == NONE:
        return NONE, f"{finding.method} does not beat them on the pictures of the choice"
    if value <= blind[strongest]:
        return NONE, (
            f"the blind map {strongest!r} follows the score as well ({blind[strongest]:.2f}, "
            f"this one {value:.2f})"
        )
    if finding.conclusion == UNDECIDED:
        return UNDECIDED, f"{finding.method} is undecided on the pictures of the choice"
    if chance > ALPHA:
        return UNDECIDED, f"blind maps do as well by chance (p = {chance:.2g})"
    return BEATS, f"p = {chance:.2g}"
