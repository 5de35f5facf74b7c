"""Export one file with each method, in a process of its own, and print what came of it.

``python -m benchmarks.exported.measure LIBRARY NETWORK FORM --cache FOLDER --keras FOLDER``
prints one row as JSON. The exporter's own check compares scores and maps.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import onnx
import onnxruntime
import torch

from benchmarks.exported.files import Key, place, write

# The fourth is there as soon as the exporter knows it.
METHODS = ("grad-cam", "gradient", "integrated-gradients", "lrp")
# Few, to save time: the engine takes as many.
STEPS = 8
NOT_MADE, REFUSED, WRITTEN, CRASH = "not made", "refused", "written", "crash"
NO_METHOD = "this version does not write it"


@dataclass
class Row:
    """One file."""

    library: str
    network: str
    form: str
    result: str
    size: str = ""
    forward: str = ""
    maps: list[dict[str, object]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    grown_kb: float = 0.0
    seconds: float = 0.0
    memory_mb: int = 0
    note: str = ""

    @property
    def key(self) -> Key:
        """Which file it is of."""
        return Key(self.library, self.network, self.form)


def measure(key: Key, path: Path, methods: Sequence[str]) -> Row:
    """Export a file; methods that are refused are left out, with the reason."""
    import onnxplain
    from onnxplain.errors import OnnxplainError
    from onnxplain.export.plan import METHODS as KNOWN

    row = Row(*key, WRITTEN)
    try:
        if not path.is_file():
            write(key, path)
        shape = onnx.load(path, load_external_data=False).graph.input[0].type.tensor_type.shape
        row.size = " x ".join(str(d.dim_value or "?") for d in shape.dim[1:])
    except Exception as error:  # exporters raise anything
        row.result, row.note = NOT_MADE, _line(error)
        return row
    row.refused = {m: NO_METHOD for m in methods if m not in KNOWN}
    asked = [m for m in methods if m in KNOWN]
    since = time.time()
    try:
        model = onnxplain.load(path, device="cpu", threads=1)
        left = _export(model, path, row, asked)
    except OnnxplainError as error:
        row.refused.update({m: _line(error) for m in asked})
        left = []
    row.seconds = round(time.time() - since, 1)
    row.result = WRITTEN if left else REFUSED
    return row


def _export(model: object, path: Path, row: Row, asked: Sequence[str]) -> list[str]:
    """Write all methods into one file, or those that are not refused alone."""
    from onnxplain.errors import OnnxplainError
    from onnxplain.export.export import export

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "explained.onnx"

        def one(methods: Sequence[str]) -> None:
            made = export(model, path, out, methods, steps=STEPS)
            row.maps = [asdict(m) for m in made.maps]
            row.forward, row.grown_kb = made.forward, round(made.grown / 1e3, 1)

        try:
            one(asked)
            return list(asked)
        except OnnxplainError as error:
            if len(asked) == 1:
                row.refused[asked[0]] = _line(error)
                return []
        kept = []
        for method in asked:
            try:
                one([method])
                kept.append(method)
            except OnnxplainError as error:
                row.refused[method] = _line(error)
        if len(kept) > 1:
            one(kept)
        return kept


def _line(error: Exception) -> str:
    said = (str(error).strip().splitlines() or [""])[0]
    name = type(error).__name__
    return said if hasattr(error, "exit_code") else f"{name}: {said}"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("key", nargs=3)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--keras", type=Path, required=True)
    parser.add_argument("--memory", type=int, default=12, help="GiB that it may take")
    given = parser.parse_args()
    limit = given.memory << 30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(4)
    key = Key(*given.key)
    path = place(key, given.cache, given.keras)
    try:
        row = measure(key, path, given.methods.split(","))
    except Exception as error:  # a crash is a result of this benchmark
        row = Row(*key, CRASH, note=_line(error))
    row.memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(asdict(row)))


if __name__ == "__main__":
    main()
