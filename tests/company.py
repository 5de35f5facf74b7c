"""Small classifiers in which the inputs of a batch meet, in all the ways that files do it.

Each is a convolution, the nodes that are in question, and a linear layer, written as text.
What stands in ``MEETING`` makes scores depend on other inputs; what stands in ``APART`` looks
like it and does not.
"""

import handmade
import numpy as np

SIDE = 16
# More channels than ONNX Runtime makes one constant of when their values are equal.
WIDE = 12
_RNG = np.random.default_rng(7)
WEIGHTS = {
    "k": _RNG.normal(0, 0.3, (WIDE, 3, 3, 3)),
    "kb": _RNG.normal(0, 0.2, WIDE),
    "w": _RNG.normal(0, 1, (WIDE, 4)),
    "gamma": _RNG.uniform(0.5, 1.5, WIDE),
    "beta": _RNG.normal(0, 0.2, WIDE),
    "mean": _RNG.normal(0, 0.2, WIDE),
    "var": _RNG.uniform(0.5, 1.5, WIDE),
    "gamma4": _RNG.uniform(0.5, 1.5, 4),
    "beta4": _RNG.normal(0, 0.2, 4),
    "mean4": _RNG.normal(0, 0.2, 4),
    "var4": _RNG.uniform(0.5, 1.5, 4),
    "rw": _RNG.normal(0, 0.5, (1, WIDE, WIDE)),
    "rr": _RNG.normal(0, 0.5, (1, WIDE, WIDE)),
    "gw": _RNG.normal(0, 0.5, (1, 3 * WIDE, WIDE)),
    "gr": _RNG.normal(0, 0.5, (1, 3 * WIDE, WIDE)),
    "tiny": np.array(1e-4),
    "eps": np.array(1e-5),
    "one": np.array([1], np.int64),
    "zero": np.array([0], np.int64),
    "axis0": np.array(0, np.int64),
    "axis1": np.array(1, np.int64),
    "axis3": np.array([3], np.int64),
    "spatial": np.array([2, 3], np.int64),
    "nhw": np.array([0, 2, 3], np.int64),
    "back": np.array([-1], np.int64),
    "far": np.array([-(2**62)], np.int64),
    "flat": np.array([1, -1], np.int64),
    "rows": np.array([-1, WIDE], np.int64),
    "steps": np.array([-1, 1, WIDE], np.int64),
    "single": np.array([1, WIDE], np.int64),
    "tokens": np.array([0, 0, -1], np.int64),
    "folded": np.array([-1, WIDE // 4, 2, 2], np.int64),
    "true": np.array(True),
    "half": np.array(0.5, np.float32),
    "none": np.array(0.0, np.float32),
    "picks": np.array([[0.2, 0.3, 0.5]], np.float32),
}

# From the picture to the maps, from the maps to a vector, from the vector to the scores.
STEM = "c = Conv<pads=[1,1,1,1], strides=[2,2]>(image, k, kb) "
POOL = "r = Relu(m) g = GlobalAveragePool(r) v = Flatten(g) "
HEAD = "scores = MatMul(u, w)"
PLAIN = {"maps": "m = Identity(c) ", "vector": "u = Identity(v) ", "head": HEAD}


def classifier(*, batch="N", opset=17, **parts):
    """One of these, as a model."""
    nodes = {**PLAIN, **parts}
    body = STEM + nodes["maps"] + POOL + nodes["vector"] + nodes["head"]
    used = set(body.replace("(", " ").replace(")", " ").replace(",", " ").split())
    weights = {n: v for n, v in WEIGHTS.items() if n in used}
    image = f"float[{batch},3,{SIDE},{SIDE}] image"
    return handmade.model(
        body, weights, image=image, output=f"float[{batch},4] scores", opset=opset
    )


_SCAN = (
    "begin = Mul(v, none) start = ReduceSum<keepdims=0>(begin, zero) "
    "last, u = Scan<num_scan_inputs=1, body = step (float[12] s, float[12] x) => "
    "(float[12] t, float[12] y) { t = Add(s, x) y = Identity(t) }>(start, v) "
)
MEETING = {
    "statistics of the batch": {
        "maps": "m, mm, mv = BatchNormalization<training_mode=1>(c, gamma, beta, mean, var) "
    },
    "of the scores alone": {
        "head": "z = MatMul(u, w) scores, mm, mv = BatchNormalization<training_mode=1>"
        "(z, gamma4, beta4, mean4, var4)"
    },
    "before there was a mode": {
        "maps": "m, mm, mv, sm, sv = BatchNormalization(c, gamma, beta, mean, var) ",
        "opset": 9,
    },
    "statistics written out": {
        "maps": "mu = ReduceMean(c, nhw) d = Sub(c, mu) q = Mul(d, d) s = ReduceMean(q, nhw) "
        "t = Add(s, eps) o = Sqrt(t) m = Div(d, o) ",
        "opset": 18,
    },
    "centred": {"vector": "mu = ReduceMean(v, zero) u = Sub(v, mu) ", "opset": 18},
    "centred a little": {
        "vector": "mu = ReduceMean(v, zero) nu = Mul(mu, tiny) u = Sub(v, nu) ",
        "opset": 18,
    },
    "a norm of all": {"vector": "n = ReduceL2(v) u = Div(v, n) "},
    "a norm over the batch": {"vector": "u = LpNormalization<axis=0>(v) "},
    "softmax over the batch": {"vector": "u = Softmax<axis=0>(v) "},
    "softmax of all": {"vector": "u = Softmax<axis=0>(v) ", "opset": 11},
    "the largest": {"vector": "t, i = TopK<axis=0>(v, one) u = Sub(v, t) "},
    "who is the largest": {"vector": "i = ArgMax<axis=0>(v) f = Cast<to=1>(i) u = Add(v, f) "},
    "divided by the largest": {
        "vector": "t = ReduceMax<axes=[0]>(v) s = Add(t, half) u = Div(v, s) "
    },
    "summed up": {"vector": "u = CumSum(v, axis0) "},
    "summed from behind": {"vector": "u = CumSum<reverse=1>(v, axis0) "},
    "scanned": {"vector": _SCAN, "opset": 18},
    "a sequence of inputs": {
        "vector": "q = Reshape(v, steps) h, hl = RNN<hidden_size=12>(q, rw, rr) "
        "u = Reshape(h, rows) "
    },
    "attention between inputs": {
        "vector": "y = Transpose<perm=[1,0]>(v) a = MatMul(v, y) p = Softmax(a) u = MatMul(p, v) "
    },
    "a shape that mixes": {
        "vector": "f = Reshape(v, flat) p = Softmax<axis=1>(f) u = Reshape(p, rows) "
    },
    "turned round": {"vector": "u = Slice(v, back, far, zero, back) "},
    "by their number": {
        "vector": "s = Shape(v) n = Gather(s, zero) f = Cast<to=1>(n) u = Div(v, f) "
    },
    "a range of all": {
        "vector": "q, s, z = DynamicQuantizeLinear(v) u = DequantizeLinear(q, s, z) "
    },
    "one only": {"vector": "u = Reshape(v, single) "},
}
APART = {
    "plain": {},
    "known statistics": {"maps": "m = BatchNormalization(c, gamma, beta, mean, var) "},
    "statistics of one": {"maps": "m = InstanceNormalization(c, gamma, beta) "},
    "centred in one": {"maps": "mu = ReduceMean(c, spatial) m = Sub(c, mu) ", "opset": 18},
    "softmax over classes": {"head": "z = MatMul(u, w) scores = Softmax<axis=1>(z)"},
    "summed up in one": {"vector": "u = CumSum(v, axis1) "},
    "a sequence in one": {
        "maps": "t = Reshape(c, tokens) q = Transpose<perm=[2,0,1]>(t) "
        "h, hl = GRU<hidden_size=12>(q, gw, gr) y = Squeeze(h, one) p = Transpose<perm=[1,2,0]>(y) "
        "m = Unsqueeze(p, axis3) ",
    },
    "folded and back": {"vector": "f = Reshape(v, folded) s = Softmax(f) u = Reshape(s, rows) "},
    "no dropout": {"vector": "u, n = Dropout(v, half) "},
    "dropout of nothing": {"vector": "u, n = Dropout(v, none, true) "},
    "random, elsewhere": {"vector": "z = RandomNormalLike(v) s = Shape(z) u = Reshape(v, s) "},
}
RANDOM = {
    "noise": {"vector": "z = RandomNormalLike<scale=0.5>(v) u = Add(v, z) "},
    "noise on the scores": {
        "head": "y = MatMul(u, w) z = RandomNormalLike<scale=0.5>(y) scores = Add(y, z)"
    },
    "noise with a seed": {"vector": "z = RandomNormalLike<scale=0.5, seed=3.0>(v) u = Add(v, z) "},
    "noise for all": {"vector": "z = RandomUniform<shape=[1,12]>() u = Add(v, z) "},
    "chance": {"vector": "p = Sigmoid(v) z = Bernoulli(p) u = Add(v, z) "},
    "a choice": {"vector": "i = Multinomial<sample_size=12>(v) f = Cast<to=1>(i) u = Add(v, f) "},
    "dropout": {"head": "z = MatMul(u, w) scores, n = Dropout(z, half, true)"},
    "in a loop": {
        "vector": "u = Loop<body = turn (int64 i, bool go, float[n,12] s) => "
        "(bool on, float[n,12] t) { on = Identity(go) z = RandomNormalLike(s) t = Add(s, z) }>"
        "(one, true, v) "
    },
}
