"""When the incremental engine runs, when it does not, and that both give the same."""

import nets
import numpy as np
import onnx
import pytest
import torch
from adapters.incremental.compare import require_same, run, windows_of
from handmade import context_of, model
from integer_sums import skip_if_sums_overflow
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from onnxplain.adapters.incremental import engine as gates
from onnxplain.adapters.incremental import plan as planning
from onnxplain.errors import UsageError
from onnxplain.graph.windows import Crops, clamped_crops

MANY = windows_of((32, 32), (6, 4), (4, 3))
SOME = windows_of((32, 32), (7, 5), (9, 8))


@pytest.fixture
def eager(monkeypatch):
    """Small networks are worth it too."""
    monkeypatch.setattr(gates, "FEW_SECONDS", 0)
    monkeypatch.setattr(gates, "FEW_PROFILED_SECONDS", 0)
    monkeypatch.setattr(gates, "GAIN_IN_OPERATIONS", 0.0)
    monkeypatch.setattr(gates, "GAIN", 0.0)
    for overhead in ("_SESSION", "_WINDOW", "_CALL", "_NODE", "_BYTE"):
        monkeypatch.setattr(planning, overhead, 0.0)


@pytest.fixture
def profiled(monkeypatch):
    """Nodes of small networks are timed as those of large ones are."""
    monkeypatch.setattr(gates, "is_work", lambda operations: True)


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize(
    "name", ["vgg", "resnet", "mobilenet", "squeeze", "tensorflow", "branches"]
)
def test_networks(name, timed, monkeypatch):
    monkeypatch.setattr(gates, "is_work", lambda operations: timed)
    made = nets.exported(name)
    record = require_same(context_of(made.proto), made.x[0].astype(np.float32), SOME)
    assert record["sections"]
    assert record["difference"] < 1e-5


def test_the_next_picture_and_other_windows():
    made = nets.exported("resnet")
    context = context_of(made.proto)
    for seed, windows in ((0, SOME), (1, SOME), (2, MANY), (3, SOME)):
        x = nets.images("resnet", seed=seed)[0].astype(np.float32)
        require_same(context, x, windows)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fewer_windows_than_profiled_calls(count, profiled):
    made = nets.exported("resnet")
    require_same(context_of(made.proto), made.x[0].astype(np.float32), SOME[:count])


def test_a_layer_and_the_scores_together():
    made = nets.exported("resnet")
    context = context_of(made.proto)
    layers = [c.name for c in context.network.layers[:2]]
    x = made.x[0].astype(np.float32)
    require_same(context, x, SOME, names=[*layers, context.network.head.logits])
    require_same(context, x, SOME, names=layers[:1])


@pytest.mark.parametrize("timed", [False, True])
def test_a_fixed_batch(timed, monkeypatch):
    monkeypatch.setattr(gates, "is_work", lambda operations: timed)
    x = torch.from_numpy(nets.images("mobilenet", 3)).float()
    proto = nets.export(nets.network("mobilenet"), x, dynamic=False)
    record = require_same(context_of(proto), x[0].numpy(), SOME)
    assert record["batch"] == 3


def test_another_input_is_fed():
    body = """
        a = Conv <pads=[1,1,1,1]> (image, w) b = Relu(a) c = Conv <strides=[2,2]> (b, w)
        d = GlobalAveragePool(c) e = Flatten(d) scores = Mul(e, strength)
    """
    weight = np.random.default_rng(0).normal(size=(3, 3, 3, 3))
    image = "float[N,3,32,32] image, float[1] strength"
    bound = {"strength": np.array([2.5], np.float32)}
    context = context_of(model(body, w=weight, image=image), bound=bound, input_name="image")
    require_same(context, nets.images("resnet")[0].astype(np.float32), SOME)


def test_the_size_of_the_picture_is_read_behind_the_sections():
    body = """
        a = Conv <pads=[1,1,1,1]> (image, w) b = Relu(a)
        s = Shape(image) n = Gather(s, zero) rest = Constant <value_ints=[-1]> ()
        t = Concat <axis=0> (n, rest) scores = Reshape(b, t)
    """
    weight = np.random.default_rng(0).normal(size=(3, 3, 3, 3))
    proto = model(body, w=weight, zero=np.array([0]), image="float[N,3,32,32] image")
    context = context_of(proto, scores=None)  # maps behind a Relu are no logits
    require_same(context, nets.images("resnet")[0].astype(np.float32), SOME)


@pytest.mark.parametrize(
    "step",
    [
        "Shrink <lambd=0.2, bias=0.1> (a)",
        "LpNormalization <axis=1> (a)",
        "Hardmax <axis=1> (a)",
        "com.microsoft.FastGelu(a)",
        "Mod <fmod=1> (a, strength)",
        "ReduceLogSumExp <axes=[1]> (a)",
    ],
)
def test_rare_operators_that_keep_places_apart(step):
    body = f"""
        a = Conv <pads=[1,1,1,1]> (image, w) s = {step} b = Add(s, a)
        c = Conv <pads=[1,1,1,1]> (b, w) d = GlobalAveragePool(c) scores = Flatten(d)
    """
    weight = np.random.default_rng(0).normal(size=(3, 3, 3, 3))
    constants = {"strength": np.array(0.7)} if "strength" in step else {}
    proto = model(body, w=weight, **constants, image="float[N,3,32,32] image")
    record = require_same(context_of(proto), nets.images("resnet")[0].astype(np.float32), SOME)
    assert record["sections"]


class _Calibration(CalibrationDataReader):
    def __init__(self):
        self.batches = iter([{"image": nets.images("resnet", 8).astype(np.float32)}])

    def get_next(self):
        return next(self.batches, None)


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
@pytest.mark.parametrize("name", ["vgg", "resnet"])
def test_quantised_files_bit_for_bit_or_not_at_all(tmp_path, form, name):
    x = torch.from_numpy(nets.images(name)).float()
    onnx.save(nets.export(nets.network(name), x, folded=True), tmp_path / "float.onnx")
    quantize_static(
        tmp_path / "float.onnx", tmp_path / "int8.onnx", _Calibration(), quant_format=form
    )
    proto = onnx.load(tmp_path / "int8.onnx")
    skip_if_sums_overflow(proto)
    context = context_of(proto)
    record = require_same(context, x[0].numpy(), SOME, tolerance=0)
    assert record["difference"] == 0
    grids = context.network.ort._windows._known[(context.network.head.logits,)]._sections.local
    cut = [t for section in record["sections"] for t in section]
    assert cut
    assert {grids.grids[t].dtype.kind for t in cut} <= {"i", "u"}


@pytest.mark.parametrize("name", ["vit", "mlp"])
def test_what_is_not_local_runs_as_a_whole(name):
    made = nets.exported(name)
    context, x = context_of(made.proto), made.x[0].astype(np.float32)
    record, _ = run(context, x, MANY)
    assert record["name"] == "brute-force"
    with pytest.raises(UsageError, match=r"cannot run: .*; use engine=auto"):
        run(context, x, MANY, "incremental")


def test_little_work_runs_as_a_whole():
    made = nets.exported("resnet")
    context, x = context_of(made.proto), made.x[0].astype(np.float32)
    assert "fewer than 64 windows" in run(context, x, SOME)[0]["because"]
    assert "too little work" in run(context, x, MANY)[0]["because"]


def test_a_small_network_is_planned_without_a_clock(monkeypatch):
    """The same sections and the same bits for the first map of a file and for all others."""
    made = nets.exported("vgg")
    x, runs = made.x[0].astype(np.float32), []
    for _ in range(2):
        context = context_of(made.proto)
        monkeypatch.setattr(context.network.ort, "_profile", None)
        runs += [run(context, x, MANY, "incremental") for _ in range(2)]
    (first, values), *others = runs
    for record, again in others:
        assert record == first
        for name in values:
            np.testing.assert_array_equal(values[name], again[name])


def test_what_stands_in_the_way_is_found_once_for_the_same_windows(eager, monkeypatch):
    asked = []
    found = gates._NamedTensors._gain_in_operations
    monkeypatch.setattr(
        gates._NamedTensors,
        "_gain_in_operations",
        lambda named, changes: asked.append(len(changes)) or found(named, changes),
    )
    made = nets.exported("vgg")
    context, x = context_of(made.proto), made.x[0].astype(np.float32)
    for windows in (MANY, MANY, MANY[1:], MANY, MANY[1:]):
        run(context, x, windows)
    assert asked == [len(MANY), len(MANY) - 1]


def test_windows_that_cover_everything_run_as_a_whole(monkeypatch):
    monkeypatch.setattr(gates, "FEW_SECONDS", 0)
    monkeypatch.setattr(gates, "FEW_PROFILED_SECONDS", 0)
    made = nets.exported("resnet")
    context, x = context_of(made.proto), made.x[0].astype(np.float32)
    everything = np.repeat([[0, 32, 0, 32]], 70, axis=0)
    assert "1.00 times fewer operations" in run(context, x, everything)[0]["because"]


def test_a_small_predicted_gain_runs_as_a_whole(eager, profiled, monkeypatch):
    monkeypatch.setattr(gates, "GAIN", 1000.0)
    made = nets.exported("resnet")
    context, x = context_of(made.proto), made.x[0].astype(np.float32)
    record, found = run(context, x, MANY)
    assert record["name"] == "brute-force"
    assert "is below 1000" in record["because"]
    # What was profiled is not computed again, and not lost.
    expected = run(context, x, MANY, "brute-force")[1]
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5)


def test_auto_runs_sections_and_hands_over_what_was_profiled(eager, profiled):
    made = nets.exported("vgg")
    context, x = context_of(made.proto), made.x[0].astype(np.float32)
    expected = run(context, x, MANY, "brute-force")[1]
    for _ in range(2):  # with and without a profile
        record, found = run(context, x, MANY)
        assert record["name"] == "incremental"
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-5 * np.abs(values).max())


def test_a_plan_that_is_wrong_is_found_and_not_used(monkeypatch):
    def late(begin, end, length, stride):
        crops = clamped_crops(begin, end, length, stride)
        room = crops.origin + crops.length + stride <= length
        return Crops(crops.origin + stride * room, crops.length, crops.first + room)

    monkeypatch.setattr(planning, "clamped_crops", late)
    made = nets.exported("vgg")
    context, x = context_of(made.proto), made.x[0].astype(np.float32)
    with pytest.raises(UsageError, match="sections differ from the whole by"):
        run(context, x, SOME, "incremental")


def test_shapes_that_onnx_runtime_does_not_share_are_not_trusted():
    """A window that begins in the padding: ONNX counts it, ONNX Runtime does not."""
    body = """
        p = MaxPool <kernel_shape=[3,3], strides=[2,2], pads=[0,0,2,2], ceil_mode=1> (image)
        c = Conv(p, w) g = GlobalAveragePool(c) scores = Flatten(g)
    """
    weight = np.random.default_rng(0).normal(size=(3, 3, 3, 3))
    context = context_of(model(body, w=weight, image="float[N,3,32,32] image"))
    x = nets.images("resnet")[0].astype(np.float32)
    shape = context.network.ort.activations(x[None], ["p"])["p"].shape
    assert shape != context.network.shapes["p"]
    with pytest.raises(UsageError, match="another shape than ONNX infers"):
        run(context, x, SOME, "incremental")


def test_weights_are_handed_over_where_they_lie(monkeypatch):
    made = nets.exported("vgg")
    context = context_of(made.proto)
    engine, handed = context.network.ort, []
    original = engine._open_part

    def watching(file, weights, threads=None):
        handed.append((len(file), weights))
        return original(file, weights, threads)

    monkeypatch.setattr(engine, "_open_part", watching)
    run(context, made.x[0].astype(np.float32), SOME, "incremental")
    graph = context.network.graph
    assert handed
    assert all(w is graph.constant(n) for _, weights in handed for n, w in weights.items())
    assert max(size for size, _ in handed) < 20_000


def test_memory_stays_bounded(monkeypatch):
    """States of a few windows at a time, whatever their number."""
    from onnxplain.adapters.incremental import execute

    monkeypatch.setattr(execute, "_STATES", 1)
    sizes, original = [], execute.Run.some

    def watching(self, changes, indices):
        sizes.append(len(indices))
        return original(self, changes, indices)

    monkeypatch.setattr(execute.Run, "some", watching)
    made = nets.exported("vgg")
    require_same(context_of(made.proto, batch_size=4), made.x[0].astype(np.float32), MANY)
    assert 1 < max(sizes) <= 4  # all calls that run at a time share them
