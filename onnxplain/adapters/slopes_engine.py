"""Which engine gives derivatives: ONNX Runtime where it can and is checked, PyTorch elsewhere.

See ``docs/decisions/030-engines.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from onnxplain.adapters.base import (
    Adapter,
    Array,
    Propagation,
    PullBack,
    Seed,
    starts_of,
)
from onnxplain.adapters.changes import Engine, WindowChanges, WindowRun
from onnxplain.adapters.slope_check import TOLERANCE, SlopeCheck, check_slopes
from onnxplain.adapters.symbolic import SymbolicAdapter
from onnxplain.errors import (
    ConversionError,
    MethodRefusedError,
    ParityError,
    UnsupportedModelError,
    UsageError,
)
from onnxplain.graph.extract import find_part
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.view import Graph
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.kinds import Rectification

_OTHERWISE = "choose --engine pytorch"
_OBSTACLES = (ConversionError, UnsupportedModelError, UsageError)
# Tensors at which slopes start, and those whose derivatives are wanted.
_Way = tuple[tuple[str, ...], tuple[str, ...]]
_Found = TypeVar("_Found")


class SlopesEngine:
    """Derivatives from ONNX Runtime, and from PyTorch what it does not give.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The input that varies.
    symbolic : SymbolicAdapter
        Derivatives in ONNX Runtime.
    pytorch : callable
        Opens PyTorch, or refuses; called when it is needed.
    example : callable
        Returns an input on which derivatives are checked.
    only : bool
        Refuse what ONNX Runtime does not give.

    Attributes
    ----------
    device : str
        What gave the latest answer.
    check : SlopeCheck or None
        Of ONNX Runtime's derivatives in that answer.
    obstacle : str
        Why PyTorch gave it in the place of ONNX Runtime; empty if it did not.
    """

    def __init__(
        self,
        graph: Graph,
        image: ImageInput,
        symbolic: SymbolicAdapter,
        pytorch: Callable[[], Adapter],
        example: Callable[[], Array],
        *,
        only: bool = False,
    ) -> None:
        self._graph, self._image = graph, image
        self._symbolic, self._pytorch, self._only = symbolic, pytorch, only
        self._example = example
        self._checks: dict[_Way, SlopeCheck] = {}
        self._obstacles: dict[_Way, str] = {}
        self.capabilities = symbolic.capabilities
        self.device = symbolic.device
        self.check: SlopeCheck | None = None
        self.obstacle = ""

    def activations(self, x: Array, names: Sequence[str]) -> dict[str, Array]:
        """Return the named tensors; see `Adapter`."""
        return self._symbolic.activations(x, names)

    def pull_back(
        self,
        x: Array,
        seeds: Sequence[Seed],
        names: Sequence[str],
        *,
        rectify: Rectification | None = None,
        resample: bool = False,
        baseline: Array | None = None,
    ) -> PullBack:
        """Carry slopes back; see `Adapter`.

        Raises
        ------
        ConversionError, ParityError, MethodRefusedError
            If only ONNX Runtime may, and it cannot.
        """
        plain = rectify is None and not resample and baseline is None
        return self._ours_or_theirs(
            (starts_of(seeds), tuple(names)),
            None if plain else "computes plain derivatives only, and this method modifies the "
            "backward pass",
            lambda: self.from_onnx(x, seeds, names),
            lambda other: other.pull_back(
                x, seeds, names, rectify=rectify, resample=resample, baseline=baseline
            ),
            _OBSTACLES,
        )  # fmt: skip

    def from_onnx(self, x: Array, seeds: Sequence[Seed], names: Sequence[str]) -> PullBack:
        """Return ONNX Runtime's checked derivatives.

        Raises
        ------
        ConversionError, ParityError, UnsupportedModelError, UsageError
            If there are none, or they do not add up.
        """
        starts = starts_of(seeds)
        check = self._agreeing(starts, self._passed(starts, names), x)
        found = self._symbolic.pull_back(x, seeds, names)
        self.device, self.check, self.obstacle = self._symbolic.device, check, ""
        return found

    def _agreeing(self, starts: tuple[str, ...], passed: tuple[str, ...], x: Array) -> SlopeCheck:
        check = self._check(starts, passed, x)
        if not check.agrees:
            raise ParityError(
                "the derivatives in ONNX nodes do not match ONNX Runtime's forward passes: error "
                f"{check.error:.2g} of the change, tolerance {TOLERANCE:g}; {_OTHERWISE}"
            )
        return check

    def _check(self, starts: tuple[str, ...], passed: tuple[str, ...], x: Array) -> SlopeCheck:
        """Check once, on an input of the model's own.

        The choice between two engines must not depend on which picture came first. If there is
        no choice, a score that does not answer to that input may still answer to this one.
        """
        key = (starts, passed)
        if key not in self._checks:
            inputs = [self._example(), *([x[:1]] if self._only else [])]
            for one in inputs:
                found = check_slopes(self._symbolic.pull_back, one, self._image, starts, passed)
                if found.agrees:
                    break
            self._checks[key] = found
        return self._checks[key]

    def _passed(self, starts: tuple[str, ...], names: Sequence[str]) -> tuple[str, ...]:
        """Where all that the signals owe to the picture passes: a named tensor, or the input."""
        image = self._image.name
        if len(names) == 1 and image not in find_part(self._graph, starts, names).entering:
            return tuple(names)
        return (image,)

    def relevance(
        self,
        x: Array,
        seeds: Sequence[Seed],
        composite: Composite,
        names: Sequence[str],
        *,
        keep: Mapping[str, Array] | None = None,
    ) -> list[Propagation]:
        """Return the relevance of the named tensors; see `Adapter`.

        Raises
        ------
        ConversionError, ParityError, MethodRefusedError
            If only ONNX Runtime may, and it cannot.
        """
        return self._ours_or_theirs(
            (starts_of(seeds), ("relevance", *names)),
            "carries back the relevance of all channels, not of chosen ones" if keep else None,
            lambda: self.relevance_from_onnx(x, seeds, composite, names),
            lambda other: other.relevance(x, seeds, composite, names, keep=keep),
            (*_OBSTACLES, MethodRefusedError),
        )

    def relevance_from_onnx(
        self, x: Array, seeds: Sequence[Seed], composite: Composite, names: Sequence[str]
    ) -> list[Propagation]:
        """Return ONNX Runtime's relevance.

        Its rules are made of the derivatives of the nodes that it passes, so that these are
        checked first.

        Raises
        ------
        ConversionError, ParityError, MethodRefusedError, UnsupportedModelError, UsageError
            If there is none, or the derivatives do not add up.
        """
        starts, passed = starts_of(seeds), (self._image.name,)
        if (starts, passed) not in self._checks:
            self._symbolic.open_relevance(x, seeds, composite, names)
        check = self._agreeing(starts, passed, x)
        found = self._symbolic.relevance(x, seeds, composite, names)
        self.device, self.check, self.obstacle = self._symbolic.device, check, ""
        return found

    def _ours_or_theirs(
        self,
        way: _Way,
        lacks: str | None,
        ours: Callable[[], _Found],
        theirs: Callable[[Adapter], _Found],
        obstacles: tuple[type[Exception], ...],
    ) -> _Found:
        """Return what ONNX Runtime gives, or PyTorch where it `lacks` something or cannot."""
        if lacks is not None:
            if self._only:
                raise MethodRefusedError(f"ONNX Runtime {lacks}; {_OTHERWISE}")
        elif way not in self._obstacles:
            try:
                return ours()
            except obstacles as error:
                if self._only:
                    raise
                self._obstacles[way] = str(error)
        other = self._pytorch()
        self.device, self.check = other.device, None
        self.obstacle = self._obstacles.get(way, "")
        return theirs(other)

    def windowed(
        self, base: Array, changes: WindowChanges, names: Sequence[str], *, engine: Engine = "auto"
    ) -> WindowRun:
        """Return the named tensors for changed inputs; see `Adapter`."""
        return self._symbolic.windowed(base, changes, names, engine=engine)

    def rerun_from(
        self, x: Array, tensor: str, values: Array, names: Sequence[str]
    ) -> dict[str, Array]:
        """Return the named tensors when `tensor` had other values; see `Adapter`."""
        return self._symbolic.rerun_from(x, tensor, values, names)
