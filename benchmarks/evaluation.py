"""The tables of docs/evaluation.md: ``python -m benchmarks.evaluation [PART ...]``.

Parts are ``flowers`` (localisation on 200 flowers with decoys), ``strong`` (accuracy on the
strongest pixels alone and without them), ``transformer`` (deletion on test digits) and
``randomisation``. Each method of each model is kept in ``benchmarks/evaluation_results/`` as soon
as it is done, and is not computed again; delete the files to start over. The tables are printed
from what is there. ``--methods`` computes some alone. ``--few`` takes a few pictures and keeps
nothing, to see that it runs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import onnxplain
from onnxplain.errors import OnnxplainError
from onnxplain.evaluate.built_in import flower_samples
from onnxplain.evaluate.cases import Plan
from onnxplain.evaluate.run import evaluate
from onnxplain.evaluate.sanity import verdict
from onnxplain.features.relevant import relevant_features
from onnxplain.files import json_text, write_text
from onnxplain.inputs.dataset import Sample, read_dataset

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("evaluation_results")
SEED, FEW = 0, 3
# Pictures that the features of ``enriched`` are selected on, and the constraint on their weights.
SELECT, MU = 360, 5.0
# Shown name: method and parameters.
METHODS: Mapping[str, tuple[str, dict[str, Any]]] = {
    **{
        name: (name, {})
        for name in (
            "cam",
            "grad-cam",
            "grad-cam++",
            "layercam",
            "guided-backprop",
            "deconvnet",
            "gradient",
            "saliency",
            "gradient-x-input",
            "deep-taylor",
            "clear",
            "deeplift",
            "occlusion",
            "integrated-gradients",
            "activation",
            "enriched",
            "guided-ig",
            "blur-ig",
            "sobol",
            "hsic",
            "region-search",
            "kernel-shap",
            "attention-rollout",
            "gradient-attention-rollout",
            "attn-lrp",
            "libragrad",
        )
    },
    **{
        f"lrp, {name}": ("lrp", {"composite": name})
        for name in ("epsilon", "epsilon-plus", "epsilon-gamma-box", "epsilon-alpha2-beta1")
    },
}
CONTROLS = "controls"


@contextmanager
def digits(count: int, *, training: bool = False) -> Iterator[list[Sample]]:
    """Test digits as a data set of files, or those of training."""
    from models.build.digits_data import LABELS, load_splits

    split = load_splits()[0 if training else 1]
    with as_files(split.images[:count], [LABELS[c] for c in split.classes]) as samples:
        yield samples


@contextmanager
def fashion(count: int, *, training: bool = False) -> Iterator[list[Sample]]:
    """Test or training pictures of Fashion-MNIST as files; needs its Debian package."""
    from models.build.fashion_data import LABELS, load_split

    images, classes = load_split("train" if training else "t10k")
    with as_files(images[:count], [LABELS[c] for c in classes]) as samples:
        yield samples


@contextmanager
def as_files(images: np.ndarray, labels: list[str]) -> Iterator[list[Sample]]:
    """Write pictures to a folder for as long as they are needed."""
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for k, image in enumerate(images):
            Image.fromarray(np.squeeze(image)).save(Path(folder, f"{k:05d}.png"))
            rows.append({"file": f"{k:05d}.png", "label": labels[k]})
        Path(folder, "labels.json").write_text(json.dumps(rows), "utf-8")
        yield read_dataset(folder)


@dataclass(frozen=True)
class Part:
    """One table: models, pictures and measures."""

    models: Mapping[str, Callable[..., Any]]
    count: int
    measures: tuple[str, ...]
    blur: float = 0.0


def decoys(count: int, *, training: bool = False) -> Any:
    """Flowers of all twelve classes, with the colours of others around them."""
    return flower_samples("double12", count, decoys=True, seed=SEED + training)


PARTS = {
    "flowers": Part(
        {"flowers-gap": decoys, "flowers-fc": decoys},
        200,
        ("mean-iou", "iou-at-area", "pointing-game", "energy-in-mask"),
        blur=2.0,
    ),
    "strong": Part(
        {"digits-gap": digits, "fashion-cnn": fashion},
        300,
        ("accuracy", "accuracy-strong-only", "accuracy-without-strong"),
    ),
    "transformer": Part({"digits-vit": digits}, 100, ("deletion", "single-deletion")),
    "randomisation": Part(
        {"flowers-gap": decoys, "fashion-cnn": fashion},
        12,
        ("randomisation", "randomisation-ssim", "other-class"),
    ),
}


def selected(opened: Any, pictures: Callable[..., Any], folder: Path) -> str:
    """File of features that are selected for a model on pictures other than those measured."""
    path = folder / "features.npz"
    with pictures(SELECT, training=True) as samples:
        relevant_features(opened, samples, mu=MU).save(path, opened.labels)
    return str(path)


def measure(part: Part, model: str, shown: str, count: int) -> dict[str, Any]:
    """Measure one method on one model."""
    opened = onnxplain.load(ROOT / f"models/{model}.onnx", device="cpu")
    name, parameters = METHODS.get(shown, (shown, {}))
    with tempfile.TemporaryDirectory() as folder, part.models[model](count) as samples:
        try:
            if name == "enriched":
                parameters = {"features": selected(opened, part.models[model], Path(folder))}
            plan = Plan(
                {} if shown == CONTROLS else {name: parameters},
                part.measures,
                blur=part.blur,
                controls=shown == CONTROLS,
                seed=SEED,
            )
            found = evaluate(opened, samples, plan)
        except OnnxplainError as error:
            return {"refused": str(error)}
    return {
        "pictures": len(samples),
        "summary": [asdict(line) for line in found.summary()],
        "best": {b.method: asdict(b) for b in found.best_thresholds()},
        "problems": found.problems,
    }


def complete(name: str, few: bool, chosen: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the results of a part by model, computing what is missing of the chosen methods."""
    part, results = PARTS[name], {}
    for model in part.models:
        path = RESULTS / f"{name}-{model}.json"
        kept = json.loads(path.read_text("utf-8")) if path.is_file() and not few else {}
        wanted = METHODS if "randomisation" in part.measures else (CONTROLS, *METHODS)
        for shown in wanted:
            if shown not in kept and shown in (chosen or wanted):
                kept[shown] = measure(part, model, shown, FEW if few else part.count)
                print(f"{name}, {model}: {shown}", flush=True)
                if not few:
                    write_text(path, json_text(kept))
        results[model] = kept
    return results


def print_table(name: str, model: str, kept: Mapping[str, Any]) -> None:
    """Print one table in Markdown, in the order of its second measure."""
    measures = PARTS[name].measures
    rows: dict[str, dict[str, Any]] = {}
    for shown, entry in kept.items():
        for line in entry.get("summary", ()):
            label = f"*{line['method']}*" if line["control"] else shown
            rows.setdefault(label, {})[line["measure"]] = line
            if line["method"] in entry["best"]:
                rows[label]["best"] = entry["best"][line["method"]]
    best = ["best threshold"] if name == "flowers" else []
    judged = ["verdict"] if name == "randomisation" else []
    print(f"\n{model}\n\n| method | {' | '.join([*measures, *best, *judged])} |")
    print("|---" * (1 + len(measures) + len(best) + len(judged)) + "|")
    by = measures[1]
    for label, found in sorted(rows.items(), key=lambda r: -r[1].get(by, {"mean": -9})["mean"]):
        cells = [
            "{mean:.3f} ({low:.3f} .. {high:.3f})".format(**found[m]) if m in found else ""
            for m in measures
        ]
        cells += ["{iou:.3f} at {threshold:.2f}".format(**found["best"])] if best else []
        if judged and measures[0] in found:
            cells.append(verdict(found[measures[0]]["mean"], "").partition(":")[0])
        print(f"| {label} | {' | '.join(cells)} |")
    for shown, entry in kept.items():
        if "refused" in entry:
            print(f"\n{shown}: {entry['refused']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--few", action="store_true")
    parser.add_argument(
        "-m", "--methods", help="compute these alone, separated by commas; the others stay"
    )
    given = parser.parse_args()
    chosen = given.methods.split(",") if given.methods else []
    if unknown := set(chosen) - {CONTROLS, *METHODS}:
        parser.error(f"no method {min(unknown)!r} here; known: {CONTROLS}, {', '.join(METHODS)}")
    for name in given.parts or PARTS:
        for model, kept in complete(name, given.few, chosen).items():
            print_table(name, model, kept)


if __name__ == "__main__":
    main()
