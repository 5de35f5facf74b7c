"""How an engine puts inputs into batches: many at a time, or each of them alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from onnxplain.adapters.base import Array, in_batches
from onnxplain.errors import MethodRefusedError


def never() -> bool:
    """Say that inputs may meet."""
    return False


@dataclass(frozen=True)
class Batches:
    """The batches of one engine.

    Attributes
    ----------
    size : int
        Most inputs in one.
    fixed : int, optional
        The batch size that the model file insists on.
    must_part : callable
        Whether inputs have to run alone, because what the file says of one of them depends
        on the others of its batch. Asked only where inputs would meet.
    """

    size: int
    fixed: int | None = None
    must_part: Callable[[], bool] = never

    def together(self) -> Batches:
        """The same, without the question: for who wants to see what inputs do to each other."""
        return replace(self, must_part=never)

    def apart(self, count: int) -> bool:
        """Whether so many inputs have to run one by one."""
        return (self.fixed or min(count, self.size)) > 1 and self.must_part()

    def at_once(self, count: int) -> int:
        """Inputs out of so many that run in one call; what only fills up is not counted."""
        return 1 if self.apart(count) else (self.fixed or self.size)

    def run(self, function: Callable[[Array], dict[str, Array]], x: Array) -> dict[str, Array]:
        """Run a function of a batch on all inputs; see `in_batches`."""
        return in_batches(function, x, self.size, self.fixed, apart=self.apart(len(x)))

    def run_backward(
        self, function: Callable[[Array], dict[str, Array]], x: Array
    ) -> dict[str, Array]:
        """Run a function that looks back from each row's score to that row.

        Raises
        ------
        MethodRefusedError
            If the file insists on a batch whose rows depend on each other: what a score owes
            to its own row would be lost in the copies that fill the batch.
        """
        if (self.fixed or 1) > 1 and self.apart(len(x)):
            raise MethodRefusedError(
                f"the file requires batches of {self.fixed}, and the scores of one input depend "
                "on the others, so a single input has no gradient of its own; use a forward-only "
                "method (occlusion, cam), or export the file with a batch of 1"
            )
        return self.run(function, x)
