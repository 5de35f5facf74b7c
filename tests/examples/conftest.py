"""Models that carry their explanation, written once for all examples."""

from pathlib import Path

import pytest

import onnxplain
from onnxplain.export.export import export

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Write a shipped model with maps, given its name and the methods."""
    folder, made = tmp_path_factory.mktemp("exported"), {}

    def write(name, methods, **options):
        key = (name, methods, *options.items())
        if key not in made:
            path = ROOT / f"models/{name}.onnx"
            out = folder / f"{name}-{len(made)}.explained.onnx"
            export(onnxplain.load(path), path, out, [methods], **options)
            made[key] = out
        return made[key]

    return write
