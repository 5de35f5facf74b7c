"""Convolutions: the way back is the transposed convolution."""

from __future__ import annotations

from collections.abc import Sequence

from onnxplain.graph.padding import Walk, kernel_walks
from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule

_BACKWARDS = -(2**63) + 1


@rule("Conv")
def conv(at: Back) -> list[str | None]:
    """With the kernels turned round where it goes step by step, else ConvTranspose."""
    at.only(0)
    kernel = at.sizes(1)[2:]
    walks = kernel_walks(at.node, at.sizes(start=2), kernel)
    group = at.get("group", 1)
    return [spread_windows(at, at.slope, at.x(1), at.sizes(1), walks, group)]


def spread_windows(
    at: Back, slope: str, weight: str, shape: Sequence[int], walks: Sequence[Walk], group: int
) -> str:
    """Write the product with the transposed convolution of kernels.

    Parameters
    ----------
    at : Back
        A node that walks over its first input and writes its first output.
    slope : str
        What arrives.
    weight : str
        The kernels.
    shape : sequence of int
        Their shape: (maps out, maps in of a group, ...).
    walks : sequence of Walk
        How they walk.
    group : int
        Number of groups.
    """
    size, steps = at.sizes(start=2), at.y_sizes(2)
    extent = [(w.kernel - 1) * w.dilation + 1 for w in walks]
    covered = [(n - 1) * w.stride + e for n, w, e in zip(steps, walks, extent, strict=True)]
    dilations = [w.dilation for w in walks]
    before = [w.before for w in walks]
    # What the windows reach beyond the input, or leave out of it.
    over = [c - b - n for c, b, n in zip(covered, before, size, strict=True)]
    front = [e - 1 - b for e, b in zip(extent, before, strict=True)]
    end = [e - 1 - o for e, o in zip(extent, over, strict=True)]
    if all(w.stride == 1 for w in walks) and min(*front, *end) >= 0:
        turned = _turned(at, weight, shape, group)
        return at("Conv", slope, turned, pads=front + end, dilations=dilations, group=group)
    return at(
        "ConvTranspose",
        slope,
        weight,
        strides=[w.stride for w in walks],
        dilations=dilations,
        group=group,
        pads=before + [max(o, 0) for o in over],
        output_padding=[max(-o, 0) for o in over],
    )


def _turned(at: Back, weight: str, shape: Sequence[int], group: int) -> str:
    """Kernels with input and output exchanged, turned round in all directions.

    Made of constants, so that ONNX Runtime does it once, when it loads the file.
    """
    maps, inside, *kernel = shape
    places = list(range(2, 2 + len(kernel)))
    if group == 1:
        weight = at("Transpose", weight, perm=[1, 0, *places])
    elif maps > group or inside > 1:
        parts = at("Reshape", weight, [group, maps // group, inside, *kernel])
        parts = at("Transpose", parts, perm=[0, 2, 1, *[p + 1 for p in places]])
        weight = at("Reshape", parts, [group * inside, maps // group, *kernel])
    longer = [p for p, k in zip(places, kernel, strict=True) if k > 1]
    if not longer:
        return weight
    back = [-1] * len(longer)
    return at("Slice", weight, back, [_BACKWARDS] * len(longer), longer, back)


@rule("ConvTranspose")
def conv_transpose(at: Back) -> list[str | None]:
    """A convolution with the same kernels."""
    at.only(0)
    kernel = at.sizes(1)[2:]
    rank = len(kernel)
    strides = at.get("strides") or [1] * rank
    dilations = at.get("dilations") or [1] * rank
    return [
        at(
            "Conv", at.slope, at.x(1), strides=strides, dilations=dilations,
            group=at.get("group", 1), pads=_pads(at, kernel, strides, dilations),
        )
    ]  # fmt: skip


def _pads(
    at: Back, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> list[int]:
    """What of the full result was cut off, before and after; less than nothing was added."""
    rank = len(kernel)
    given = at.get("pads") or [0] * (2 * rank)
    auto = at.get("auto_pad", "NOTSET")
    computed = auto in ("SAME_UPPER", "SAME_LOWER") or bool(at.get("output_shape"))
    before, after = [], []
    for k, (length, wanted) in enumerate(zip(at.sizes(start=2), at.y_sizes(2), strict=True)):
        full = (length - 1) * strides[k] + (kernel[k] - 1) * dilations[k] + 1
        start = given[k]
        if computed:
            extra = (at.get("output_padding") or [0] * rank)[k]
            total = max(full + extra - wanted, 0)
            start = total // 2 if auto == "SAME_UPPER" else total - total // 2
        before.append(start)
        # Below zero are rows that only the bias reached: they belong to nobody.
        rest = full - start - wanted
        if rest <= -strides[k]:
            raise at.refusal("the output is longer than the kernels reach")
        after.append(max(rest, 0))
    return before + after
