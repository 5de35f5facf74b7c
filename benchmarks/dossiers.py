"""How far do the figures of a dossier differ on other instruction sets and numbers of threads?

A dossier of an audit by occlusion is made here with two threads, and checked by the verifier that
shares no code: with one and two threads, with the instructions of NumPy limited as
`tests.instruction_sets` does, and, if qemu-x86_64 is there (Debian: qemu-user), on emulated
processors, where ONNX Runtime too takes the kernels that those have.

    python -m benchmarks.dossiers digits-gap flowers-gap
    python -m benchmarks.dossiers efficientnet-lite0 --sample 0    # predictions alone

With --python, the interpreter of another environment checks too, with its own versions:

    python -m venv older && older/bin/pip install onnxruntime==1.20.1 numpy==1.26.4 pillow==10.4.0
    python -m benchmarks.dossiers digits-gap --python older/bin/python
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from instruction_sets import SETTINGS, environment, missing  # noqa: E402

DATA = {"digits": "digits", "flowers": "flowers", "fashion": "fashion", "efficientnet": "photos"}
# Of the years 2008, 2011 and 2013: SSE4.2, AVX, AVX2 with FMA.
EMULATED = ("Nehalem", "SandyBridge", "Haswell")
_FIGURES = {
    "prediction": r"largest difference ([0-9.e+-]+)",
    "map": r"maps differ by ([0-9.e+-]+)",
    "evidence": r"shares of the evidence by ([0-9.e+-]+)",
}


class Checked(NamedTuple):
    """What the verifier said under a setting: its exit code, and the largest differences."""

    setting: str
    code: int
    differences: Mapping[str, float]
    text: str


def made(stem: str, folder: Path, pictures: int, threads: int) -> Path:
    """Make a dossier of a model of the project."""
    config = folder / "audit.toml"
    config.write_text('methods = ["occlusion"]\nmeasures = []\nsanity_pictures = 0\n')
    model, data = ROOT / "models" / f"{stem}.onnx", ROOT / "examples" / DATA[stem.split("-")[0]]
    audit = ["audit", model, data, "--config", config, "-o", folder / "audited"]
    dossier = ["dossier", folder / "audited", "-o", folder / "filed", "--model", model]
    for words in ([*audit, "--limit", str(pictures)], [*dossier, "--data", data]):
        subprocess.run(
            [sys.executable, "-m", "onnxplain", *map(str, words), "--quiet"],
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)},
            check=True,
        )
    return folder / "filed"


def checked(
    folder: Path, sample: int, emulate: Sequence[str], others: Sequence[str]
) -> Iterator[Checked]:
    """Check a dossier under every setting that there is here, and by other interpreters."""
    for python in others:
        for threads in (1, 2):
            name = f"{_versions(python)}, {threads} thread{'s' * (threads > 1)}"
            yield _run(name, folder, sample, threads, None, python=python)
    for setting in SETTINGS:
        if not missing(setting):
            yield _run(str(setting), folder, sample, setting.threads, environment(setting))
    for processor in emulate:
        before = ["qemu-x86_64", "-cpu", processor]
        for threads in (1, 2):
            yield _run(f"{processor}-{threads}", folder, sample, threads, None, before)


def _versions(python: str) -> str:
    """What an interpreter computes with."""
    said = (
        "import numpy, onnxruntime, PIL; print(f'onnxruntime {onnxruntime.__version__}, numpy "
        "{numpy.__version__}, pillow {PIL.__version__}')"
    )
    done = subprocess.run([python, "-c", said], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def emulator_is_there() -> bool:
    """Whether other processors can be emulated here."""
    return shutil.which("qemu-x86_64") is not None


def _run(
    name: str,
    folder: Path,
    sample: int,
    threads: int,
    variables: Mapping[str, str] | None,
    before: Sequence[str] = (),
    python: str = sys.executable,
) -> Checked:
    command = [
        *before, os.path.realpath(python) if before else python,
        str(folder / "verify_dossier.py"), str(folder),
        "--sample", str(sample), "--threads", str(threads),
    ]  # fmt: skip
    environment = dict(variables or os.environ)
    if before:
        # An emulator starts the interpreter itself, and not the link in a virtual environment.
        environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if "site-packages" in p)
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    text = found.stdout + found.stderr
    matches = {name: re.search(pattern, text) for name, pattern in _FIGURES.items()}
    differences = {n: float(m[1]) for n, m in matches.items() if m and m[1]}
    return Checked(name, found.returncode, differences, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("models", nargs="+", help="models of the project, such as digits-gap")
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--sample", type=int, default=2, help="pictures that are occluded again")
    parser.add_argument("--processors", default=",".join(EMULATED), help="that are emulated")
    parser.add_argument(
        "--python", action="append", default=[], help="interpreter of another environment"
    )
    options = parser.parse_args()
    emulate = options.processors.split(",") if options.processors and emulator_is_there() else []
    print("| model | checked on | exit code | " + " | ".join(_FIGURES) + " |", flush=True)
    print("| --- | --- | ---: | " + " | ".join("---:" for _ in _FIGURES) + " |")
    for stem in options.models:
        with tempfile.TemporaryDirectory() as folder:
            filed = made(stem, Path(folder), options.pictures, threads=2)
            for found in checked(filed, options.sample, emulate, options.python):
                cells = [f"{found.differences[f]:.2g}" if f in found.differences else "-"
                         for f in _FIGURES]  # fmt: skip
                print(
                    f"| {stem} | {found.setting} | {found.code} | {' | '.join(cells)} |", flush=True
                )
                if found.code:
                    print(found.text, flush=True)


if __name__ == "__main__":
    main()
