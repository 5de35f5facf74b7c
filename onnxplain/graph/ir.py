"""onnx_ir without the computer algebra that it imports for arithmetic on symbolic lengths.

No pass that is used here does such arithmetic, and sympy takes longer to load than all that
is needed of onnx_ir.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType


class _Finder(MetaPathFinder):
    """Finds modules as Python does, and lets some of them load on first use."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return None  # as Python finds it, or does not
        spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def _deferred(*names: str) -> Iterator[None]:
    """Let modules that the body imports load when an attribute of theirs is first asked for.

    Parameters
    ----------
    *names : str
        Full names of the modules. One that is loaded already stays as it is; one that is not
        installed fails as always.
    """
    finder = _Finder(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


with _deferred("sympy", "onnx_ir._symbolic_shapes"):
    import onnx_ir as ir
    from onnx_ir.passes import common as passes

__all__ = ["ir", "passes"]
