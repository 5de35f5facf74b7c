"""What was found when a method was chosen for a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

BEATS: Final = "beats the controls"
UNDECIDED: Final = "undecided"
NONE: Final = "no method does"
Conclusion = Literal["beats the controls", "undecided", "no method does"]
# Share of wrong "beats the controls" that is allowed, in a choice and in a picture.
ALPHA = 0.05
FORMAT = 1


@dataclass(frozen=True)
class Standing:
    """One candidate by one measure, beside the control that is hardest to beat.

    Attributes
    ----------
    mean, low, high : float
        Over the pictures, with the 95 % interval of the mean.
    control : str
        The control with the largest chance; the candidate has to beat every one.
    difference, difference_low, difference_high : float
        Candidate less control, picture by picture, in the direction that is better: mean and
        95 % interval.
    chance : float
        One-sided p-value of these differences (signed ranks, exact).
    adjusted : float
        The same, corrected for all candidates and measures (Holm).
    """

    mean: float
    low: float
    high: float
    control: str
    difference: float
    difference_low: float
    difference_high: float
    chance: float
    adjusted: float = 1.0

    @property
    def beats(self) -> bool:
        """Whether every control is beaten."""
        return self.adjusted <= ALPHA


@dataclass(frozen=True)
class Finding:
    """One candidate.

    Attributes
    ----------
    method : str
        Its method.
    parameters : mapping of str to str
        Those that were given.
    values : mapping of str to str
        All parameters, defaults among them.
    conclusion : str
        Of its faithfulness; `NONE` says here that it does not.
    standings : mapping of str to Standing
        By measure.
    null : sequence of float
        What faithfulness gives its maps of networks with shuffled weights.
    alike, robust, agreement, seconds : float, optional
        Means: rank correlation of those maps' magnitudes with its own; agreement with the map of
        the compressed picture; with the other candidates; seconds for each map.
    """

    method: str
    parameters: Mapping[str, str]
    values: Mapping[str, str]
    conclusion: Conclusion
    standings: Mapping[str, Standing]
    null: Sequence[float]
    alike: float | None = None
    robust: float | None = None
    agreement: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Choice:
    """All candidates of a model, and which of them is best.

    Attributes
    ----------
    findings : mapping of str to Finding
        By label, the most faithful first.
    best : str
        Label of the one that is chosen; where none beats the controls, of the most faithful.
    tied : sequence of str
        Labels of those that as many pictures do not tell from it.
    conclusion : str
        Whether it beats the controls.
    pictures : int
        That were measured.
    controls : mapping of str to mapping of str to float
        Mean of each control by measure.
    about : mapping
        Model and preprocessing digests, target, seed, versions, data.
    problems : sequence of str
        What was left out, and why.
    remarks : sequence of str
        What a reader has to know, such as that the pictures are too few.
    """

    findings: Mapping[str, Finding]
    best: str
    tied: Sequence[str]
    conclusion: Conclusion
    pictures: int
    controls: Mapping[str, Mapping[str, float]]
    about: Mapping[str, Any] = field(default_factory=dict)
    problems: Sequence[str] = ()
    remarks: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; see `onnxplain.evaluate.choose.kept.read_choice`."""
        record = asdict(self)
        return {"format": FORMAT, "kind": "choice", **record}


def in_all(conclusions: Sequence[str]) -> Conclusion:
    """Sum up the verdicts of several methods: one that beats the controls is enough."""
    if BEATS in conclusions:
        return BEATS
    return NONE if set(conclusions) == {NONE} else UNDECIDED
