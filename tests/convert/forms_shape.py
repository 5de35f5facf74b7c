"""Forms of operators that move, index, resize or create values, and of whole blocks."""

from __future__ import annotations

import numpy as np

from tests.convert.forms import FLAGS, IMAGE, X, Y, f, integer, noise, positive, scalar, unit

SHAPES = [
    f("Concat", X, Y, axis=1),
    f("Concat", X, Y, axis=-1, since=11),
    f("Reshape", X, integer(0, -1, 5)),
    f("Reshape", np.zeros((0, 3), np.float32), integer(3, 0), allowzero=1, since=14),
    f("Flatten", X),
    f("Flatten", X, axis=0),
    f("Flatten", X, axis=3),
    f("Flatten", X, axis=-2, since=11),
    f("Transpose", X),
    f("Transpose", X, perm=[0, 2, 3, 1]),
    f("Squeeze", noise(2, 1, 3, 1)),
    f("Squeeze", noise(2, 1, 3, 1), axes=[1], until=11),
    f("Squeeze", noise(2, 1, 3, 1), integer(-1, 1), since=13),
    f("Unsqueeze", noise(2, 3), axes=[0, 3], until=11),
    f("Unsqueeze", noise(2, 3), integer(-1, -2), since=13),
    f("Expand", noise(3, 1), integer(2, 1, 4)),
    f("Expand", FLAGS, integer(2, 1, 1, 1, 1)),
    f("Tile", noise(2, 3), integer(2, 3)),
    f("Split", noise(2, 6), axis=1, split=[1, 3, 2], until=11, outputs=3),
    f("Split", noise(2, 6), axis=1, until=13, outputs=3),
    f("Split", noise(2, 6), integer(1, 3, 2), axis=-1, since=13, outputs=3),
    f("Split", noise(7), num_outputs=3, since=18, outputs=3),
    f("Shape", X, start=1, end=-1, since=15),
    f("DepthToSpace", noise(1, 8, 2, 3), blocksize=2),
    f("DepthToSpace", noise(1, 8, 2, 3), blocksize=2, mode="CRD", since=11),
    f("SpaceToDepth", noise(1, 2, 4, 6), blocksize=2),
    f("Dropout", X),
    f("Dropout", X, outputs=2),
]

_REPEATED = np.float32([[3, 1, 3], [0, 1, 2], [3, 1, 3], [1, 0, 2]])
INDEXING = [
    *(f("Unique", _REPEATED[:, 0], sorted=order, outputs=4) for order in (0, 1)),
    f("Unique", _REPEATED, outputs=4),
    *(f("Unique", _REPEATED, axis=axis, outputs=4) for axis in (0, -1)),
    f("Unique", _REPEATED, sorted=0, axis=0, outputs=2),
    f("Gather", X, integer(1, -1, 0), axis=2, since=11),
    f("Gather", X, integer(1, 0), axis=2),
    f("Gather", X, scalar(1, np.int64)),
    f("GatherElements", noise(3, 2), integer(-1, 0).reshape(1, 2)),
    f("GatherND", noise(2, 3, 4), integer(0, 1, 1, -1).reshape(2, 2)),
    f("GatherND", noise(2, 3, 4), integer(0, 1).reshape(2, 1), batch_dims=1, since=12),
    f("ScatterND", noise(3, 4), integer(2, 0).reshape(2, 1), noise(2, 4)),
    f("ScatterND", noise(3, 4), integer(2, 2).reshape(2, 1), noise(2, 4), reduction="add",
      since=16),
    f("ScatterND", noise(3, 4), integer(2, 0).reshape(2, 1), noise(2, 4), reduction="max",
      since=18),
    *(f(op, noise(3, 3), integer(1, 0, 2).reshape(1, 3), noise(1, 3))
      for op in ("Scatter", "ScatterElements")),
    f("ScatterElements", noise(3, 3), integer(1, -1, 2).reshape(1, 3), noise(1, 3), axis=1),
    f("ScatterElements", noise(3, 3), integer(1, 1, 2).reshape(1, 3), noise(1, 3), axis=1,
      reduction="mul", since=16),
    f("Slice", X, starts=[1, -3], ends=[2, 1000], axes=[1, 3], until=1),
    f("Slice", X, starts=[0, 1], ends=[1, 2], until=1),
    f("Slice", X, integer(1, -3), integer(2, 1000), integer(1, -1), since=10),
    f("Slice", X, integer(3, -1), integer(0, -1000), integer(2, 3), integer(-2, -1), since=10),
    f("Slice", X, integer(0, 1), integer(1, 2), since=10),
    f("TopK", X, k=2, axis=2, until=1, outputs=2),
    f("TopK", X, integer(2), since=10, outputs=2),
    f("TopK", X, integer(2), axis=1, largest=0, since=11, outputs=2),
    f("CumSum", noise(3, 4), scalar(1, np.int64)),
    f("CumSum", noise(3, 4), scalar(-1, np.int32), exclusive=1, reverse=1),
    f("CumProd", noise(3, 4), scalar(1, np.int64), exclusive=1),
    f("Compress", X, np.array([True, False, True]), axis=1),
    f("Compress", X, np.array([False, True, True])),
    f("NonZero", np.array([[1, 0], [0, 2]], np.float32)),
    f("ReverseSequence", noise(4, 3, 2), integer(1, 4, 2)),
    f("ReverseSequence", noise(3, 4, 2), integer(1, 4, 2), batch_axis=0, time_axis=1),
]  # fmt: skip

PADS = [
    *(f("Pad", X, mode=mode, pads=[0, 0, 1, 2, 0, 0, 2, 1], until=2)
      for mode in ("constant", "reflect", "edge")),
    f("Pad", X, pads=[0, 1, 0, -1, 0, 0, 0, 2], value=1.5, until=2),
    *(f("Pad", X, integer(0, 0, 1, 2, 0, 0, 2, 1), mode=mode, since=11)
      for mode in ("constant", "reflect", "edge")),
    f("Pad", X, integer(0, 1, 0, -1, 0, 0, 0, 2), scalar(1.5), since=11),
    f("Pad", X, integer(1, 2, 2, 1), None, integer(-1, 2), mode="edge", since=18),
    f("Pad", X, integer(0, 0, 1, 2, 0, 0, 2, 1), mode="wrap", since=19),
    f("CenterCropPad", X, integer(2, 8), axes=[2, 3]),
    f("CenterCropPad", X, integer(3, 2), axes=[1, 3]),
]  # fmt: skip

_UP = np.array([1, 1, 2, 1.5], np.float32)
_DOWN = np.array([1, 1, 0.6, 0.5], np.float32)
_COORDINATES = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")

RESIZES = [
    f("Upsample", IMAGE, scales=[1.0, 1.0, 2.0, 2.0], until=7),
    f("Upsample", IMAGE, scales=[1.0, 1.0, 2.0, 2.0], mode="linear", until=7),
    f("Upsample", IMAGE, np.array([1, 1, 2, 3], np.float32), since=9, constants=(1,)),
    f("Upsample", IMAGE, _UP, mode="linear", since=9, constants=(1,)),
    f("Resize", IMAGE, _UP, until=10, constants=(1,)),
    f("Resize", IMAGE, _DOWN, mode="linear", until=10, constants=(1,)),
    *(f("Resize", IMAGE, None, scales, mode=mode, coordinate_transformation_mode=c, since=13)
      for scales in (_UP, _DOWN) for mode in ("nearest", "linear", "cubic") for c in _COORDINATES),
    *(f("Resize", IMAGE, None, None, integer(2, 3, 9, 4), mode=mode, since=13)
      for mode in ("nearest", "linear", "cubic")),
    *(f("Resize", IMAGE, None, _UP, mode="nearest", nearest_mode=n, since=13)
      for n in ("floor", "ceil", "round_prefer_ceil", "round_prefer_floor")),
    f("Resize", IMAGE, np.zeros(0, np.float32), _UP, mode="linear", since=11, constants=(1, 2)),
    f("Resize", IMAGE, None, _DOWN, mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1, since=13),
    f("Resize", IMAGE, np.array([0, 0, 0.2, 0.1, 1, 1, 0.9, 1.4], np.float32), None,
      integer(2, 3, 5, 4), mode="linear", coordinate_transformation_mode="tf_crop_and_resize",
      extrapolation_value=2.0, since=13, constants=(1,)),
    *(f("Resize", IMAGE, None, np.array([0.6, 0.5], np.float32), mode=mode, antialias=1,
        axes=[2, 3], since=18, atol=1e-4) for mode in ("linear", "cubic")),
    *(f("Resize", IMAGE, None, None, integer(9, 9), axes=[2, 3],
        keep_aspect_ratio_policy=policy, since=18) for policy in ("not_larger", "not_smaller")),
    f("Resize", IMAGE, None, _UP, mode="linear",
      coordinate_transformation_mode="half_pixel_symmetric", since=19),
]  # fmt: skip

CREATIONS = [
    f("ConstantOfShape", integer(2, 3)),
    f("EyeLike", noise(3, 4), k=1),
    f("EyeLike", integer(1, 2, 3, 4).reshape(2, 2), k=-1, dtype=1),
    f("OneHot", integer(1, -2, 9), scalar(4, np.int64), np.array([2, 5], np.float32)),
    f("OneHot", integer(1, 3).reshape(2, 1), scalar(4, np.int64), integer(0, 1), axis=1),
    f("Range", scalar(1, np.int32), scalar(9, np.int32), scalar(3, np.int32)),
    f("Range", scalar(2), scalar(-1), scalar(-0.5)),
    f("Trilu", noise(3, 4)),
    f("Trilu", noise(2, 3, 4), scalar(-1, np.int64), upper=0),
]

SIGNALS = [
    *(f(w, scalar(10, np.int64)) for w in ("BlackmanWindow", "HammingWindow", "HannWindow")),
    *(
        f(w, scalar(9, np.int32), periodic=0, output_datatype=11)
        for w in ("BlackmanWindow", "HammingWindow", "HannWindow")
    ),
    f("DFT", noise(2, 8, 3, 1), axis=1, until=17),
    f("DFT", noise(2, 8, 3, 1), scalar(6, np.int64), axis=1, onesided=1, until=17),
    f("DFT", noise(2, 5, 8, 2), inverse=1, axis=2, until=17),
    f("DFT", noise(2, 8, 3, 1), None, scalar(1, np.int64), since=20),
    f("DFT", noise(2, 5, 8, 2), None, scalar(2, np.int64), inverse=1, since=20),
    f("DFT", noise(2, 8, 1), scalar(6, np.int64), onesided=1, since=20),
    f("MelWeightMatrix", *(scalar(n, np.int64) for n in (8, 64, 8192)), scalar(20), scalar(3800)),
    f("STFT", noise(2, 32, 1), scalar(6, np.int64), positive(8), scalar(8, np.int64)),
    f("STFT", noise(1, 20, 1), scalar(4, np.int64), None, scalar(8, np.int64), onesided=0),
    f("BitCast", X, to=6),
    f("BitCast", integer(1, -7, dtype=np.int32), to=1),
    f("CausalConvWithState", noise(2, 3, 5), noise(3, 1, 4), noise(3), outputs=2),
    f(
        "CausalConvWithState",
        noise(2, 3, 1),
        noise(3, 1, 4),
        None,
        noise(2, 3, 3),
        activation="silu",
        outputs=2,
    ),
    f(
        "LinearAttention",
        noise(2, 3, 8),
        noise(2, 3, 4, seed=1),
        noise(2, 3, 6, seed=2),
        noise(2, 1, 4, 6, seed=3),
        update_rule="linear",
        q_num_heads=2,
        kv_num_heads=1,
        outputs=2,
    ),
    f(
        "LinearAttention",
        noise(2, 3, 8),
        unit(2, 3, 8, seed=1),
        noise(2, 3, 6, seed=2),
        None,
        -positive(2, 3, 8),
        positive(2, 3, 1),
        q_num_heads=2,
        kv_num_heads=2,
        outputs=2,
    ),
    f("TensorScatter", noise(2, 3, 6, 4), noise(2, 3, 2, 4, seed=1)),
    f("TensorScatter", noise(2, 6, 4), noise(2, 3, 4, seed=1), integer(5, 2), mode="circular"),
    f("Col2Im", noise(2, 18, 12), integer(5, 6), integer(3, 3)),
    f(
        "Col2Im",
        noise(1, 8, 12),
        integer(5, 6),
        integer(2, 2),
        strides=[2, 2],
        dilations=[2, 1],
        pads=[1, 0, 1, 2],
    ),
]

_GRID = np.tanh(noise(2, 4, 3, 2)).astype(np.float32) * np.float32(1.3)
_ROIS = np.array([[0.5, 1, 5, 4], [-2, -1, 9, 8], [3, 3, 3.2, 3.1]], np.float32)
_BOXES = positive(2, 6, 4, seed=3)
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def _recurrent(op: str, directions: int = 1, **settings):
    gates, hidden = _GATES[op], 5
    return f(
        op, noise(4, 2, 3), noise(directions, gates * hidden, 3, seed=1),
        noise(directions, gates * hidden, hidden, seed=2),
        noise(directions, 2 * gates * hidden, seed=3), hidden_size=hidden,
        outputs=3 if op == "LSTM" else 2, constants=(1, 2, 3), **settings,
    )  # fmt: skip


BLOCKS = [
    *(_recurrent(op) for op in _GATES),
    *(_recurrent(op, direction="reverse") for op in _GATES),
    *(_recurrent(op, 2, direction="bidirectional") for op in _GATES),
    _recurrent("GRU", linear_before_reset=1),
    _recurrent("RNN", activations=["LeakyRelu"], activation_alpha=[0.3]),
    _recurrent("LSTM", clip=0.3),
    f("LSTM", noise(4, 2, 3), noise(1, 20, 3), noise(1, 20, 5), noise(1, 40),
      integer(4, 2, dtype=np.int32), noise(1, 2, 5), noise(1, 2, 5), noise(1, 15),
      hidden_size=5, outputs=3, constants=(1, 2, 3, 7)),
    f("GRU", noise(4, 2, 3), noise(1, 15, 3), noise(1, 15, 5), None,
      integer(4, 2, dtype=np.int32), noise(1, 2, 5), hidden_size=5, direction="reverse",
      outputs=2, constants=(1, 2)),
    f("Attention", noise(2, 2, 4, 8), noise(2, 2, 6, 8, seed=1), noise(2, 2, 6, 8, seed=2)),
    f("Attention", noise(2, 4, 16), noise(2, 6, 8, seed=1), noise(2, 6, 8, seed=2),
      q_num_heads=4, kv_num_heads=2, is_causal=1),
    f("Attention", noise(2, 2, 4, 8), noise(2, 2, 6, 8, seed=1), noise(2, 2, 6, 8, seed=2),
      noise(4, 6) > 0.5, softcap=2.0, scale=0.3),
    f("RotaryEmbedding", noise(2, 2, 4, 8), noise(2, 4, 4, seed=1), noise(2, 4, 4, seed=2)),
    f("RotaryEmbedding", noise(2, 4, 16), noise(9, 4, seed=1), noise(9, 4, seed=2),
      integer(0, 1, 2, 3, 4, 5, 6, 7).reshape(2, 4), num_heads=2, interleaved=1),
    *(f("GridSample", IMAGE, _GRID, mode=mode, until=16) for mode in ("bilinear", "bicubic")),
    *(f("GridSample", IMAGE, _GRID, mode=mode, since=20) for mode in ("linear", "cubic")),
    *(f("GridSample", IMAGE, _GRID, padding_mode=p, align_corners=1)
      for p in ("zeros", "border", "reflection")),
    f("GridSample", IMAGE, _GRID, mode="nearest"),
    f("RoiAlign", noise(2, 2, 6, 7), _ROIS, integer(1, 0, 1), output_height=2, output_width=3,
      sampling_ratio=2, spatial_scale=0.9),
    f("RoiAlign", noise(2, 2, 6, 7), _ROIS, integer(1, 0, 1), output_height=2, output_width=3),
    f("RoiAlign", noise(2, 2, 6, 7), _ROIS, integer(1, 0, 1), output_height=3,
      coordinate_transformation_mode="output_half_pixel", since=16),
    f("NonMaxSuppression", _BOXES, positive(2, 2, 6), scalar(2, np.int64), scalar(0.3),
      scalar(0.2)),
    f("NonMaxSuppression", _BOXES, positive(2, 2, 6), scalar(9, np.int64), center_point_box=1),
    f("AffineGrid", noise(2, 2, 3), integer(2, 3, 4, 5)),
    f("AffineGrid", noise(2, 3, 4), integer(2, 3, 4, 5, 3), align_corners=1),
]  # fmt: skip
