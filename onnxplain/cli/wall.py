"""A wall around native code: a command in a process of its own, watched and begun again.

The process that watches loads neither model nor picture. It ends the worker when that takes too
much memory or nothing comes back from it, and begins a new one without the picture that was in
hand. Everything that is said, and the exit code, are the worker's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from onnxplain.cli.worker import Limits, Worker
from onnxplain.errors import NativeFaultError
from onnxplain.graph.budget import budget, memory_allowed
from onnxplain.process.journal import Held, State, held_in, prepare_folder
from onnxplain.process.leftovers import temporary_folder

# After so many workers that finished nothing, it is not the pictures.
_MOST_IN_A_ROW = 10


def watched(words: Sequence[str]) -> int:
    """Run a command line in workers until one comes to its end.

    Returns
    -------
    int
        Its exit code.

    Raises
    ------
    NativeFaultError
        If native code ends each worker, or ends one with nothing in hand that could be left out.
    """
    limits = _limits()
    lost: dict[str, str] = {}
    careful, in_a_row = False, 0
    with temporary_folder("worker") as folder:
        while True:
            state = State(os.getpid(), limits.memory, lost, careful)
            prepare_folder(folder, state)
            ended = Worker(words, folder, limits).end()
            if not ended.why:
                return ended.code
            held = held_in(folder)
            in_a_row = 0 if held.finished else in_a_row + 1
            if len(held.keys) + len(held.others) != 1 and not careful:
                careful = True  # it could be any of them: the next worker takes one at a time
                continue
            _require_going_on(held, ended.why, in_a_row)
            lost[held.keys[-1]] = f"{ended.why}; all others are done without it"


def _require_going_on(held: Held, why: str, in_a_row: int) -> None:
    """Refuse to begin again where that would end the same way.

    Raises
    ------
    NativeFaultError
        In one line.
    """
    if held.others:
        raise NativeFaultError(f"{held.others[-1]}: {why}")
    if not held.keys:
        raise NativeFaultError(f"{why}, with no picture in hand")
    if in_a_row >= _MOST_IN_A_ROW:
        raise NativeFaultError(
            f"{why}, {in_a_row} times in a row, last on {held.keys[-1]}: the model is the cause, "
            "not the pictures; the run stops here"
        )


def _limits() -> Limits:
    asked = budget()
    # One call may take as long as its own budget says.
    return Limits(memory_allowed(), max(asked.hang_seconds, 2 * asked.run_seconds))
