"""How often is the verdict of ``explain --trust`` wrong, and how often is it there at all?

A method is chosen for each network on one set of pictures; the verdicts are counted on another
one. Every method that was measured is judged as if it had been chosen, so that the choice itself
protects nobody. Maps are the method's own; those of networks whose weights were shuffled, by
shuffles that the choice has not seen (``shuffled``); those of the next picture (``other picture``);
and the evidence itself, where it is known (``evidence``). The last come from flowers, and from
classifiers of digits with a planted shortcut, whose evidence for one class is a patch.

    python -m benchmarks.trust
    python -m benchmarks.trust --only flowers-gap --pictures 10 --rows flowers.jsonl
    python -m benchmarks.trust --only "" --rows flowers.jsonl

Rows are added to a file as they are found, and the table is printed of all that it holds.
"""

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch

import onnxplain
from benchmarks.evaluation import as_files
from benchmarks.shortcuts.planted import PATCH, PREPROCESS, SIDE, Recipe, draw, trained, write
from onnxplain.evaluate.built_in import flower_samples
from onnxplain.evaluate.cases import Look, Plan, look
from onnxplain.evaluate.choose.candidate import Candidate
from onnxplain.evaluate.choose.choice import BEATS, NONE
from onnxplain.evaluate.choose.measuring import ShuffledModels, map_of
from onnxplain.evaluate.choose.run import choose
from onnxplain.evaluate.choose.verdict import Judge
from onnxplain.evaluate.interval import bootstrap_interval
from onnxplain.evaluate.significance import share_interval
from onnxplain.inputs.dataset import Sample, read_dataset
from onnxplain.model.model import Model

# Seeds that nothing was tuned on: of the choice, of the pictures judged, and of their shuffles.
CHOICE, JUDGED, SHUFFLES = 41, 42, 700
FIRST = 20
NETWORKS = ("flowers-gap", "flowers-fc", "digits-gap", "planted-0", "planted-1")
Split = tuple[Model, list[Sample], list[Sample], int | None]


@contextmanager
def opened(name: str, count: int) -> Iterator[Split]:
    """Open a network with the pictures of its choice and those that are judged."""
    if name.startswith("planted"):
        recipe = Recipe("planted", "placed", ("gap", "dense")[int(name[-1])], 300 + int(name[-1]))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.onnx")
            onnx.save(trained(recipe), path)
            labels = [str(k) for k in range(10)]
            model = onnxplain.load(path, preprocess=PREPROCESS, labels=labels)
            held_out = draw(recipe, np.arange(1400, 1400 + FIRST + 4 * count), recipe.seed + 1)
            samples = read_dataset(write(Path(folder, "data"), held_out, masks=False))
            samples.sort(key=lambda s: s.path.name)
            own = [s for s in samples[FIRST:] if s.label == str(recipe.planted)][:count]
            rest = [s for s in samples[FIRST:] if s not in own][: count - len(own)]
            yield model, samples[:FIRST], [*own, *rest], recipe.planted
        return
    model = onnxplain.load(f"models/{name}.onnx")
    if name.startswith("digits"):
        from models.build.digits_data import LABELS, load_splits

        test = load_splits()[1]
        some = np.random.default_rng(CHOICE).permutation(len(test.images))[: FIRST + count]
        with as_files(test.images[some], [LABELS[c] for c in test.classes[some]]) as samples:
            yield model, samples[:FIRST], samples[FIRST:], None
        return
    with (
        flower_samples("double12", FIRST, seed=CHOICE) as first,
        flower_samples("double12", count, seed=JUDGED) as judged,
    ):
        yield model, first, judged, None


def evidence(seen: Look, planted: int | None) -> np.ndarray | None:
    """Where the evidence is known to be, if it is."""
    if planted is None:
        return None if seen.mask is None else seen.mask.astype(float)
    if seen.index != planted or seen.label != planted:
        return None
    pixels = seen.picture.pixels.astype(float)
    corners = [(1, 1), (1, SIDE - PATCH - 1), (SIDE - PATCH - 1, 1), (SIDE - PATCH - 1,) * 2]
    flat = [float(pixels[r : r + PATCH, c : c + PATCH].std(axis=(0, 1)).max()) for r, c in corners]
    row, column = corners[int(np.argmin(flat))]
    if min(flat) > 1:  # one of the few without the patch
        return None
    found = np.zeros((SIDE, SIDE))
    found[row : row + PATCH, column : column + PATCH] = 1
    return found


def judged(name: str, count: int, shuffles: int) -> Iterator[tuple[str, str, str, str]]:
    """Yield (picture, method, kind of map, verdict) for a network."""
    with opened(name, count) as (model, first, samples, planted):
        choice = choose(model, first, seed=CHOICE)
        print(f"{name}: {choice.best}, {choice.conclusion}", flush=True)
        # As if each of them had been chosen.
        every = {k: replace(f, conclusion=BEATS) for k, f in choice.findings.items()}
        free = replace(choice, findings=every)
        plan = Plan({}, (), explained="prediction", seed=JUDGED)
        networks = ShuffledModels(model, SHUFFLES)
        before: dict[str, np.ndarray] = {}
        for k, sample in enumerate(samples):
            seen = look(model, sample, plan, [])
            judge = Judge(model, seen.picture, seen.target, seen.start, free, seed=JUDGED)
            for label, finding in free.findings.items():
                one = Candidate(finding.method, finding.parameters)
                maps = {"own": map_of(model, seen, one, JUDGED), "other picture": before.get(label)}
                if maps["own"] is not None:
                    before[label] = maps["own"]
                for number in range(k * shuffles, (k + 1) * shuffles):
                    found = map_of(networks.get(number, seen), seen, one, JUDGED)
                    if found is not None:
                        yield sample.name, label, "shuffled", judge.of(label, found).words
                for kind, made in maps.items():
                    if made is not None:
                        yield sample.name, label, kind, judge.of(label, made).words
            known = evidence(seen, planted)
            if known is not None:
                yield sample.name, choice.best, "evidence", judge.of(choice.best, known).words


def line(name: str, found: Sequence[tuple[str, str, str, str]]) -> str:
    """How often a verdict was given, with two intervals: of maps, and of pictures."""
    words = Counter(f[3] for f in found)
    beats = np.array([f[3] == BEATS for f in found], float)
    low, high = share_interval(words[BEATS], len(found))
    among = bootstrap_interval(beats, 0, [f[0] for f in found])
    return (
        f"| {name} | {len(found)} | {100 * beats.mean():.1f} % "
        f"({100 * low:.1f} .. {100 * high:.1f}; "
        f"by pictures {100 * among[0]:.1f} .. {100 * among[1]:.1f}) | "
        f"{100 * words[NONE] / len(found):.1f} % |"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default=",".join(NETWORKS), help="networks, with commas")
    parser.add_argument("--pictures", type=int, default=40, help="judged, for each network")
    parser.add_argument("--shuffles", type=int, default=2, help="networks for each picture")
    parser.add_argument("--rows", type=Path, help="file that every verdict is added to")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [json.loads(text) for text in _lines(options.rows)]
    for name in filter(None, options.only.split(",")):
        for picture, *rest in judged(name, options.pictures, options.shuffles):
            rows.append([name, picture, *rest])
            if options.rows is not None:
                with open(options.rows, "a", encoding="utf-8") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    every: dict[str, list[tuple[str, str, str, str]]] = defaultdict(list)
    for name, picture, label, kind, words in rows:
        for group in (kind, f"{kind}, {name}", f"{kind}, {label}"):
            every[group].append((f"{name} {picture}", label, kind, words))
    print("\n| maps | number | beats the controls | no method does |\n|---|---|---|---|")
    for group in sorted(every):
        print(line(group, every[group]))


def _lines(path: Path | None) -> list[str]:
    return path.read_text("utf-8").splitlines() if path is not None and path.exists() else []


if __name__ == "__main__":
    main()
