"""Convert every form of every network, and write docs/coverage.md.

``python -m benchmarks.conversion --keras PYTHON`` measures every row that results.json lacks
(all of them: about an hour on two cores) and can be stopped at any time; ``--only PATTERN`` takes
the rows whose "library network form" matches, ``--again`` measures rows that are there, too.
PYTHON is an interpreter with tensorflow, keras and tf2onnx; what it writes is kept in a cache.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import chain
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from benchmarks.conversion import forms, sequences
from benchmarks.conversion.measure import Row, gradient_error, measure, noted_gradient_error
from benchmarks.conversion.networks import TIMM, TORCHVISION, calibrated
from benchmarks.conversion.table import load, save, tolerance_of

ROOT = Path(__file__).parents[2]
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

Make = Callable[[], onnx.ModelProto]
Change = Callable[[onnx.ModelProto], onnx.ModelProto]
Key = tuple[str, str, str]


def cases(library: str, network: str, folder: Path) -> Iterator[tuple[str, Make]]:
    """All forms of one network of images; a form is made when it is called."""
    side = (TORCHVISION if library == "torchvision" else TIMM)[network]
    base = Base(lambda: (calibrated(library, network)[0], forms.images(side)))
    path = folder / "net.onnx"
    yield from base.exports(path, ("TorchScript 17", "TorchScript 13"))
    if (library, network) in DEFAULT_EXPORTER:
        yield from base.exports(path, ("default 18", "default 20"))
    if (library, network) in DEPLOYED:
        yield from base.halves(path)
        yield "batch of 1", base.derived(path, forms.fixed_batch)
        yield "uint8 NHWC", base.derived(path, lambda m: forms.pixels_inside(m, side))
        yield from base.optimised(path)
    if (library, network) in QUANTISED:
        for kind in ("QDQ", "QOperator", "dynamic"):
            out = folder / "quantised.onnx"
            yield (
                f"8 bits {kind}",
                base.derived(path, lambda m, k=kind, o=out: forms.quantised(m, side, k, o)),
            )


def sequence_cases(network: str, folder: Path) -> Iterator[tuple[str, Make]]:
    """All forms of one network of text, sound, tables or video."""
    base = Base(lambda: sequences.calibrated(network))
    path, out = folder / "net.onnx", folder / "changed.onnx"
    opsets = (9, 11, 13, 17, 20)
    yield from base.exports(path, tuple(f"TorchScript {opset}" for opset in opsets))
    yield from base.exports(path, ("default 18", "default 21", "default 24"))
    yield from base.halves(path)
    yield from base.optimised(path)
    yield "8 bits dynamic", base.derived(path, lambda m: forms.quantised(m, 0, "dynamic", out))
    if network not in ("encoder", "decoder"):
        return
    yield "4 bits weights", base.derived(path, lambda m: forms.weight_only(m, 4), "default", 20)
    yield (
        "4 bits products",
        base.derived(path, lambda m: forms.weight_only(m, 4, level=4), "default", 20),
    )
    yield "8 bits weights", base.derived(path, lambda m: forms.weight_only(m, 8), "default", 20)
    yield "fused transformer", base.derived(path, lambda m: forms.fused(m, out, heads=4, width=32))


class Base:
    """A network and an input to export it with, made when first needed."""

    def __init__(self, load: Callable[[], tuple[nn.Module, dict[str, Tensor]]]) -> None:
        self.load = cache(load)

    def derived(
        self, path: Path, change: Change, exporter: str = "torchscript", opset: int = 17
    ) -> Make:
        """Export, then change the file."""
        return lambda: change(forms.export(*self.load(), path, exporter, opset))

    def exports(self, path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Make]]:
        """Exports by exporter and opset, such as ``"default 18"``."""
        for name in names:
            exporter, opset = name.lower().split()
            yield name, self.derived(path, lambda m: m, exporter, int(opset))

    def halves(self, path: Path) -> Iterator[tuple[str, Make]]:
        """Both kinds of float16 file."""
        yield "float16", self.derived(path, lambda m: forms.half(m, keep_io_types=False))
        yield "float16 inside", self.derived(path, lambda m: forms.half(m, keep_io_types=True))

    def optimised(self, path: Path) -> Iterator[tuple[str, Make]]:
        """What ONNX Runtime writes at each level."""
        for level in forms.LEVELS:
            out = path.with_name("optimised.onnx")
            yield (
                f"ONNX Runtime {level}",
                self.derived(path, lambda m, v=level, o=out: forms.optimised(m, v, o)),
            )


def row_of(library: str, network: str, form: str, make: Make) -> Row:
    """Measure one form; what the exporter or ONNX Runtime refuses is said, and not counted."""
    row = Row(library, network, form, "not made")
    try:
        model = make()
    except Exception as error:  # exporters raise anything
        row.note = f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"
        return row
    try:
        return measure(model, row, tolerance_of(form))
    except Exception as error:  # a crash is a result of this benchmark
        row.result = "crash"
        row.note = f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"
        return row


def keras_rows(folder: Path, python: str, only: str) -> Iterator[tuple[Key, Callable[[], Row]]]:
    """Rows of the Keras networks, which `python` writes if it has tensorflow."""
    folder.mkdir(parents=True, exist_ok=True)
    has = subprocess.run([python, "-c", "import tensorflow, keras, tf2onnx"], capture_output=True)
    if has.returncode == 0:
        command = [python, "-m", "benchmarks.conversion.keras_files", str(folder.resolve()), only]
        subprocess.run(command, check=True, cwd=ROOT)
    elif not any(folder.glob("*/*.onnx")):
        why = "no tensorflow, keras and tf2onnx here; --keras names a python that has them"
        yield ("Keras", "all", "all"), lambda: Row("Keras", "all", "all", "not made", note=why)
    record = folder / "not made.json"
    failed = json.loads(record.read_text()) if record.is_file() else {}
    for key, why in failed.items():
        form, network = key.split("/")
        row = Row("Keras", network, form, "not made", note=why)
        yield ("Keras", network, form), lambda r=row: r
    for file in sorted(folder.glob("*/*.onnx")):
        form, network = file.parent.name, file.stem
        key = "Keras", network, form
        yield key, partial(keras_row, key, file, folder / "gradients" / f"{network}.npz")


def keras_row(key: Key, file: Path, original: Path) -> Row:
    """Measure; where TensorFlow's gradient in float64 was noted, against that as well."""
    row = row_of(*key, partial(onnx.load, file))
    if row.result == "right" and original.is_file():
        with np.load(original) as known:
            row.gradient_error = noted_gradient_error(
                onnx.load(file), known["x"], known["gradient"]
            )
    return row


def torch_rows(folder: Path) -> Iterator[tuple[Key, Callable[[], Row]]]:
    """Rows of the PyTorch networks, each measured when it is called."""
    for network in sequences.SEQUENCES:
        for form, make in sequence_cases(network, folder):
            key = "sequences", network, form
            yield key, partial(row_of, *key, make)
    for library, names in (("torchvision", TORCHVISION), ("timm", TIMM)):
        for network in names:
            for form, make in cases(library, network, folder):
                key = library, network, form
                yield key, partial(with_gradient, key, make, folder)


def with_gradient(key: Key, make: Make, folder: Path) -> Row:
    """Measure; for one form of each network also against the original in float64."""
    library, network, form = key
    row = row_of(library, network, form, make)
    if form == "TorchScript 17" and row.result == "right":
        net, side = calibrated(library, network)
        row.gradient_error = gradient_error(net, side, folder / "wide.onnx")
    return row


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression for 'library network form'")
    parser.add_argument("--again", action="store_true", help="measure rows that are there, too")
    parser.add_argument("--keras", default=sys.executable, help="python that has tensorflow")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/onnxplain-conversion")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows, wanted = load(), re.compile(given.only)
    with tempfile.TemporaryDirectory() as name:
        keras = keras_rows(given.cache, given.keras, given.only)
        for key, measured in chain(keras, torch_rows(Path(name))):
            if not wanted.search(" ".join(key)) or (key in rows and not given.again):
                continue
            since = time.time()
            rows[key] = measured()
            save(rows)
            print(f"{time.time() - since:5.1f} s  {rows[key]}", flush=True)
    save(rows)


if __name__ == "__main__":
    main()
