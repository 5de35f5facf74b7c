"""Preprocessing that graphs do themselves, in many forms, and the preset that each needs."""

import graphs
import numpy as np
from onnx.helper import make_node as node

S = graphs.SIDE
F = np.float32
CAFFE = F([103.939, 116.779, 123.68])
RGB = CAFFE[::-1].copy()
GREY = F([0.299, 0.587, 0.114])


def nchw(values):
    return np.asarray(values, F).reshape(1, -1, 1, 1)


def ints(*values):
    return np.array(values, np.int64)


BY_255 = (node("Div", ["q", "k255"], ["ready"]), {"k255": F(255)})
FLIP = {"order": ints(2, 1, 0)}
BACK = {"s": ints(-1), "e": ints(-(2**63) + 1), "a": ints(1), "t": ints(-1)}


def behind(*nodes, **constants):
    """Nodes that make ``q``, then a division by 255."""
    return [*nodes, BY_255[0]], {**constants, **BY_255[1]}


# Nodes that make `ready` of `image`, their constants, and the preset that is right.
FORMS = {
    "gather": (*behind(node("Gather", ["image", "order"], ["q"], axis=1), **FLIP), "raw"),
    "slice": (*behind(node("Slice", ["image", "s", "e", "a", "t"], ["q"]), **BACK), "raw"),
    "split": (
        *behind(
            node("Split", ["image"], ["r", "g", "b"], axis=1),
            node("Concat", ["b", "g", "r"], ["q"], axis=1),
        ),
        "raw",
    ),
    "chunks of a size that the graph computes": (
        *behind(
            node("Shape", ["image"], ["shape"]),
            node("Gather", ["shape", "i1v"], ["count"], axis=0),
            node("Add", ["count", "i2v"], ["more"]),
            node("Div", ["more", "i3v"], ["each"]),
            node("Mul", ["each", "i1v"], ["first"]),
            node("Mul", ["each", "i2v"], ["second"]),
            node("Mul", ["each", "i3v"], ["third"]),
            node("Slice", ["image", "i0v", "first", "i1v"], ["r"]),
            node("Slice", ["image", "first", "second", "i1v"], ["g"]),
            node("Slice", ["image", "second", "third", "i1v"], ["b"]),
            node("Concat", ["b", "g", "r"], ["q"], axis=1),
            **{f"i{k}v": ints(k) for k in range(4)},
        ),
        "raw",
    ),
    "single channels": (
        *behind(
            node("Gather", ["image", "i2"], ["r"], axis=1),
            node("Gather", ["image", "i1"], ["g"], axis=1),
            node("Gather", ["image", "i0"], ["b"], axis=1),
            *[node("Unsqueeze", [c, "i1v"], [c + "u"]) for c in "rgb"],
            node("Concat", ["ru", "gu", "bu"], ["q"], axis=1),
            i0=np.int64(0), i1=np.int64(1), i2=np.int64(2), i1v=ints(1),
        ),
        "raw",
    ),
    "convolution": (
        *behind(
            node("Conv", ["image", "swap"], ["q"]),
            swap=np.eye(3, dtype=F)[::-1].reshape(3, 3, 1, 1).copy(),
        ),
        "raw",
    ),
    "depthwise": (
        [node("Conv", ["image", "w", "v"], ["ready"], group=3)],
        {"w": np.full((3, 1, 1, 1), 1 / 58, F), "v": -RGB / 58},
        "raw",
    ),
    "clip": (*behind(node("Clip", ["image", "lo", "hi"], ["q"]), lo=F(0), hi=F(255)), "raw"),
    "min and max": (
        *behind(
            node("Max", ["image", "lo"], ["m"]),
            node("Min", ["m", "hi"], ["q"]),
            lo=F(0), hi=F(255),
        ),
        "raw",
    ),
    "clip alone": (
        [node("Clip", ["image", "lo", "hi"], ["ready"])], {"lo": F(0), "hi": F(1)}, "zero-one"
    ),
    "clip to -1..1": (
        [node("Clip", ["image", "lo", "hi"], ["ready"])], {"lo": F(-1), "hi": F(1)}, "minus-one-one"
    ),
    "resize": (
        *behind(
            node("Shape", ["image"], ["shape"]), node("Slice", ["shape", "i0", "i2"], ["lead"]),
            node("Concat", ["lead", "size"], ["sizes"], axis=0),
            node("Resize", ["image", "", "", "sizes"], ["q"], mode="linear"),
            i0=ints(0), i2=ints(2), size=ints(10, 10),
        ),
        "raw",
    ),
    "pad": (*behind(node("Pad", ["image", "p"], ["q"]), p=ints(0, 0, 1, 1, 0, 0, 1, 1)), "raw"),
    "crop": (*behind(node("Slice", ["image", "from", "to", "axes"], ["q"]),
                     **{"from": ints(1, 1), "to": ints(9, 9), "axes": ints(2, 3)}), "raw"),
    "to and fro": (
        *behind(
            node("Transpose", ["image"], ["last"], perm=[0, 2, 3, 1]),
            node("Sub", ["last", "m"], ["shifted"]),
            node("Transpose", ["shifted"], ["q"], perm=[0, 3, 1, 2]), m=RGB,
        ),
        "raw",
    ),
    "rounded": (*behind(node("Round", ["image"], ["q"])), "raw"),
    "reshaped": (
        *behind(
            node("Reshape", ["image", "six"], ["parts"]),
            node("Transpose", ["parts"], ["turned"], perm=[0, 3, 5, 1, 2, 4]),
            node("Transpose", ["turned"], ["again"], perm=[0, 3, 4, 1, 5, 2]),
            node("Reshape", ["again", "four"], ["q"]),
            six=ints(-1, 3, 6, 2, 6, 2), four=ints(-1, 3, 12, 12),
        ),
        "raw",
    ),
    "means alone": ([node("Sub", ["image", "m"], ["ready"])], {"m": nchw(RGB)}, "raw"),
    "one mean": ([node("Sub", ["image", "m"], ["ready"])], {"m": F(127.5)}, "raw"),
    "means of 0..1": (
        [node("Sub", ["image", "m"], ["ready"])], {"m": nchw([0.485, 0.456, 0.406])}, "zero-one"
    ),
    "means of BGR": ([node("Sub", ["image", "m"], ["ready"])], {"m": nchw(CAFFE)}, "raw-bgr"),
    "swapped, then means of BGR": (
        [node("Gather", ["image", "order"], ["q"], axis=1), node("Sub", ["q", "m"], ["ready"])],
        {**FLIP, "m": nchw(CAFFE)}, "raw",
    ),
    "means, then a scale": (
        [node("Sub", ["image", "m"], ["q"]), node("Mul", ["q", "k"], ["ready"])],
        {"m": nchw(RGB), "k": F(0.017)}, "raw",
    ),
    "divisors alone": (
        [node("Div", ["image", "d"], ["ready"])], {"d": nchw([58.395, 57.12, 57.375])}, "raw"
    ),
    "divisors of 0..1": (
        [node("Div", ["image", "d"], ["ready"])], {"d": nchw([0.229, 0.224, 0.225])}, "zero-one"
    ),
    "127.5": ([node("Div", ["image", "d"], ["ready"])], {"d": F(127.5)}, "raw"),
    "0..1 made pixels": (
        [node("Mul", ["image", "k"], ["q"]), node("Sub", ["q", "m"], ["ready"])],
        {"k": F(255), "m": nchw(RGB)}, "zero-one",
    ),
    "-1..1 made pixels": (
        [node("Add", ["image", "one"], ["q"]), node("Mul", ["q", "k"], ["ready"])],
        {"one": F(1), "k": F(127.5)}, "minus-one-one",
    ),
    "standardised made -1..1": (
        [
            *[node("Gather", ["image", f"i{k}"], [f"one{k}"], axis=1) for k in range(3)],
            *[node("Unsqueeze", [f"one{k}", "i1v"], [f"u{k}"]) for k in range(3)],
            *[node("Mul", [f"u{k}", f"f{k}"], [f"p{k}"]) for k in range(3)],
            *[node("Add", [f"p{k}", f"g{k}"], [f"out{k}"]) for k in range(3)],
            node("Concat", ["out0", "out1", "out2"], ["ready"], axis=1),
        ],
        {
            "i1v": ints(1), **{f"i{k}": np.int64(k) for k in range(3)},
            **{f"f{k}": F(v / 0.5) for k, v in enumerate((0.229, 0.224, 0.225))},
            **{f"g{k}": F((v - 0.5) / 0.5) for k, v in enumerate((0.485, 0.456, 0.406))},
        },
        "imagenet-torch",
    ),
    "negative": (
        [node("Sub", ["white", "image"], ["q"]), node("Div", ["q", "white"], ["ready"])],
        {"white": F(255)}, "raw",
    ),
    "measured means of pixels": (
        [node("BatchNormalization", ["image", "g", "b", "m", "v"], ["ready"])],
        {"g": F([1, 2, 3]), "b": F([1, 0, -1]), "m": RGB, "v": np.full(3, 60.0**2, F)}, "raw",
    ),
    "measured means of 0..1": (
        [node("BatchNormalization", ["image", "g", "b", "m", "v"], ["ready"])],
        {"g": F([1, 2, 3]), "b": F([1, 0, -1]), "m": RGB / 255, "v": np.full(3, 0.06, F)},
        "zero-one",
    ),
    "behind a batch axis": (
        *behind(
            node("Unsqueeze", ["image", "i1v"], ["u"]),
            node("Squeeze", ["u", "i1v"], ["q"]),
            i1v=ints(1),
        ),
        "raw",
    ),
    "quantised": (
        [
            node("QuantizeLinear", ["image", "qs", "qz"], ["whole"]),
            node("DequantizeLinear", ["whole", "qs", "qz"], ["ready"]),
        ],
        {"qs": F(4.8 / 255), "qz": np.uint8(112)}, "imagenet-torch",
    ),
    "quantised pixels": (
        [
            node("QuantizeLinear", ["image", "qs", "qz"], ["whole"]),
            node("DequantizeLinear", ["whole", "qs", "qz"], ["ready"]),
        ],
        {"qs": F(1), "qz": np.uint8(0)}, "raw",
    ),
}  # fmt: skip
