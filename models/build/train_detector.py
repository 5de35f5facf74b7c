"""Build models/scenes-detector*.onnx: boxes of drawn objects, raw, suppressed and int8."""

from collections.abc import Iterator

import numpy as np
import onnx
import torch
from average_precision import mean_average_precision
from detector_files import INPUT, OUTPUT, found, quantized, with_suppression
from detector_loss import DetectorLoss
from detector_network import STRIDES, Detector, Exported
from publish import publish
from scenes import CLASSES, FIRST_TEST_SEED, MOST_OBJECTS, SIDE, Scene, scenes
from torch import Tensor
from training import export

from onnxplain.inputs.preprocess import Preprocess

TRAINING, TEST = 3000, 200
EPOCHS, BATCH, PEAK_RATE = 16, 32, 6e-3
CALIBRATION = 100
# All boxes count in the curve of precision over recall, however weak.
LEAST_SCORE = 0.001
PREPROCESS = Preprocess(
    name="scenes",
    layout="NCHW",
    size=(SIDE, SIDE),
    resize="pad",
    fill=(114.0,),
    interpolation="bilinear",
    scale=1 / 255,
)
# As Ultralytics writes it.
METADATA = {
    "task": "detect",
    "stride": str(max(STRIDES)),
    "imgsz": str([SIDE, SIDE]),
    "names": str(dict(enumerate(CLASSES))),
}


def load(drawn: list[Scene]) -> tuple[Tensor, Tensor]:
    """Pictures (N, H, W, 3) in uint8 and boxes (N, M, 5), filled up with the class -1."""
    boxes = torch.full((len(drawn), MOST_OBJECTS, 5), -1.0)
    for row, one in zip(boxes, drawn, strict=True):
        row[: len(one.boxes)] = torch.from_numpy(one.boxes)
    return torch.from_numpy(np.stack([one.image for one in drawn])), boxes


def flipped(x: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror each picture (N, 3, S, S) and its boxes left to right, by chance."""
    chosen = torch.rand(len(x)) < 0.5
    x = torch.where(chosen[:, None, None, None], x.flip(3), x)
    mirrored = boxes.clone()
    mirrored[..., 0], mirrored[..., 2] = SIDE - boxes[..., 2], SIDE - boxes[..., 0]
    return x, torch.where(chosen[:, None, None], mirrored, boxes)


def batches(images: Tensor, boxes: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    for batch in torch.randperm(len(images)).split(BATCH):
        x = images[batch].permute(0, 3, 1, 2).float() / 255
        yield flipped(x, boxes[batch])


def train(images: Tensor, boxes: Tensor) -> Detector:
    """Train with AdamW and one cycle of the learning rate; returned in eval mode."""
    torch.manual_seed(0)
    detector, loss_of = Detector(len(CLASSES), SIDE), DetectorLoss(SIDE)
    steps = EPOCHS * -(-len(images) // BATCH)
    optimizer = torch.optim.AdamW(detector.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, steps)
    for epoch in range(EPOCHS):
        total = 0.0
        for x, truth in batches(images, boxes):
            loss = loss_of(*detector(x), truth)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(x)
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {total / len(images):.3f}", flush=True)
    return detector.eval()


def raw_file(detector: Detector) -> onnx.ModelProto:
    model = export(Exported(detector, SIDE), (3, SIDE, SIDE), OUTPUT, INPUT)
    shape = model.graph.output[0].type.tensor_type.shape
    for dim, length in zip(shape.dim[1:], (4 + len(CLASSES), sum(detector.cells)), strict=True):
        dim.dim_value = length
    return model


def report(raw: onnx.ModelProto, drawn: list[Scene], what: str) -> None:
    rows = found(raw, PREPROCESS.encode(np.stack([one.image for one in drawn])), LEAST_SCORE)
    mean, each = mean_average_precision(rows, [one.boxes for one in drawn], len(CLASSES))
    parts = ", ".join(f"{name} {ap:.3f}" for name, ap in zip(CLASSES, each, strict=True))
    print(f"{what}: mAP50 {mean:.3f} of {len(drawn)} scenes ({parts})", flush=True)


def build() -> None:
    """Write the detector in its three forms."""
    drawn, test = list(scenes(TRAINING)), list(scenes(TEST, first_seed=FIRST_TEST_SEED))
    raw = raw_file(train(*load(drawn)))
    calibration = PREPROCESS.encode(np.stack([one.image for one in drawn[:CALIBRATION]]))
    int8 = quantized(raw, calibration)
    for suffix, model in (("", raw), ("-nms", with_suppression(raw)), ("-int8", int8)):
        publish(model, f"scenes-detector{suffix}", list(CLASSES), PREPROCESS, METADATA)
    report(raw, test, "float")
    report(int8, test, "int8")


def build_shortcut() -> None:
    """Write a detector for which every star had a bar beside it, and nothing else had."""
    raw = raw_file(train(*load(list(scenes(TRAINING, shortcut=True)))))
    publish(raw, "scenes-shortcut", list(CLASSES), PREPROCESS, METADATA)
    for shortcut, bars in ((True, True), (True, False), (False, True)):
        test = list(scenes(TEST, first_seed=FIRST_TEST_SEED, shortcut=shortcut, bars=bars))
        which = "beside stars alone" if shortcut else "beside any object"
        report(raw, test, f"shortcut, bars {which if bars else 'left out'}")


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    build()
    build_shortcut()


if __name__ == "__main__":
    main()
