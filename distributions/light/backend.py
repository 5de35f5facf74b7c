"""Build onnxplain-light from the sources two folders up, with setuptools.

setuptools reads nothing outside of its own folder when it makes a source archive. So the
sources are copied here before each step and removed after it; in an unpacked archive they are
there already and stay.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from setuptools import build_meta

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGE = "onnxplain"
FILES = ("README.md", "LICENSE", "NOTICE")


@contextmanager
def _sources() -> Iterator[None]:
    """Bring the sources into this folder for a while, unless they belong to it."""
    if (HERE / PACKAGE).exists():
        yield
        return
    try:
        shutil.copytree(
            ROOT / PACKAGE, HERE / PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
        )
        for name in FILES:
            shutil.copyfile(ROOT / name, HERE / name)
        yield
    finally:
        shutil.rmtree(HERE / PACKAGE, ignore_errors=True)
        for name in FILES:
            (HERE / name).unlink(missing_ok=True)
        for left in (HERE / "build", HERE / "onnxplain_light.egg-info"):
            shutil.rmtree(left, ignore_errors=True)


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Ask setuptools what a wheel needs."""
    with _sources():
        return build_meta.get_requires_for_build_wheel(config_settings)


def get_requires_for_build_sdist(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Ask setuptools what a source archive needs."""
    with _sources():
        return build_meta.get_requires_for_build_sdist(config_settings)


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: dict[str, Any] | None = None
) -> str:
    """Write the metadata of the wheel."""
    with _sources():
        return build_meta.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel."""
    with _sources():
        return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """Build the source archive."""
    with _sources():
        return build_meta.build_sdist(sdist_directory, config_settings)
