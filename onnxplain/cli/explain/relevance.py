"""What ``onnxplain explain`` says about relevance: where it went, which channels carried it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onnxplain.cli.console import line, table
from onnxplain.methods.channels import top_channels

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation

_LEAKS = 3
_CHANNELS = 8
# Share of the score below which a loss is rounding.
_NEGLIGIBLE = 1e-4


def show_sums(explanations: Sequence[Explanation]) -> None:
    """Print sums and leaks of those explanations that propagated relevance."""
    for explanation in explanations:
        if "relevance_in" in explanation.measures:
            line(_sums(explanation))


def show_channels(explanations: Sequence[Explanation]) -> None:
    """Print the channels of the tensor at which relevance was asked for."""
    for explanation in explanations:
        if channels := strongest_channels(explanation):
            _show_channels(explanation, channels)


def strongest_channels(explanation: Explanation) -> list[dict[str, Any]]:
    """List the channels that carry most relevance; empty if it was read at no tensor.

    Returns
    -------
    list of dict
        ``channel``, ``relevance`` and ``share``, as in `top_channels`.
    """
    sums = explanation.maps.get("channels")
    if sums is None:
        return []
    names = ("channel", "relevance", "share")
    return [dict(zip(names, row, strict=True)) for row in top_channels(sums, _CHANNELS)]


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


def _show_channels(explanation: Explanation, channels: Sequence[Mapping[str, Any]]) -> None:
    tensor = explanation.parameters["at"]
    title = f"channels of {tensor} that carry most relevance of {explanation.target.describe()}"
    rows = [[str(c["channel"]), c["relevance"], f"{100 * c['share']:.1f} %"] for c in channels]
    table(title, list(channels[0]), rows)
