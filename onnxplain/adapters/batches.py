"""How an engine puts inputs into batches: many at a time, or each of them alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace

from onnxplain.adapters.base import Array, in_batches
from onnxplain.adapters.batch_choice import BatchChoice, joined
from onnxplain.adapters.side_by_side import SideBySide
from onnxplain.errors import MethodRefusedError

# Fewer inputs than this run as they come: there is little to gain, and nothing is learnt; the same
# once the best batch is known.
_FEW, _KNOWN_FEW = 16, 3
# Batches that are timed, as far as they are allowed.
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


def never() -> bool:
    """Say that inputs may meet."""
    return False


@dataclass(frozen=True)
class Shared:
    """A way to run several batches at a time.

    Attributes
    ----------
    opened : callable
        Returns what runs one batch in its share of the threads; called where several are run.
    side : SideBySide
        How many at a time.
    most : int
        Inputs that there is memory for, in all of them together.
    """

    opened: Callable[[], Callable[[Array], dict[str, Array]]]
    side: SideBySide
    most: int

    def step(self, size: int, count: int, *, exactly: bool) -> int | None:
        """Inputs in each batch of `size` at most, or None if no two of them are worth it.

        Unless a size is wanted exactly, all calls have as much to do.
        """
        step = size if exactly else self.side.share(count, size)
        worth = count > step and step * self.side.calls <= self.most
        return step if worth else None


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
    measured : callable
        Whether smaller batches are tried and timed where many inputs come at once.
    choices : mapping
        What was found, for each kind of work.
    """

    size: int
    fixed: int | None = None
    must_part: Callable[[], bool] = never
    measured: Callable[[], bool] = never
    choices: dict[Hashable, BatchChoice] = field(default_factory=dict)

    def together(self) -> Batches:
        """The same, with nothing parted: for who wants to see what inputs do to each other."""
        return replace(self, must_part=never, measured=never)

    def apart(self, count: int) -> bool:
        """Whether so many inputs have to run one by one."""
        return (self.fixed or min(count, self.size)) > 1 and self.must_part()

    def at_once(self, count: int) -> int:
        """Inputs out of so many that run in one call; what only fills up is not counted."""
        return 1 if self.apart(count) else (self.fixed or self.size)

    def choice(self, kind: Hashable) -> BatchChoice:
        """The batch size for a kind of work: a single candidate where nothing is to be timed."""
        if self.fixed or self.apart(self.size) or not self.measured():
            return BatchChoice([self.at_once(self.size)])
        if kind not in self.choices:
            sizes = [s for s in _SIZES if s < self.size]
            self.choices[kind] = BatchChoice([*sizes, self.size])
        return self.choices[kind]

    def run(
        self,
        function: Callable[[Array], dict[str, Array]],
        x: Array,
        kind: Hashable | None = None,
        shared: Shared | None = None,
    ) -> dict[str, Array]:
        """Run a function of a batch on all inputs; see `in_batches`.

        Of a `kind` that is given, batches are timed if there are many inputs. Once it is known how
        large they are, `shared` runs several at a time.
        """
        many = kind is not None and len(x) >= _KNOWN_FEW and not self.fixed
        choice = self.choice(kind) if many and self.measured() else None
        known = choice is not None and choice.chosen is not None
        # Whether results can be joined is found out by `joined`.
        joins = choice is None or (known and choice.parts)
        if shared is not None and joins and not self.fixed and not self.apart(len(x)):
            size = self.size if choice is None else choice.best
            step = shared.step(size, len(x), exactly=choice is None)
            if step:
                return in_batches(shared.opened(), x, step, side=shared.side)

        def whole(part: slice) -> dict[str, Array]:
            batch = x[part]
            return in_batches(function, batch, self.size, self.fixed, apart=self.apart(len(batch)))

        few = _KNOWN_FEW if known else _FEW
        if choice is None or len(x) < few:
            return whole(slice(0, len(x)))
        return joined(choice, whole, len(x))

    def run_backward(
        self,
        function: Callable[[Array], dict[str, Array]],
        x: Array,
        kind: Hashable | None = None,
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
        return self.run(function, x, kind)
