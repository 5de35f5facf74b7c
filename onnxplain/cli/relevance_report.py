"""What ``onnxplain explain`` prints about relevance: where it went, which channels carried it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onnxplain.cli.console import line, table
from onnxplain.methods.channels import top_channels

if TYPE_CHECKING:
    from onnxplain.explanation import Explanation

_LEAKS = 3
_CHANNELS = 8
# Share of the score below which a loss is rounding.
_NEGLIGIBLE = 1e-4


def show_relevance(explanations: Sequence[Explanation]) -> None:
    """Print sums, leaks and channels of those explanations that propagated relevance."""
    for explanation in explanations:
        if "relevance_in" in explanation.measures:
            line(_sums(explanation))
        if "channels" in explanation.maps:
            _show_channels(explanation)


def _sums(explanation: Explanation) -> str:
    measures = explanation.measures
    what = f"relevance by {explanation.method} of {explanation.target.describe()}"
    text = (
        f"{what}, {explanation.parameters['composite']}: {measures['relevance_in']:.4g} of "
        f"{measures['relevance_out']:.4g} arrives at the input"
    )
    leaks = [
        f"{leak['absorbed']:.3g} by {leak['operator']} {leak['tensor']}"
        for leak in explanation.notes["leaks"][:_LEAKS]
        if abs(leak["absorbed"]) > _NEGLIGIBLE * abs(measures["relevance_out"])
    ]
    return text + (f"; absorbed most: {', '.join(leaks)}" if leaks else "")


def _show_channels(explanation: Explanation) -> None:
    tensor = explanation.parameters["at"]
    rows = top_channels(explanation.maps["channels"], _CHANNELS)
    title = f"channels of {tensor} that carry most relevance of {explanation.target.describe()}"
    columns = ("channel", "relevance", "share")
    table(title, columns, [[str(k), value, f"{100 * share:.1f} %"] for k, value, share in rows])
