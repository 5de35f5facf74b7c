"""Scenes with bars beside stars, annotated, and audits of them that are made once."""

import functools
from pathlib import Path
from tempfile import mkdtemp

from PIL import Image

from models.build.scenes import CLASSES, FIRST_TEST_SEED, STAR, scene
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.record import read_record, write_record
from onnxplain.audit.run import open_audit, run_audit
from onnxplain.evaluate.boxes.truth import truth_of
from onnxplain.inputs.annotations.annotation import Annotation, Marked
from onnxplain.inputs.annotations.attach import Annotated
from onnxplain.inputs.dataset import Sample
from onnxplain.model.load import load

CONFIG = AuditConfig(
    methods=("gradient",), measures=("energy-in-mask",), sanity_pictures=0, examples=4
)
_FIRST = FIRST_TEST_SEED + 30_000


@functools.cache
def model(stem):
    return load(f"models/{stem}.onnx")


@functools.cache
def barred(count=7):
    """Pictures with a star each, of which every one has a bar; the last picture is empty."""
    folder, samples, seed = Path(mkdtemp()), [], _FIRST
    while len(samples) < count:
        drawn = scene(seed, shortcut=True)
        seed += 1
        if STAR in drawn.boxes[:, 4]:
            path = folder / f"{seed}.png"
            Image.fromarray(drawn.image).save(path)
            marked = tuple(Marked(CLASSES[b[4]], tuple(map(float, b[:4]))) for b in drawn.boxes)
            samples.append(Sample(path.name, path, annotation=Annotation(marked)))
    path = folder / "empty.png"
    Image.new("RGB", (96, 96), (120, 120, 110)).save(path)
    samples.append(Sample(path.name, path, annotation=Annotation()))
    return Annotated("plain", CLASSES, samples, [], [])


@functools.cache
def audited(stem):
    """Record, samples, truth and store's folder of an audit."""
    folder = Path(mkdtemp())
    found = barred()
    truth = truth_of(found, model(stem).task)
    with open_audit(folder, model(stem), found.samples, CONFIG, truth) as audit:
        run_audit(audit)
        sources = {"model": f"models/{stem}.onnx", "data": "drawn", "boxes": "drawn"}
        write_record(folder / "record.json", audit, sources)
    return read_record(folder / "record.json"), found.samples, truth, folder
