"""Convert every form of every network, and write docs/coverage.md.

``python -m benchmarks.conversion`` runs everything (about an hour on two cores);
``--only PATTERN`` runs the rows whose "library network form" matches and keeps the others;
``--files FOLDER`` adds ready files, such as those that keras_files.py writes.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import torch

from benchmarks.conversion import forms
from benchmarks.conversion.measure import Row, gradient_error, measure
from benchmarks.conversion.networks import TIMM, TORCHVISION, calibrated
from benchmarks.conversion.table import load, save

FLOAT, HALF, EIGHT_BITS = 1e-3, 0.1, 0.5
DEFAULT_EXPORTER = {
    ("torchvision", "resnet18"), ("torchvision", "mobilenet_v3_small"),
    ("torchvision", "efficientnet_b0"), ("torchvision", "swin_t"), ("torchvision", "vit_b_32"),
    ("timm", "convnextv2_atto"), ("timm", "levit_128s"), ("timm", "mobilevit_xxs"),
    ("timm", "deit_tiny_patch16_224"), ("timm", "res2net50_14w_8s"),
}  # fmt: skip
DEPLOYED = {
    ("torchvision", "resnet18"), ("torchvision", "mobilenet_v3_small"),
    ("timm", "deit_tiny_patch16_224"), ("timm", "convnextv2_atto"), ("timm", "levit_128s"),
}  # fmt: skip
QUANTISED = {("torchvision", "resnet18"), ("torchvision", "mobilenet_v3_small"),
             ("timm", "deit_tiny_patch16_224")}  # fmt: skip

Make = Callable[[], tuple[onnx.ModelProto, float]]


def cases(library: str, network: str, folder: Path) -> Iterator[tuple[str, Make]]:
    """All forms of one network; a form is made when it is called."""
    net, side = calibrated(library, network)
    path = folder / "net.onnx"

    def exported(exporter: str, opset: int) -> Make:
        return lambda: (forms.export(net, side, path, exporter, opset), FLOAT)

    def derived(change: Callable[[onnx.ModelProto], onnx.ModelProto], tolerance: float) -> Make:
        return lambda: (change(forms.export(net, side, path, "torchscript", 17)), tolerance)

    yield "TorchScript 17", exported("torchscript", 17)
    yield "TorchScript 13", exported("torchscript", 13)
    if (library, network) in DEFAULT_EXPORTER:
        yield "default 18", exported("default", 18)
        yield "default 20", exported("default", 20)
    if (library, network) in DEPLOYED:
        yield "float16", derived(lambda m: forms.half(m, keep_io_types=False), HALF)
        yield "float16 inside", derived(lambda m: forms.half(m, keep_io_types=True), HALF)
        yield "batch of 1", derived(forms.fixed_batch, FLOAT)
        yield "uint8 NHWC", derived(lambda m: forms.pixels_inside(m, side), FLOAT)
        for level in forms.LEVELS:
            out = folder / "optimised.onnx"
            yield (
                f"ONNX Runtime {level}",
                derived(lambda m, v=level, o=out: forms.optimised(m, v, o), FLOAT),
            )
    if (library, network) in QUANTISED:
        for kind in ("QDQ", "QOperator", "dynamic"):
            out = folder / "quantised.onnx"
            yield (
                f"8 bits {kind}",
                derived(lambda m, k=kind, o=out: forms.quantised(m, side, k, o), EIGHT_BITS),
            )


def row_of(library: str, network: str, form: str, make: Make) -> Row:
    """Measure one form; what the exporter or ONNX Runtime refuses is said, and not counted."""
    row = Row(library, network, form, "not made")
    try:
        model, tolerance = make()
    except Exception as error:  # exporters raise anything
        row.note = f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"
        return row
    try:
        return measure(model, row, tolerance)
    except Exception as error:  # a crash is a result of this benchmark
        row.result = "crash"
        row.note = f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"
        return row


def run(only: str, files: Path | None, rows: dict[tuple[str, str, str], Row]) -> None:
    """Measure everything that matches `only`, saving after each row."""
    wanted = re.compile(only)

    def add(row: Row, since: float) -> None:
        rows[row.library, row.network, row.form] = row
        save(rows)
        print(f"{time.time() - since:5.1f} s  {row}", flush=True)

    for file in sorted(files.glob("*/*.onnx")) if files else ():
        since = time.time()
        row = row_of("Keras", file.stem, file.parent.name, lambda f=file: (onnx.load(f), FLOAT))
        add(row, since)
    networks = [("torchvision", n) for n in TORCHVISION] + [("timm", n) for n in TIMM]
    for library, network in networks:
        if files or not wanted.search(f"{library} {network}"):
            continue
        with tempfile.TemporaryDirectory() as name:
            for form, make in cases(library, network, Path(name)):
                since = time.time()
                row = row_of(library, network, form, make)
                if form == "TorchScript 17" and row.result == "right":
                    net, side = calibrated(library, network)
                    path = Path(name) / "unfolded.onnx"
                    model = forms.export(net, side, path, "torchscript", 17, unfolded=True)
                    row.gradient_error = gradient_error(net, model, side)
                add(row, since)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression for 'library network'")
    parser.add_argument("--files", type=Path, help="folder of FORM/NETWORK.onnx")
    given = parser.parse_args()
    torch.set_num_threads(1)
    run(given.only, given.files, load())


if __name__ == "__main__":
    main()
