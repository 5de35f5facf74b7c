"""The tables of docs/trust.md, from rows (network, picture, method, map, verdict, reason)."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.trust.networks import NETWORKS
from onnxplain.evaluate.choose.choice import ALPHA, BEATS, NONE
from onnxplain.evaluate.choose.verdict import Verdict
from onnxplain.evaluate.interval import bootstrap_interval
from onnxplain.evaluate.significance import share_interval

Row = Sequence[str]
SHUFFLED, OWN, BEFORE, DRAWN, MEASURED = "shuffled", "own", "before", "drawn", "measured"
KINDS = {
    SHUFFLED: "of shuffled networks (an error)",
    OWN: "the method's own (power)",
    BEFORE: "the method's own map of the picture before",
    DRAWN: "the evidence as drawn, all of it equally strong",
    MEASURED: "the effects themselves, measured on other regions",
}


def reason(said: Verdict) -> str:
    """Why a map does not beat the controls; empty if it does."""
    if said.words == BEATS:
        return ""
    if said.faithfulness is None:
        return "the score never changes"
    if said.words == NONE:
        return f"blind {max(said.blind, key=lambda name: said.blind[name])}"
    failed = [
        name
        for name, chance in (("matched", said.matched_chance), (SHUFFLED, said.shuffled_chance))
        if chance is not None and chance > ALPHA
    ]
    return " and ".join(failed)


def tables(rows: Sequence[Row]) -> Iterable[str]:
    """Lines of all tables, and the errors in all."""
    names = [n for n in NETWORKS if any(r[0] == n for r in rows)]
    yield f"| maps, said to beat the controls | {' | '.join(names)} |"
    yield "|---" * (1 + len(names)) + "|"
    for kind, told in KINDS.items():
        yield _line(told, [[r for r in rows if r[3] == kind and r[0] == n] for n in names])
    methods = list(dict.fromkeys(r[2] for r in rows if r[3] == OWN))
    yield ""
    yield f"| said to beat the controls | {' | '.join(methods)} |"
    yield "|---" * (1 + len(methods)) + "|"
    for kind in (SHUFFLED, OWN):
        yield _line(KINDS[kind], [[r for r in rows if r[3] == kind and r[2] == m] for m in methods])
    yield ""
    yield "| why not | number | for what reason |"
    yield "|---|---|---|"
    for kind in (OWN, DRAWN, MEASURED):
        for name in names:
            found = [r for r in rows if r[3] == kind and r[0] == name]
            if found:
                reasons = Counter(r[5] for r in found if r[5]).most_common()
                told = "; ".join(f"{text} {count}" for text, count in reasons)
                yield f"| {kind}, {name} | {len(found)} | {told} |"
    for kind in (SHUFFLED, OWN, MEASURED):
        yield from _whole(kind, [r for r in rows if r[3] == kind])


def _line(name: str, groups: Sequence[Sequence[Row]]) -> str:
    cells = [f"{sum(r[4] == BEATS for r in g)} of {len(g)}" if g else "" for g in groups]
    return f"| {name} | {' | '.join(cells)} |"


def _whole(kind: str, rows: Sequence[Row]) -> Iterable[str]:
    """How often a verdict was given, with two intervals: of maps, and of pictures."""
    if not rows:
        return
    beats = np.array([r[4] == BEATS for r in rows], float)
    low, high = share_interval(int(beats.sum()), len(rows))
    among = bootstrap_interval(beats, 0, [f"{r[0]} {r[1]}" for r in rows])
    yield ""
    yield (
        f"{KINDS[kind]}: {int(beats.sum())} of {len(rows)} maps, {100 * beats.mean():.1f} % "
        f"({100 * low:.1f} to {100 * high:.1f} %, over pictures {100 * among[0]:.1f} to "
        f"{100 * among[1]:.1f} %)"
    )
