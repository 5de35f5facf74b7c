"""What batches of inputs say of the relevance that passed, added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from onnxplain.adapters.base import Array, Propagation, Seed
from onnxplain.relevance.growth import Growth
from onnxplain.relevance.leak import Leak


class Tally:
    """Collects leaks and growth over batches, and joins them with the relevance.

    Parameters
    ----------
    seeds : sequence of Seed
        Where relevance starts.
    """

    def __init__(self, seeds: Sequence[Seed]) -> None:
        self._seeds = seeds
        self._leaks: list[dict[tuple[str, str], float]] = [{} for _ in seeds]
        self._growth = [Growth() for _ in seeds]

    def add(self, k: int, leaks: Iterable[Leak], growth: Growth) -> None:
        """Take in what a batch says of seed `k`."""
        self._growth[k] = max(self._growth[k], growth)
        for leak in leaks:
            key = (leak.tensor, leak.op_type)
            self._leaks[k][key] = self._leaks[k].get(key, 0.0) + leak.absorbed

    def result(self, joined: Mapping[str, Array], names: Sequence[str]) -> list[Propagation]:
        """Return what all batches gave: ``value:TENSOR`` and ``relevance:SEED:TENSOR``."""
        return [
            Propagation(
                {n: joined[f"value:{n}"] for n in seed.tensors},
                {n: joined[f"relevance:{k}:{n}"] for n in names},
                _ranked(self._leaks[k]),
                self._growth[k],
            )
            for k, seed in enumerate(self._seeds)
        ]


def _ranked(leaks: Mapping[tuple[str, str], float]) -> tuple[Leak, ...]:
    ordered = sorted(leaks.items(), key=lambda item: -abs(item[1]))
    return tuple(Leak(tensor, op_type, absorbed) for (tensor, op_type), absorbed in ordered)
