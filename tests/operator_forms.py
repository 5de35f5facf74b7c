"""One small graph for each operator that has a relevance rule of its own, with its constants."""

import numpy as np

from onnxplain.relevance.kinds import ELEMENTWISE

# Body and, where it is not 17, the opset.
ELEMENTWISE_FORMS = {
    **{op: (f"scores = {op}(image)", 17) for op in ELEMENTWISE},
    "Cast": ("scores = Cast<to = 1>(image)", 17),
    "Clip": ("scores = Clip(image, c, d)", 17),
    "Celu": ("scores = Celu<alpha = 0.5>(image)", 17),
    "Pow": ("scores = Pow(image, c)", 17),
    "PRelu": ("scores = PRelu(image, c)", 17),
    "Gelu": ("scores = Gelu(image)", 20),
    "Mish": ("scores = Mish(image)", 18),
    "Swish": ("scores = Swish(image)", 24),
    "Dropout": ("s, m = Dropout(image) scores = Where(m, s, s)", 17),
    "QuantizeLinear": ("q = QuantizeLinear(image, c, z) scores = DequantizeLinear(q, c, z)", 17),
}
ELEMENTWISE_FORMS["DynamicQuantizeLinear"] = (
    "q, u, v = DynamicQuantizeLinear(image) scores = DequantizeLinear(q, u, v)",
    17,
)
ELEMENTWISE_FORMS["DequantizeLinear"] = ELEMENTWISE_FORMS["QuantizeLinear"]
MOVING_FORMS = {
    "Flatten": ("scores = Flatten(image)", 17),
    "Reshape": ("scores = Reshape(image, shape)", 17),
    "Transpose": ("scores = Transpose<perm = [0,2,3,1]>(image)", 17),
    "Gather": ("scores = Gather<axis = 3>(image, twice)", 17),
    "GatherElements": ("scores = GatherElements<axis = 3>(image, elements)", 17),
    "GatherND": ("scores = GatherND<batch_dims = 1>(image, nd)", 17),
    "Slice": ("scores = Slice(image, one, four, two, two)", 17),
    "Squeeze": ("g = GlobalMaxPool(image) scores = Squeeze(g, spatial)", 17),
    "Unsqueeze": ("scores = Unsqueeze(image, spatial)", 17),
    "Concat": ("a = Relu(image) scores = Concat<axis = 1>(a, a, image)", 17),
    "Split": ("a, b = Split<axis = 2>(image, halves) scores = Concat<axis = 1>(b, b)", 17),
    "Pad": ("scores = Pad(image, pads)", 17),
    "Expand": ("g = GlobalMaxPool(image) scores = Expand(g, wide)", 17),
    "Tile": ("scores = Tile(image, repeats)", 17),
    "DepthToSpace": (
        "s = SpaceToDepth<blocksize = 3>(image) scores = DepthToSpace<blocksize = 3>(s)",
        17,
    ),
    "SpaceToDepth": ("scores = SpaceToDepth<blocksize = 2>(image)", 17),
    "MaxPool": ("scores = MaxPool<kernel_shape = [3,3], strides = [2,2]>(image)", 17),
    "GlobalMaxPool": ("scores = GlobalMaxPool(image)", 17),
    "ReduceMax": ("scores = ReduceMax<axes = [2,3]>(image)", 17),
    "ReduceMin": ("scores = ReduceMin<axes = [1]>(image)", 17),
    "Max": ("scores = Max(image, d)", 17),
    "Min": ("scores = Min(image, d)", 17),
    "Where": ("scores = Where(mask, image, c)", 17),
}
AVERAGING_FORMS = {
    "AveragePool": (
        "scores = AveragePool<kernel_shape = [3,3], strides = [2,1], pads = [1,1,0,0]>(image)",
        17,
    ),
    "GlobalAveragePool": ("scores = GlobalAveragePool(image)", 17),
    "ReduceMean": ("scores = ReduceMean(image, spatial)", 18),
    "ReduceSum": ("scores = ReduceSum(image, spatial)", 17),
    "Sum": ("scores = Sum(image, c)", 17),
    "Mean": ("scores = Mean(image, c)", 17),
    "Resize": ('scores = Resize<mode = "linear">(image, , scales)', 17),
    "Upsample": ('scores = Upsample<mode = "nearest">(image, scales)', 9),
    "Add": ("scores = Add(image, c)", 17),
    "Sub": ("scores = Sub(image, c)", 17),
}
READING_FORMS = {
    "GridSample": ("scores = GridSample(image, grid)", 17),
    "com.microsoft::GridSample": ("scores = com.microsoft.GridSample(image, grid)", 17),
    "RoiAlign": (
        "scores = RoiAlign<output_height = 2, output_width = 2>(image, rois, which)",
        17,
    ),
    "DeformConv": ("scores = DeformConv(image, kernel, shift)", 19),
}
LINEAR_FORMS = {
    "CumSum": ("scores = CumSum(image, axis)", 17),
    "Col2Im": (
        "f = Reshape(image, columns) scores = Col2Im(f, size, block)",
        18,
    ),
    "DFT": ("f = Reshape(image, signal) scores = DFT<axis = 1>(f)", 17),
    "com.microsoft::MatMulNBits": (
        "scores = com.microsoft.MatMulNBits<K = 6, N = 2, bits = 4, block_size = 16>"
        "(image, packed, steps)",
        17,
    ),
    "com.microsoft::MatMulBnb4": (
        "scores = com.microsoft.MatMulBnb4<K = 6, N = 2, block_size = 16, quant_type = 1>"
        "(image, flat, steps)",
        17,
    ),
    "RotaryEmbedding": ("scores = RotaryEmbedding(image, cosines, sines)", 23),
}
CHOOSING_FORMS = {
    "CenterCropPad": ("scores = CenterCropPad<axes = [2,3]>(image, size)", 18),
    "Compress": ("scores = Compress<axis = 3>(image, mask)", 17),
    "MaxUnpool": (
        "p, i = MaxPool<kernel_shape = [2,2], strides = [2,2]>(image) "
        "scores = MaxUnpool<kernel_shape = [2,2], strides = [2,2]>(p, i)",
        17,
    ),
    "ReverseSequence": (
        "scores = ReverseSequence<batch_axis = 0, time_axis = 2>(image, lengths)",
        17,
    ),
    "Scatter": ("scores = Scatter<axis = 3>(image, elements, updates)", 9),
    "ScatterElements": ("scores = ScatterElements<axis = 3>(image, elements, updates)", 17),
    "ScatterND": ("scores = ScatterND(image, row, rows)", 17),
    "TensorScatter": ("scores = TensorScatter(image, update, place)", 24),
    "TopK": ("scores, k = TopK(image, two_of)", 17),
    "Trilu": ("scores = Trilu(image)", 17),
    "ReduceLogSumExp": ("scores = ReduceLogSumExp<axes = [2,3]>(image)", 17),
    "com.microsoft::ExpandDims": ("scores = com.microsoft.ExpandDims(image, first)", 17),
    "com.microsoft::GatherND": ("scores = com.microsoft.GatherND(image, places)", 17),
    "com.microsoft::Pad": ("scores = com.microsoft.Pad(image, pads)", 17),
    "com.microsoft::Trilu": ("scores = com.microsoft.Trilu(image)", 17),
}
HOMOGENEOUS_FORMS = {
    "ReduceL1": ("scores = ReduceL1<axes = [2,3]>(image)", 17),
    "ReduceL2": ("scores = ReduceL2(image, spatial)", 18),
    "ReduceSumSquare": ("scores = ReduceSumSquare<axes = [1]>(image)", 17),
    "GlobalLpPool": ("scores = GlobalLpPool<p = 3>(image)", 17),
    "LpPool": ("scores = LpPool<kernel_shape = [2,2], strides = [2,2]>(image)", 17),
}
SCALING_FORMS = {
    "LpNormalization": ("scores = LpNormalization<axis = 1>(image)", 17),
    "LRN": ("scores = LRN<size = 3>(image)", 17),
}
CONSTANTS = {
    "grid": np.random.default_rng(0).uniform(-0.9, 0.9, (1, 2, 2, 2)).astype(np.float32),
    "rois": np.array([[0.3, 0.2, 4.1, 3.7]], np.float32),
    "which": np.array([0]),
    "kernel": np.random.default_rng(1).uniform(0.1, 1, (2, 3, 2, 2)),
    "shift": np.full((1, 8, 5, 5), 0.25),
    "packed": np.arange(3, 19, dtype=np.uint8).reshape(2, 1, 8),
    "flat": np.array([0x9E, 0xA7, 0x1C, 0xF3, 0x68, 0xBD], np.uint8),
    "steps": np.array([0.5, 0.25]),
    "axis": np.array(2),
    "columns": np.array([1, 12, 9]),
    "size": np.array([4, 4]),
    "block": np.array([2, 2]),
    "signal": np.array([3, 36, 1]),
    "cosines": np.random.default_rng(2).uniform(0.6, 1, (1, 6, 3)),
    "sines": np.random.default_rng(3).uniform(0, 0.4, (1, 6, 3)),
    "lengths": np.array([4]),
    "updates": np.full((1, 3, 6, 2), 0.7),
    "row": np.array([[0, 1]]),
    "rows": np.full((1, 6, 6), 0.7),
    "update": np.full((1, 3, 2, 6), 0.7),
    "place": np.array([1]),
    "two_of": np.array([2]),
    "first": np.array(0, np.int32),
    "places": np.array([[0, 1], [0, 2]]),
    "c": np.array(0.3),
    "d": np.array(0.6),
    "z": np.array(3, np.uint8),
    "shape": np.array([0, 6, 18]),
    "twice": np.array([1, 1, 4]),
    "elements": np.full((1, 3, 6, 2), 2),
    "nd": np.array([[[0, 1], [2, 2]]]),
    "one": np.array([1]),
    "two": np.array([2]),
    "four": np.array([5]),
    "spatial": np.array([2, 3]),
    "halves": np.array([3, 3]),
    "pads": np.array([0, 0, 1, 0, 0, 0, 0, 2]),
    "wide": np.array([1, 3, 2, 4]),
    "repeats": np.array([1, 1, 2, 1]),
    "mask": np.arange(6) % 2 == 0,
    "scales": np.array([1, 1, 2, 2], np.float32),
}
RANKS = {
    "DFT": 3,
    "com.microsoft::ExpandDims": 5,
    "com.microsoft::GatherND": 3,
    "Flatten": 2,
    "Reshape": 3,
    "GatherND": 3,
    "Squeeze": 2,
    "Unsqueeze": 6,
}
