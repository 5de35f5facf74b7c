"""Say that a model's files are not those any more that a long run opened."""

from __future__ import annotations

from onnxplain.cli.console import remark
from onnxplain.model.model import Model


def tell_changed(model: Model) -> None:
    """Say on standard error which files changed, or went, while a command ran.

    Its results are right: they are of what was read, and have the digests of that.
    """
    for location in model.identity.changed:
        remark(
            f"warning: {location!r} of model {model.name!r} changed or disappeared during the "
            "run; the results are for the file as it was when the model was opened"
        )
