"""Our converters inside onnx2torch, for the duration of one conversion."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from onnxplain.convert.coverage import Operator

Converter = Callable[[Any, Any], Any]
"""Takes onnx2torch's node and graph, returns its ``OperationConverterResult``."""

_LOCK = threading.Lock()


@contextmanager
def installed(
    ours: Mapping[Operator, Converter], aliases: Mapping[Operator, Operator]
) -> Iterator[None]:
    """Lay `ours` and `aliases` over onnx2torch's registry, and restore it afterwards.

    Parameters
    ----------
    ours : mapping of Operator to Converter
        Replaces or adds.
    aliases : mapping of Operator to Operator
        The key is answered with what the registry has for the value.
    """
    from onnx2torch.node_converters import registry

    def key(operator: Operator) -> Any:
        return registry.OperationDescription(operator.domain, operator.op_type, operator.version)

    with _LOCK:
        table = registry._CONVERTER_REGISTRY
        original = dict(table)
        table.update({key(k): original[key(v)] for k, v in aliases.items()})
        table.update({key(k): v for k, v in ours.items()})
        try:
            yield
        finally:
            table.clear()
            table.update(original)
