"""How often does an audit find a planted shortcut, and how often does it cry wolf?

Small classifiers of coloured digits are trained on pictures where a coloured patch in a corner
gives one class away (``planted``: 95 % of its pictures have it, ``half``: 50 %), is on some
pictures of all classes (``decoy``), or is not there (``clean``). Each is then audited. With
``--shipped`` the classifiers of ``models/`` are audited instead, which have no shortcut.

    python -m benchmarks.shortcuts --seeds 200-203
    python -m benchmarks.shortcuts --shipped --methods grad-cam,lrp,occlusion
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.shortcuts.planted import HEADS, KINDS, LAYOUTS, Recipe, audit, record_of, trained
from benchmarks.shortcuts.shipped import SHIPPED, opened, write_test_pictures
from onnxplain.model.obstacles import obstacles

ALARMS = ("fixed place", "outside the mask")


def planted(
    seeds: Sequence[int],
    layouts: Sequence[str],
    kinds: Sequence[str],
    methods: Sequence[str],
    pictures: int,
) -> Iterator[dict]:
    """Audit a classifier of each layout, kind and head for each seed."""
    for seed, layout, kind, head in itertools.product(seeds, layouts, kinds, HEADS):
        recipe = Recipe(kind, layout, head, seed)
        with tempfile.TemporaryDirectory() as folder:
            proto = trained(recipe)
            found = audit(proto, recipe, Path(folder), methods, masks=True, pictures=pictures)
        about = {"layout": layout, "kind": kind, "head": head, "seed": seed}
        yield {**about, "planted": recipe.planted, **told(found)}


def shipped(methods: Sequence[str], pictures: int) -> Iterator[dict]:
    """Audit each classifier of the project by those methods that it allows."""
    for stem in SHIPPED:
        with tempfile.TemporaryDirectory() as folder:
            model = opened(stem)
            reasons = obstacles(model.network)
            allowed = [name for name in methods if not reasons[name]]
            data = write_test_pictures(stem, Path(folder) / "data", pictures)
            found = record_of(Path(folder), model, data, allowed)
        about = {"layout": "shipped", "kind": stem, "methods": allowed}
        yield {**about, "planted": None, **told(found)}


def told(record: dict) -> dict:
    """What an audit found that this benchmark asks for."""
    return {
        "accuracy": record["predictions"]["accuracy"],
        "pictures": record["predictions"]["scored"],
        "suspects": [
            {k: v for k, v in s.items() if k not in ("examples", "transplant")}
            | {k: (s["transplant"] or {}).get(k) for k in ("rise", "same", "way", "steady")}
            for s in record["suspects"]
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="100-101", help="first-last")
    parser.add_argument("--layouts", default=",".join(LAYOUTS), help="separated by commas")
    parser.add_argument("--kinds", default=",".join(KINDS), help="separated by commas")
    parser.add_argument("--pictures", type=int, default=200, help="in each audit, at most 397")
    parser.add_argument("--methods", default="grad-cam,lrp", help="separated by commas")
    parser.add_argument("--shipped", action="store_true", help="audit the classifiers of models/")
    options = parser.parse_args()
    torch.set_num_threads(1)
    methods = options.methods.split(",")
    first, last = map(int, options.seeds.split("-"))
    layouts, kinds = options.layouts.split(","), options.kinds.split(",")
    audits = (
        shipped(methods, options.pictures)
        if options.shipped
        else planted(range(first, last + 1), layouts, kinds, methods, options.pictures)
    )
    found = []
    for case in audits:
        found.append(case)
        print(json.dumps(case), flush=True)
    for layout, kind in dict.fromkeys((c["layout"], c["kind"]) for c in found):
        summarise(layout, kind, [c for c in found if (c["layout"], c["kind"]) == (layout, kind)])


def summarise(layout: str, kind: str, audits: Sequence[dict]) -> None:
    """Print how many audits found what was planted, and how many something else."""
    hidden = [c for c in audits if c["planted"] is not None]
    first = sum(bool(c["suspects"]) and c["suspects"][0]["index"] == c["planted"] for c in hidden)
    wrong = [
        sum(
            any(s["kind"] == alarm and s["index"] != c["planted"] for s in c["suspects"])
            for c in audits
        )
        for alarm in ALARMS
    ]
    print(
        f"{layout} {kind}: {len(audits)} audits; planted class first in {first} of {len(hidden)}; "
        + ", ".join(f"{n} with a wrong {a!r}" for a, n in zip(ALARMS, wrong, strict=True))
    )


if __name__ == "__main__":
    main()
