"""Areas of an audit's deletion and insertion curves against those of all points.

For each picture and method the whole curve is measured, one row of pixels at a time, and then read
at the points that an audit would take. Printed are the points and the area's error: mean, 95th
percentile and largest over all curves.

    python -m benchmarks.curves [flowers] [photos] [--pictures 100]

``flowers`` are drawn (flowers-gap, 128 rows), ``photos`` are crops of the photos in ``examples/``
(EfficientNet-Lite0, 224 rows; 100 of them take 10 minutes and more).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.curves import FITS
from onnxplain.audit.examine import plan_of
from onnxplain.evaluate.built_in import flower_samples
from onnxplain.evaluate.case_measures import deletion, insertion
from onnxplain.evaluate.cases import cases, look
from onnxplain.evaluate.fitted import fitted_curve
from onnxplain.evaluate.removal import Curve
from onnxplain.inputs.dataset import Sample, read_dataset

ROOT = Path(__file__).parents[1]
CONFIG = AuditConfig(methods=("grad-cam", "lrp"), curves="full")
_EVEN = 33


@contextmanager
def photo_samples(count: int) -> Iterator[list[Sample]]:
    """Crops of the photos, of half to all of their sides, at random places."""
    rng = np.random.default_rng(0)
    files = sorted(p for p in (ROOT / "examples/photos").iterdir() if p.suffix != ".md")
    with tempfile.TemporaryDirectory() as folder:
        for k in range(count):
            photo = Image.open(files[k % len(files)]).convert("RGB")
            width, height = (round(side * rng.uniform(0.5, 1.0)) for side in photo.size)
            left = int(rng.integers(photo.width - width + 1))
            top = int(rng.integers(photo.height - height + 1))
            crop = photo.crop((left, top, left + width, top + height))
            crop.save(Path(folder) / f"{k:03}.png")
        yield read_dataset(Path(folder))


PARTS = {
    "flowers": ("flowers-gap", lambda count: flower_samples(count=count)),
    "photos": ("efficientnet-lite0", photo_samples),
}


def whole_curves(part: str, count: int) -> Iterator[Curve]:
    """Deletion and insertion of each picture by each method, at all points."""
    name, data = PARTS[part]
    model = onnxplain.load(ROOT / f"models/{name}.onnx", batch_size=CONFIG.batch_size)
    plan = plan_of(CONFIG)
    with data(count) as samples:
        for sample in samples:
            for case in cases(model, look(model, sample, plan, []), CONFIG.methods, plan, []):
                yield deletion(case)
                yield insertion(case)


def main() -> None:
    """Print a line for each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), choices=[*PARTS])
    parser.add_argument("--pictures", type=int, default=100)
    given = parser.parse_args()
    for part in given.parts:
        curves = list(whole_curves(part, given.pictures))
        print(f"{part}: {len(curves)} curves of {len(curves[0].shares)} points")
        for name, enough in FITS.items():
            if enough is None:
                continue
            few = [fitted_curve(c.shares, c.scores.__getitem__, enough) for c in curves]
            off = np.abs([f.area - c.area for f, c in zip(few, curves, strict=True)])
            points = np.array([len(f.shares) for f in few])
            print(
                f"  {name}: {points.mean():.0f} points ({points.min()} to {points.max()}); area "
                f"off by {off.mean():.4f}, 95 % below {np.percentile(off, 95):.4f}, at most "
                f"{off.max():.4f}"
            )
        even = np.linspace(0, len(curves[0].shares) - 1, _EVEN).round().astype(int)
        off = np.abs([Curve(c.shares[even], c.scores[even]).area - c.area for c in curves])
        print(f"  {_EVEN} even points: off by {off.mean():.4f}, at most {off.max():.4f}")


if __name__ == "__main__":
    main()
