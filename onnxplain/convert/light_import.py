"""Import onnx2torch without the packages that it imports and we do not use.

onnx2torch imports torchvision for two operators, which have converters of their own here, and
PyTorch's exporter for the version that an export would have. With torchvision comes most of
PyTorch's compiler: all together more than a second. They are imported when they are used:
onnx2torch's own NonMaxSuppression and RoiAlign still work for whoever calls them.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from onnxplain.boundary import pass_stop_on
from onnxplain.convert.torchvision_guard import forget, import_torchvision
from onnxplain.errors import ConversionError

# Parents before their parts.
_UNUSED = ("torchvision", "torchvision.ops", "torch.onnx")
_LOCK = threading.RLock()


def import_onnx2torch() -> None:
    """Import onnx2torch.

    Raises
    ------
    ConversionError
        If onnx2torch cannot be imported.
    """
    if "onnx2torch" in sys.modules:
        return
    try:
        with _LOCK, _standing_in():
            importlib.import_module("onnx2torch")
    except Exception as error:
        pass_stop_on(error)
        # Another version may ask more of them than a stand-in can give.
        forget("onnx2torch")
        _import_with_all()


def _import_with_all() -> None:
    try:
        import_torchvision()
        importlib.import_module("onnx2torch")
    except RuntimeError as error:
        raise ConversionError(f"onnx2torch cannot be imported: {error}") from error
    except ImportError as error:
        raise ConversionError(
            f"onnx2torch cannot be imported ({error}); install it with: pip install onnx2torch"
        ) from error


@contextmanager
def _standing_in() -> Iterator[None]:
    """Put stand-ins where modules are not loaded, and take them away afterwards."""
    made = {name: _Later(name) for name in _UNUSED if name not in sys.modules}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name, stand_in in made.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
            stand_in.ready = True


class _Later(ModuleType):
    """A module, or something of one, that is imported when it is used."""

    def __init__(self, name: str, parent: _Later | None = None) -> None:
        super().__init__(name)
        self.parent = parent
        self.ready = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if self._is_ready():
            return getattr(self._real(), name)
        return _Later(name, self)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._real()(*given, **named)

    def _is_ready(self) -> bool:
        return self.ready if self.parent is None else self.parent._is_ready()

    def _real(self) -> Any:
        if self.parent is not None:
            return getattr(self.parent._real(), self.__name__)
        if self.__name__.partition(".")[0] == "torchvision":
            import_torchvision()
        return importlib.import_module(self.__name__)
