"""Operators that only move elements about."""

from __future__ import annotations

from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule

_FAR = 2**62


@rule("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(at: Back) -> list[str]:
    """The shape of before."""
    return [at.like(at.slope)]


@rule("Transpose")
def transpose(at: Back) -> list[str]:
    """The inverse order."""
    order = list(at.get("perm") or reversed(range(at.rank())))
    return [at("Transpose", at.slope, perm=[order.index(a) for a in range(at.rank())])]


@rule("Expand")
def expand(at: Back) -> list[str]:
    """Summed over what was repeated."""
    return [at.to_operand(at.slope, 0)]


@rule("Tile")
def tile(at: Back) -> list[str]:
    """Summed over the repetitions of each axis."""
    parts: list[int] = []
    repeated = []
    for axis, count in enumerate(at.integers(1)):
        length = at.shape()[axis]
        if count != 1:
            repeated.append(len(parts))
            parts.append(count)
        parts.append(-1 if length is None else length)
    if not repeated:
        return [at.slope]
    if parts.count(-1) > 1:
        raise at.refusal("more than one axis changes with the batch")
    return [at.sum(at("Reshape", at.slope, parts), repeated, keep=False)]


@rule("Concat")
def concat(at: Back) -> list[str | None]:
    """Each operand gets its own section."""
    axis = at.node.attributes["axis"] % len(at.y_shape)
    found: list[str | None] = []
    start = 0
    for k in range(at.count):
        length = at.known(at.shape(k)[axis])
        section = at("Slice", at.slope, [start], [start + length], [axis])
        found.append(section if at.wants(k) else None)
        start += length
    return found


@rule("Split")
def split(at: Back) -> list[str]:
    """The sections side by side; those that nobody reads are zero."""
    axis = at.get("axis", 0) % at.rank()
    parts = [
        at.zeros(name) if slope is None else slope
        for name, slope in zip(at.node.outputs, at.slopes, strict=True)
        if name
    ]
    return [parts[0] if len(parts) == 1 else at("Concat", *parts, axis=axis)]


@rule("DepthToSpace")
def depth_to_space(at: Back) -> list[str]:
    """SpaceToDepth, written out where the channels come first."""
    size = at.node.attributes["blocksize"]
    if at.get("mode", "DCR") == "DCR":
        return [at("SpaceToDepth", at.slope, blocksize=size)]
    channels, height, width = at.sizes(start=1)
    blocks = [-1, channels // size**2, height, size, width, size]
    split_up = at("Transpose", at("Reshape", at.slope, blocks), perm=[0, 1, 3, 5, 2, 4])
    return [at("Reshape", split_up, [-1, channels, height, width])]


@rule("SpaceToDepth")
def space_to_depth(at: Back) -> list[str]:
    """DepthToSpace."""
    return [at("DepthToSpace", at.slope, blocksize=at.node.attributes["blocksize"])]


@rule("Trilu")
def triangle(at: Back) -> list[str]:
    """The same triangle."""
    further = [at.x(1)] if at.has(1) else []
    return [at("Trilu", at.slope, *further, upper=at.get("upper", 1))]
