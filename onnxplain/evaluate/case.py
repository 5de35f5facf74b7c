"""One map of one picture, with all that a measure may ask about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from onnxplain.evaluate.question import aim_of
from onnxplain.evaluate.randomise import RandomisedModels
from onnxplain.evaluate.sanity import SanityCheck, randomisation_check
from onnxplain.evaluate.settings import Settings
from onnxplain.explanations.explanation import Explanation
from onnxplain.inputs.picture import Picture
from onnxplain.model.model import Model
from onnxplain.network.context import Context
from onnxplain.perturb.fills import fill
from onnxplain.targets.target import Target

T = TypeVar("T")


def stream(seed: int, picture: Picture, *number: int) -> np.random.Generator:
    """Random numbers of a picture; other ones for each further number."""
    return np.random.default_rng([seed, int(picture.sha256[:8], 16), *number])


@dataclass(frozen=True)
class Case:
    """What a measure gets.

    Attributes
    ----------
    model : Model
        The model.
    picture : Picture
        The picture.
    target : Target
        What is explained; its score, a probability if the model has any, is what removal is
        measured by.
    heatmap : (H, W) array
        The map as pictures of it show it (a method may show positive evidence only).
    remap : callable
        The same method's map for another picture and the same class.
    mask : (H, W) bool array, optional
        Where the evidence is.
    label : int, optional
        The true class.
    seed : int
        Of random draws.
    method : str
        Name of the method, or of the control.
    parameters : mapping, optional
        The method's parameters, as given; ``None`` for a control.
    explanation : Explanation, optional
        The whole record; ``None`` for a control.
    settings : Settings
        How measures are made.
    lost : RandomisedModels, optional
        Models without their weights, shared by all pictures.
    start : Target, optional
        The target in front of the final activation, if the model has logits.
    shared : dict
        What was computed once for all maps of the picture, see `once_of_picture`.
    """

    model: Model
    picture: Picture
    target: Target
    heatmap: NDArray[np.float64]
    remap: Callable[[Picture], NDArray[np.float64]]
    mask: NDArray[np.bool_] | None
    label: int | None
    seed: int
    method: str
    parameters: Mapping[str, Any] | None = None
    explanation: Explanation | None = None
    settings: Settings = field(default_factory=Settings)
    lost: RandomisedModels | None = None
    start: Target | None = None
    shared: dict[Callable[[Case], Any], Any] = field(default_factory=dict)

    @property
    def aim(self) -> Target:
        """What is explained in the form that the method explains."""
        return aim_of(self.method, self.target, self.start or self.target)

    @property
    def position(self) -> tuple[int, ...]:
        """Where a dense answer is read; empty if as a whole."""
        return getattr(self.target, "position", ())

    @cached_property
    def context(self) -> Context:
        """The network and its preprocessing."""
        return Context(self.model.network, self.model.preprocess, self.seed)

    @cached_property
    def rng(self) -> np.random.Generator:
        """Random numbers that are the same for every method on this picture."""
        return stream(self.seed, self.picture)

    def stream(self, number: int) -> np.random.Generator:
        """The same, of its own for what asks by this number: from 2 on, 1 is the controls'."""
        return stream(self.seed, self.picture, number)

    def once(self, compute: Callable[[Case], T]) -> T:
        """Return what several measures need of this case, computed for the first of them."""
        if compute not in self._computed:
            self._computed[compute] = compute(self)
        found: T = self._computed[compute]
        return found

    def once_of_picture(self, compute: Callable[[Case], T]) -> T:
        """Return what every map of the picture needs alike, computed for the first of them."""
        if compute not in self.shared:
            self.shared[compute] = compute(self)
        found: T = self.shared[compute]
        return found

    @cached_property
    def _computed(self) -> dict[Callable[[Case], Any], Any]:
        return {}

    @cached_property
    def sanity(self) -> SanityCheck:
        """How much of the map is left when the model loses its weights."""
        return randomisation_check(
            self.model,
            self.picture,
            self.method,
            self.aim,
            order=self.settings.order,
            steps=self.settings.stages,
            seed=self.seed,
            parameters=self.parameters,
            lost=self.lost,
        )

    def filled(self, kind: str) -> NDArray[Any]:
        """Model input in which everything is absent; see `onnxplain.perturb.fills.fill`."""
        return fill(self.context, self.picture.x, kind)

    def score(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Return the score of the target for a batch of inputs."""
        return self.context.score(x, self.target)
