"""Compare the layer that is chosen with the expert's, and write docs/layers.md.

``python -m benchmarks.layers --keras PYTHON`` measures every row that results.json lacks and can
be stopped at any time; ``--only PATTERN`` takes the rows whose "library network form" matches,
``--again`` measures rows that are there, too, and ``--write`` writes the page alone. PYTHON is an
interpreter with tensorflow, keras and tf2onnx; what it writes is kept in a cache.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from benchmarks.conversion import forms
from benchmarks.layers import handmade
from benchmarks.layers.networks import made
from benchmarks.layers.places import CRASH, NOT_MADE, Row, hooked, judge
from benchmarks.layers.table import Key, load, save
from benchmarks.layers.torch_families import TIMM, TORCHVISION, Expert

ROOT = Path(__file__).parents[2]
EXPORTERS = {"TorchScript 17": ("torchscript", 17), "default 20": ("default", 20)}


def torch_row(key: Key, cache_folder: Path) -> Row:
    """Export one network by one exporter unless that is done, and judge the choice."""
    library, name, form = key
    row = Row(library, name, form, "", "", NOT_MADE)
    file = cache_folder / library / form / f"{name}.onnx"
    noted = file.with_suffix(".npz")
    try:
        if not noted.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            write(*made(library, name), form, file)
        with np.load(noted) as known:
            row.expert, row.source = str(known["layer"]), str(known["source"])
            return judged(row, onnx.load(file), known["x"], known["values"])
    except Exception as error:  # exporters raise anything
        row.said = f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"
        return row


def write(net: nn.Module, expert: Expert, form: str, file: Path) -> None:
    """Export a network, and note an input with what the expert's layer computes of it."""
    torch.manual_seed(1)
    images = forms.images(expert.side)
    forms.export(net, images, file, *EXPORTERS[form])
    x = images["x"][:1]
    about = {"layer": expert.module.removeprefix("net."), "source": expert.source}
    np.savez(file.with_suffix(".npz"), x=x, values=hooked(net, expert.module, x), **about)


def judged(row: Row, model: onnx.ModelProto, x: np.ndarray, values: np.ndarray) -> Row:
    """Judge; a crash is a result."""
    try:
        return judge(model, x, values, row)
    except Exception as error:
        row.verdict, row.said = CRASH, f"{type(error).__name__}: {error}"[:300]
        return row


def torch_rows(cache_folder: Path) -> Iterator[tuple[Key, Callable[[], Row]]]:
    """Rows of the PyTorch networks, each measured when it is called."""
    from benchmarks.layers.hugging_face import NETWORKS

    libraries = {
        "handmade": handmade.NETWORKS, "torchvision": TORCHVISION,
        "Hugging Face": NETWORKS, "timm": TIMM,
    }  # fmt: skip
    for library, names in libraries.items():
        for name in names:
            for form in EXPORTERS:
                key = library, name, form
                yield key, partial(torch_row, key, cache_folder)
            made.cache_clear()


def keras_rows(folder: Path, python: str, only: str) -> Iterator[tuple[Key, Callable[[], Row]]]:
    """Rows of the Keras networks, which `python` writes if it has tensorflow."""
    has = subprocess.run([python, "-c", "import tensorflow, keras, tf2onnx"], capture_output=True)
    if has.returncode == 0:
        command = [python, "-m", "benchmarks.layers.keras_files", str(folder.resolve()), only]
        subprocess.run(command, check=True, cwd=ROOT)
    record = folder / "not made.json"
    failed = json.loads(record.read_text()) if record.is_file() else {}
    for name, why in failed.items():
        form, network = name.split("/")
        row = Row("Keras", network, form, "", "", NOT_MADE, said=why)
        yield ("Keras", network, form), lambda r=row: r
    for file in sorted(folder.glob("*/*.onnx")):
        key = "Keras", file.stem, file.parent.name
        yield key, partial(keras_row, key, file, folder / f"{file.stem}.npz")


def keras_row(key: Key, file: Path, known: Path) -> Row:
    """Judge the choice in a file of Keras."""
    with np.load(known) as noted:
        row = Row(*key, str(noted["layer"]), "last feature maps", "")
        return judged(row, onnx.load(file), noted["x"], noted["values"])


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression for 'library network form'")
    parser.add_argument("--again", action="store_true", help="measure rows that are there, too")
    parser.add_argument("--write", action="store_true", help="write the page, measure nothing")
    parser.add_argument("--keras", default=sys.executable, help="python that has tensorflow")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/onnxplain-layers")
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    if not given.write:
        _measure(load(), re.compile(given.only), given)
    save(load())


def _measure(known: dict[Key, Row], wanted: re.Pattern[str], given: argparse.Namespace) -> None:
    for source in (
        torch_rows(given.cache / "torch"),
        keras_rows(given.cache / "Keras", given.keras, given.only),
    ):
        for key, measured in source:
            if not wanted.search(" ".join(key)) or (key in known and not given.again):
                continue
            since = time.time()
            row = measured()
            save({**load(), key: row})
            print(f"{time.time() - since:5.1f} s  {row}", flush=True)


if __name__ == "__main__":
    main()
