"""D-RISE of the shipped detector as a ratio to DIANNA's and XAITK's loops, and to bare sessions.

All sides take the same file, number of masks, cells and share, and batches of 32 pictures in ONNX
Runtime. XAITK runs its own `DRISEStack` around a detector that hands it every candidate, or those
above a score of .05 (``few``: less work for it than for ours). DIANNA has no method for detectors:
its RISE runs around a function that returns how well boxes match, mask by mask, as a user would
write it. "bare" are ONNX Runtime's calls alone. In turns, A B A B; the median of the rounds' ratios
is printed with the smallest and largest. That ours is the paper's map is a test
(`tests/methods/test_d_rise.py`).

    pip install -c constraints.txt -e '.[test]'
    pip install xaitk-saliency==0.15.0 dianna==1.8.1
    python -m benchmarks.detection [--rounds 3] [--masks 1000] [--threads 1] [--write]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import os
import statistics
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import onnxplain  # noqa: E402
from benchmarks.page import show_rows  # noqa: E402
from benchmarks.timing import CLOCKS, in_turns, spread  # noqa: E402
from onnxplain.targets.boxes.box_match import BoxMatch  # noqa: E402

MODELS = [ROOT / f"models/{name}.onnx" for name in ("scenes-detector", "scenes-detector-int8")]
COLUMNS = ("comparison", *(f"{path.stem}: theirs over ours" for path in MODELS), "ours, s")
SCENE = ROOT / "examples/scenes/scene-1000000.png"
BATCH, CELLS, SHARE, BOX = 32, 8, 0.5, "1"
Work = Callable[[], np.ndarray]


class Detector:
    """The shipped detector: opened by onnxplain, and as a plain session for the others."""

    def __init__(self, path: Path) -> None:
        self.model = onnxplain.load(
            path, batch_size=BATCH, device="cpu", threads=len(os.sched_getaffinity(0))
        )
        self.picture = self.model.read(SCENE)
        (aim,) = self.model.resolve(self.picture, [BOX], by_match=True, match="likeness")
        assert isinstance(aim, BoxMatch)
        self.aim = aim
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])

    def raw(self, x: np.ndarray) -> np.ndarray:
        """Centre, size and class scores of all candidates, (N, P, 4 + K)."""
        (found,) = self.session.run(["output0"], {"images": x.astype(np.float32)})
        return found.swapaxes(1, 2)

    def ours(self, masks: int) -> Work:
        options = {"samples": masks, "cells": CELLS, "share": SHARE, "fill_with": "0"}
        return lambda: self.model.explain(self.picture, "d-rise", self.aim, **options).attribution

    def bare(self, masks: int) -> Work:
        batch = np.repeat(self.picture.x, BATCH, axis=0)

        def run() -> np.ndarray:
            for start in range(0, masks, BATCH):
                found = self.raw(batch[: masks - start])
            return found

        return run


def corners(rows: np.ndarray) -> np.ndarray:
    centre, half = rows[:, :2], rows[:, 2:4] / 2
    return np.hstack([centre - half, centre + half])


def xaitk(detector: Detector, masks: int, least: float) -> Work:
    """`DRISEStack` around the detector."""
    from smqtk_detection.interfaces.detect_image_objects import DetectImageObjects
    from smqtk_image_io import AxisAlignedBoundingBox
    from xaitk_saliency.impls.gen_object_detector_blackbox_sal.drise import DRISEStack

    class Boxes(DetectImageObjects):
        def detect_objects(self, img_iter: Iterable[np.ndarray]):
            pictures = iter(img_iter)
            while batch := list(itertools.islice(pictures, BATCH)):
                x = np.stack(batch).transpose(0, 3, 1, 2) / np.float32(255)
                for rows in detector.raw(x):
                    kept = rows[rows[:, 4:].max(axis=1) >= least]
                    yield [
                        (AxisAlignedBoundingBox(b[:2], b[2:]), dict(enumerate(scores.tolist())))
                        for b, scores in zip(corners(kept), kept[:, 4:], strict=True)
                    ]

        def get_config(self) -> dict[str, object]:
            return {}

    sides, scores = np.array([detector.aim.sides]), np.array([detector.aim.scores])
    stack = DRISEStack(n=masks, s=CELLS, p1=SHARE, seed=0, fill=0, threads=0)
    return lambda: stack(detector.picture.pixels, sides, scores, Boxes())[0]


def dianna(detector: Detector, masks: int) -> Work:
    """RISE of DIANNA around a function that compares boxes."""
    from dianna.methods.rise_image import RISEImage

    left, top, right, bottom = detector.aim.sides
    own = np.array(detector.aim.scores)

    def match(rows: np.ndarray) -> float:
        box, scores = corners(rows), rows[:, 4:]
        width = np.clip(np.minimum(box[:, 2], right) - np.maximum(box[:, 0], left), 0, None)
        height = np.clip(np.minimum(box[:, 3], bottom) - np.maximum(box[:, 1], top), 0, None)
        shared = width * height
        union = rows[:, 2] * rows[:, 3] + (right - left) * (bottom - top) - shared
        lengths = np.linalg.norm(scores, axis=1) * np.linalg.norm(own)
        alike = np.divide(scores @ own, lengths, out=np.zeros(len(rows)), where=lengths > 0)
        return float((shared / union * alike).max())

    def runner(x: np.ndarray) -> np.ndarray:
        return np.array([[match(rows)] for rows in detector.raw(x)])

    def run() -> np.ndarray:
        explainer = RISEImage(masks, CELLS, SHARE, axis_labels=["channels", "height", "width"])
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            return np.asarray(explainer.explain(runner, detector.picture.x[0], [0], BATCH)[0])

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--masks", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=CLOCKS, default="cpu")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    print(f"{options.threads} processor(s), {options.clock} time, load {os.getloadavg()[0]:.1f}")
    rows: dict[str, list[str]] = {}
    seconds: dict[str, list[str]] = {}
    for path in MODELS:
        detector = Detector(path)
        ours = detector.ours(options.masks)
        for name, their in others(detector, options.masks).items():
            rounds = in_turns(their, ours, options.rounds, options.clock)
            rows.setdefault(name, [name]).append(spread([t / o for t, o in rounds]))
            seconds.setdefault(name, []).append(f"{statistics.median(o for _, o in rounds):.2f}")
    table = [[*row, ", ".join(seconds[name])] for name, row in rows.items()]
    show_rows("d-rise", COLUMNS, table, write=options.write)


def others(detector: Detector, masks: int) -> dict[str, Work]:
    """What ours is compared with."""
    return {
        "XAITK, all candidates": xaitk(detector, masks, 0.0),
        "XAITK, those above .05 alone": xaitk(detector, masks, 0.05),
        "DIANNA's loop": dianna(detector, masks),
        "bare session calls": detector.bare(masks),
    }


if __name__ == "__main__":
    main()
