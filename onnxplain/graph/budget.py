"""How much work a file may ask for: a few kilobytes can describe hours and terabytes.

Each limit has a default that ordinary models are far from, and ``--budget NAME=VALUE`` moves
it. What is above one is refused by a line that names the node or tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace

from onnxplain import machine
from onnxplain.errors import UnsupportedModelError, UsageError
from onnxplain.text import shown

_LONGEST_SHOWN = 80
# Of the machine's memory: the rest is for whoever else is on it.
_SHARE = 0.9


class OverBudgetError(UnsupportedModelError):
    """The file asks for more than a limit."""


@dataclass(frozen=True)
class Budget:
    """Limits on what one model may take.

    Attributes
    ----------
    fold_bytes : int
        Bytes of all results that are computed from constants together.
    fold_work : int
        Steps for all of them together; one takes about 3 nanoseconds.
    fold_seconds : float
        Seconds of the processor for all of them together, should the steps take longer.
    nodes : int
        Nodes after local functions are written out, those of bodies counted.
    nesting : int
        Bodies within each other.
    name : int
        Characters of a name.
    tensor_bytes : int
        Bytes of one tensor of one picture.
    picture_bytes : int
        Bytes of what is held several times, in double precision as well: the input, for all
        pictures of a batch that the file insists on, and a layer that is read as maps.
    side : int
        Pixels along one side of the picture, or places along one side of a layer.
    rounds : int
        Rounds of a Loop that nothing ends earlier.
    small_work : int
        Steps of one picture in a file below 1 MiB; one takes about 2 nanoseconds.
    run_seconds : float
        Seconds of one call of ONNX Runtime.
    loop_seconds : float
        The same, of a graph with a Loop or Scan.
    memory_bytes : int
        Memory of a process of its own, see ``--isolate``, and of what ONNX Runtime holds.
    hang_seconds : float
        Seconds after which such a process is ended if nothing comes back from it.
    """

    fold_bytes: int = 1 << 30
    fold_work: int = 2 * 10**9
    fold_seconds: float = 8.0
    nodes: int = 20_000
    nesting: int = 64
    name: int = 8_192
    tensor_bytes: int = 1 << 30
    picture_bytes: int = 1 << 28
    side: int = 1 << 16
    rounds: int = 1_000_000
    small_work: int = 200_000_000
    run_seconds: float = 120.0
    loop_seconds: float = 7.0
    memory_bytes: int = 16 << 30
    hang_seconds: float = 300.0


_CURRENT: ContextVar[Budget] = ContextVar("budget", default=Budget())  # noqa: B039 - frozen


def budget() -> Budget:
    """Return the limits in force."""
    return _CURRENT.get()


def memory_allowed() -> int:
    """Bytes that one process may hold: the budget's, and no more than most of the machine's."""
    asked, there = budget().memory_bytes, machine.memory()
    return asked if there is None else min(asked, int(_SHARE * there))


def set_budget(given: Mapping[str, str]) -> None:
    """Move limits by name, as the command line writes them (``fold-bytes``).

    Raises
    ------
    UsageError
        If there is no such limit, or the value is no positive number.
    """
    put_in_force(moved(Budget(), given))


def put_in_force(limits: Budget) -> None:
    """Put limits in force for what this process does."""
    _CURRENT.set(limits)


@contextmanager
def within(limits: Budget) -> Iterator[None]:
    """Put other limits in force for a while."""
    token = _CURRENT.set(limits)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def halved(limits: Budget) -> Budget:
    """Return limits of half the size."""
    return Budget(*(type(v)(v / 2) for v in (getattr(limits, f.name) for f in fields(Budget))))


def moved(limits: Budget, given: Mapping[str, str]) -> Budget:
    """Return limits of which some are moved; see `set_budget`."""
    types = {f.name: type(getattr(limits, f.name)) for f in fields(Budget)}
    found: dict[str, float] = {}
    for name, text in given.items():
        key = name.replace("-", "_")
        if key not in types:
            allowed = ", ".join(n.replace("_", "-") for n in types)
            raise UsageError(f"no budget is named {name!r}; there are: {allowed}")
        try:
            value = float(text)
            if not 0 < value < float("inf"):
                raise ValueError
            found[key] = types[key](value)
        except ValueError:
            raise UsageError(f"budget {name} {text!r} is not understood; write a number") from None
    return replace(limits, **found)  # type: ignore[arg-type]


def over(limit: str, where: str, what: str) -> OverBudgetError:
    """Make the error of a limit that is passed.

    Parameters
    ----------
    limit : str
        Its attribute in `Budget`.
    where : str
        The node or tensor.
    what : str
        What it would take.
    """
    most, option = getattr(budget(), limit), limit.replace("_", "-")
    where = shown(where if len(where) <= _LONGEST_SHOWN else f"{where[:_LONGEST_SHOWN]}...")
    return OverBudgetError(
        f"{where}: {what}, and {most:,} is the limit; --budget {option}=N allows more"
    )
