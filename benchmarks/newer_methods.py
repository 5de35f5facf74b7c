"""The newer methods beside their authors' code, in time and in what they find.

Ours explains the ONNX file as a user calls it; the others explain the original PyTorch network of
torchvision, with random weights. Both sides take turns on one thread; the time is that of the
processor. Printed is theirs over ours: above one, ours takes less. A library that is not installed
leaves its row out. ``--smdl`` names a checkout of the authors' repository of the region search.

    pip install -c constraints.txt -e '.[test]' torchvision
    pip install --no-deps saliency zennit-crp craft-xai xplique tensorflow-probability tf-keras
    pip install tensorflow-cpu opencv-python-headless einops deprecated dm-tree decorator
    python -m benchmarks.newer_methods [--only guided-ig,...] [--rounds 3] [--write]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import tempfile
from pathlib import Path

# One thread is one thread, also within products of NumPy, which reads this as it is loaded.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import torch

from benchmarks.newer_cases import CASES, Setting
from benchmarks.page import put_rows
from benchmarks.timing import in_turns, spread
from onnxplain.convert.torchvision_guard import import_torchvision

COLUMNS = ("method", "beside", "theirs over ours", "ours, s", "what both find")


def main() -> None:
    """Print a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(CASES), help="cases, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--smdl", type=Path, help="checkout of RuoyuChen10/SMDL-Attribution")
    parser.add_argument("--write", action="store_true", help="put the rows into the page")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(CASES):
        parser.error(f"no case {min(unknown)!r}; known: {', '.join(CASES)}")
    import_torchvision()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        on = Setting(Path(folder), options.smdl)
        for name in names:
            library, make = CASES[name]
            if importlib.util.find_spec(library) is None:
                print(f"{name}: {library} is not installed")
                continue
            if name == "region-search" and options.smdl is None:
                print(f"{name}: no checkout is given (--smdl)")
                continue
            case = make(on)
            alike = case.alike(case.theirs(), case.ours())
            pairs = in_turns(case.theirs, case.ours, options.rounds, "cpu")
            ratios, own = spread([t / o for t, o in pairs]), spread([o for _, o in pairs])
            row = [name, case.beside, ratios, own, alike]
            print(" | ".join(row), flush=True)
            if options.write:
                put_rows("newer-methods", COLUMNS, [row])


if __name__ == "__main__":
    main()
