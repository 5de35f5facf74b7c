"""The verb for windows: whatever the engine, the tensors are those of the whole inputs."""

import nets
import numpy as np
import pytest
from handmade import PyTorchOnly, context_of

from onnxplain.adapters.base import Capability
from onnxplain.adapters.changes import WindowChanges
from onnxplain.errors import UsageError

WINDOWS = np.array([[0, 5, 0, 7], [3, 9, 20, 32], [31, 32, 31, 32], [0, 32, 0, 32]])


def whole(x, changes, spatial):
    """Whole inputs, window by window and pixel by pixel."""
    batch = []
    for k, (top, bottom, left, right) in enumerate(changes.windows):
        changed, content = np.moveaxis(x.copy(), spatial, (0, 1)), changes.content(k)
        content = np.moveaxis(content, spatial, (0, 1))
        for i in range(top, bottom):
            for j in range(left, right):
                changed[i, j] = content[i - top, j - left]
        batch.append(np.moveaxis(changed, (0, 1), spatial))
    return np.stack(batch)


def collected(run, count):
    seen = np.concatenate([i for i, _ in run])
    assert sorted(seen) == list(range(count))
    names = run[0][1]
    return {n: np.concatenate([v[n] for _, v in run])[np.argsort(seen)] for n in names}


@pytest.mark.parametrize("network", ["resnet", "tensorflow"])
@pytest.mark.parametrize("kind", [None, PyTorchOnly])
def test_values_are_those_of_the_whole_inputs(network, kind):
    made = nets.exported(network)
    options = {"batch_size": 3}
    context = context_of(made.proto, *([kind] if kind else []), **options)
    image, x = context.network.image, made.x[0].astype("float32")
    other = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    changes = WindowChanges.from_picture(WINDOWS, other, image.spatial)
    names = [context.network.head.logits, context.network.layer(None).name]
    run = list(context.windowed(x, changes, names).blocks)
    found = collected(run, len(WINDOWS))
    engine = context.engine(Capability.FORWARD)
    expected = engine.activations(whole(x, changes, image.spatial), names)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bad", [[0, 0, 0, 3], [3, 2, 0, 3], [-1, 2, 0, 3], [0, 2, 4, 4]])
def test_empty_windows_are_refused(bad):
    with pytest.raises(UsageError, match="none of them empty"):
        WindowChanges(np.array([bad]), lambda k: np.zeros(3))


def test_windows_outside_of_the_picture_are_refused():
    made = nets.exported("resnet")
    context, x = context_of(made.proto), made.x[0]
    changes = WindowChanges(np.array([[0, 4, 0, 33]]), lambda k: np.zeros((3, 4, 33)))
    with pytest.raises(UsageError, match="leaves the picture of 32 x 32"):
        context.windowed(x, changes, [context.network.head.logits])


def test_progress_counts_every_window():
    made = nets.exported("resnet")
    context, x = context_of(made.proto, batch_size=2), made.x[0]
    told = []
    object.__setattr__(context, "progress", lambda *step: told.append(step))
    changes = WindowChanges.from_picture(WINDOWS, x, context.network.image.spatial)
    list(context.windowed(x, changes, [context.network.head.logits]).blocks)
    assert told == [(2, 4), (4, 4)]
