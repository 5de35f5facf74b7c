"""Engines that users of the library add; see docs/extending.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from onnxplain.adapters.base import Adapter, Array
from onnxplain.adapters.batches import never
from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.view import Graph

# Those of the library itself, which need no registration.
OWN = ("onnxruntime", "pytorch")


@dataclass(frozen=True)
class EngineSettings:
    """What a user asked of all engines.

    Attributes
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    batch_size : int, optional
        Largest batch; the engine's own choice if not given.
    bound : mapping of str to array
        Values of all inputs but the explained one.
    double : bool
        Whether gradients and relevance are to be computed in float64.
    threads : int, optional
        Threads within an operator; the engine's own choice if not given.
    must_part : callable
        Whether inputs have to run one by one, because the file lets them meet in a batch; see
        `Batches`.
    """

    device: str = "auto"
    batch_size: int | None = None
    bound: Mapping[str, Array] = field(default_factory=dict)
    double: bool = False
    threads: int | None = None
    must_part: Callable[[], bool] = never


Factory = Callable[[Graph, ImageInput, EngineSettings], Adapter]
"""Opens an engine for a prepared graph and its explained input."""

_ENGINES: dict[str, Factory] = {}


class EngineRegistration:
    """What `register_engine` added; leaving its ``with`` block, or `remove`, takes it back.

    Parameters
    ----------
    name : str
        Taken out again by `remove`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def remove(self) -> None:
        """Forget the engine; models that use it keep it."""
        _ENGINES.pop(self.name, None)

    def __enter__(self) -> EngineRegistration:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()


def register_engine(name: str, factory: Factory) -> EngineRegistration:
    """Add an engine, for ``load(..., engine=name)``.

    Parameters
    ----------
    name : str
        Its name.
    factory : callable
        Takes the prepared `Graph`, the `ImageInput` and the `EngineSettings`, and returns an
        `Adapter`: its ``capabilities`` say which verbs work.

    Returns
    -------
    EngineRegistration
        Keep it to undo the registration; as a context manager it does so by itself.

    Raises
    ------
    UsageError
        If the name is taken.
    """
    if name in _ENGINES or name in (*OWN, "auto"):
        raise UsageError(f"an engine named {name!r} exists already; choose another name")
    _ENGINES[name] = factory
    return EngineRegistration(name)


def engine_factory(name: str) -> Factory:
    """Return the factory of a registered engine.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    if name not in _ENGINES:
        hint = f"registered: {', '.join(_ENGINES) or 'none'}; see docs/extending.md"
        raise UnknownNameError("engine", name, _ENGINES, hint)
    return _ENGINES[name]
