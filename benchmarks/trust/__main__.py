"""How often is the verdict of ``explain --trust`` wrong, and how often is it there at all?

A method is chosen for each network on one set of pictures; the verdicts are counted on another
one. Every method that was measured is judged as if it had been chosen, so that the choice itself
protects nobody. Maps are the method's own (``own``); those of networks whose weights were
shuffled, each by a shuffle of its own that the choice has not seen (``shuffled``); the method's
map of the picture before (``before``); the evidence itself where it was drawn (``drawn``): of
flowers, of scenes with a star, and of digits with a planted patch; and the effects of the
picture's parts, measured on other regions (``measured``).

    python -m benchmarks.trust --rows trust.jsonl
    python -m benchmarks.trust --only flowers-gap --pictures 10 --rows trust.jsonl
    python -m benchmarks.trust --only "" --rows trust.jsonl

Rows are added to a file as they are found, a picture that it holds is not judged again, and the
tables are printed of all that it holds.
"""

import argparse
import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.trust.evidence import drawn_evidence, measured_evidence
from benchmarks.trust.networks import CHOICE, JUDGED, NETWORKS, Split, opened
from benchmarks.trust.table import BEFORE, DRAWN, MEASURED, OWN, SHUFFLED, reason, tables
from onnxplain.errors import NowhereError, NumericalError
from onnxplain.evaluate.cases import Plan, look
from onnxplain.evaluate.choose.candidate import Candidate
from onnxplain.evaluate.choose.choice import BEATS, Choice
from onnxplain.evaluate.choose.measuring import map_of, shuffled_model
from onnxplain.evaluate.choose.run import choose
from onnxplain.evaluate.choose.verdict import Judge
from onnxplain.inputs.dataset import Sample

# Of the networks that are judged; those of a choice have its seed.
SHUFFLES = 710


def judged(
    split: Split, choice: Choice, number: int, shuffles: int, before: dict[str, np.ndarray]
) -> Iterator[tuple[str, ...]]:
    """Yield (method, kind of map, verdict, reason) for a picture that is judged.

    Maps of the picture before are taken from `before`, and this picture's are left there.
    """
    model = split.model
    plan = Plan({}, (), explained="prediction", seed=JUDGED, target=split.target)
    seen = look(model, split.judged[number], plan, [])
    judge = Judge(model, seen.picture, seen.target, seen.start, choice, seed=JUDGED)

    def row(label: str, kind: str, heatmap: np.ndarray) -> tuple[str, ...]:
        said = judge.of(label, heatmap)
        return label, kind, said.words, reason(said)

    numbers = range(number * shuffles, (number + 1) * shuffles)
    networks = [shuffled_model(model, seen, SHUFFLES, k) for k in numbers]
    for label, finding in choice.findings.items():
        one = Candidate(finding.method, finding.parameters)
        own, last = map_of(model, seen, one, JUDGED), before.pop(label, None)
        made = [(OWN, own), (BEFORE, last)]
        made += [(SHUFFLED, map_of(other, seen, one, JUDGED)) for other in networks]
        if own is not None:
            before[label] = own
        for kind, heatmap in made:
            if heatmap is not None:
                yield row(label, kind, heatmap)
    drawn = drawn_evidence(seen, split.recipe)
    if drawn is not None:
        yield row(choice.best, DRAWN, drawn)
    try:
        yield row(choice.best, MEASURED, measured_evidence(model, seen))
    except NumericalError:
        return


def network(name: str, count: int, shuffles: int, done: Collection[str]) -> Iterator[list[str]]:
    """Yield the rows of each picture of a network, without those that are done."""
    with opened(name, count) as split:
        left = [k for k, s in enumerate(split.judged) if s.name not in done]
        if not left:
            return
        choice = choose(split.model, split.first, target=split.target, seed=CHOICE)
        print(f"{name}: {choice.best}, {choice.conclusion}", flush=True)
        # As if each of them had been chosen.
        every = {k: replace(f, conclusion=BEATS) for k, f in choice.findings.items()}
        free = replace(choice, findings=every)
        before: dict[str, np.ndarray] = {}
        for number in left:
            picture: Sample = split.judged[number]
            try:
                found = list(judged(split, free, number, shuffles, before))
            except NowhereError:  # the detector does not see the star
                continue
            for row in found:
                yield [name, picture.name, *row]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default=",".join(NETWORKS), help="networks, with commas")
    parser.add_argument("--pictures", type=int, default=30, help="judged, for each network")
    parser.add_argument("--shuffles", type=int, default=2, help="networks for each picture")
    parser.add_argument("--rows", type=Path, help="file that every verdict is added to")
    options = parser.parse_args()
    torch.set_num_threads(1)
    there = options.rows is not None and options.rows.exists()
    rows = [json.loads(t) for t in options.rows.read_text("utf-8").splitlines()] if there else []
    for name in filter(None, options.only.split(",")):
        done = {r[1] for r in rows if r[0] == name}
        for row in network(name, options.pictures, options.shuffles, done):
            rows.append(row)
            if options.rows is not None:
                with open(options.rows, "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    print("\n".join(tables(rows)))


if __name__ == "__main__":
    main()
