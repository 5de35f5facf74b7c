"""`explain -m cam` over many pictures, against the bare time of decoding and one forward pass.

Both run in this process, in turns, on the same crops of the photos in ``examples/``; loading the
model and the first picture are not timed. Printed is the ratio of the medians, on the wall and of
processor time, the second of which a busy machine disturbs less.

    python -m benchmarks.data_sets [--pictures 200] [--rounds 3] [--workers N] [--write]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

import onnxplain
from benchmarks.curves import photo_samples
from benchmarks.page import show_rows
from benchmarks.timing import spread
from onnxplain.cli import main as command

ROOT = Path(__file__).parents[1]
COLUMNS = ("clock", "`explain -m cam`, ms a picture", "bare, ms a picture", "ratio")
MODEL = ROOT / "models/efficientnet-lite0.onnx"


def bare(model: onnxplain.Model, files: Sequence[Path]) -> None:
    """Decode each picture as a short script does, and run the model once."""
    for file in files:
        pixels = np.asarray(Image.open(file).convert("RGB").resize((224, 224)), np.float32)
        model.network.ort.forward(((pixels - 127) / 128).transpose(2, 0, 1)[None])


def explained(files: Sequence[Path], workers: int | None) -> tuple[float, float]:
    """Run the command on files; return what `measured` does."""
    given = [] if workers is None else ["--workers", str(workers)]
    # To remove files takes some milliseconds for each: that is no part of explaining.
    with tempfile.TemporaryDirectory() as folder:
        words = ["explain", str(MODEL), *map(str, files), "-m", "cam", "-q", "-o", folder, *given]
        return measured(lambda: _ended(words))


def _ended(words: Sequence[str]) -> None:
    with suppress(SystemExit):
        command(words)


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall and of this process' processors."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    """Print the seconds of a picture in both ways, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    given = parser.parse_args()
    model = onnxplain.load(MODEL)
    with photo_samples(given.pictures + 1) as samples:
        first, *files = [sample.path for sample in samples]
        bare(model, [first])
        rounds = []
        for _ in range(given.rounds):
            start = explained([first], given.workers)
            ours = explained(files, given.workers)
            theirs = measured(lambda: bare(model, files))
            rounds.append((np.subtract(ours, start), theirs))
    rows = []
    for k, clock in enumerate(("wall", "processor")):
        sides = [[1000 * r[side][k] / len(files) for r in rounds] for side in (0, 1)]
        ratios = [our / their for our, their in zip(*sides, strict=True)]
        rows.append([clock, *(spread(side, 0) for side in sides), spread(ratios)])
    show_rows("data-sets", COLUMNS, rows, write=given.write)


if __name__ == "__main__":
    main()
