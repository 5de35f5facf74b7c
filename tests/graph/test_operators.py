"""The table of operators, against what the operators do."""

import numpy as np
import pytest
from handmade import context_of, model

from onnxplain.convert.operators import MICROSOFT, OURS, STOCK
from onnxplain.errors import MethodRefusedError
from onnxplain.graph.bodies import CONTROL_FLOW
from onnxplain.graph.local import find_local
from onnxplain.graph.operators import IN_PLACE, OPERATORS, Trait, having
from onnxplain.graph.receptive_field import receptive_fields
from tests.graph.behaviour import every_form, forms_with, is_float

# The place of an element, beside its value, decides what becomes of it.
BY_POSITION = {"Trilu", "com.microsoft::Trilu", "Scatter", "ScatterElements", "ScatterND",
               "TensorScatter"}  # fmt: skip
# In double precision.
EXACT = {"rtol": 1e-9, "atol": 1e-9}


def per_form(traits, *without):
    made = forms_with(traits, *without)
    ids = [f"{m.name}-{k}" for k, m in enumerate(made)]
    return pytest.mark.parametrize("made", made, ids=ids)


def signal_forms(traits, *without):
    """Forms whose first input is of floating-point numbers."""
    made = [m for m in forms_with(traits, *without) if m.first and is_float(m.feeds[m.first])]
    return pytest.mark.parametrize("made", made, ids=[f"{m.name}-{k}" for k, m in enumerate(made)])


def is_elementwise(made, rng):
    """Whether no other output follows an element of the first input, and some output does."""
    value = made.feeds[made.first]
    if made.run().shape != value.shape:
        return False
    any_change = False
    for index, differs in made.changes(made.first, rng):
        any_change |= differs[index]
        differs[index] = False
        if differs.any():
            return False
    return any_change


def test_every_operator_that_converts_has_a_row():
    standard = {op for covered in OURS.values() for op in covered}.union(STOCK)
    own = {f"com.microsoft::{op}" for ops in MICROSOFT.values() for op in ops}
    assert set(OPERATORS) == standard | own


@per_form(Trait.ELEMENTWISE)
def test_elementwise(made, rng):
    assert made.run().shape == made.feeds[made.first].shape
    for index, differs in made.changes(made.first, rng):
        differs[index] = False
        assert not differs.any()


def test_nothing_elementwise_is_left_out(rng):
    known = IN_PLACE | having(Trait.JOINS) | BY_POSITION | CONTROL_FLOW
    forms = {}
    for made in every_form():
        if made.name not in known and made.first and not OPERATORS[made.name] & Trait.NO_SIGNAL:
            forms.setdefault(made.name, []).append(made)
    found = {n for n, several in forms.items() if all(is_elementwise(m, rng) for m in several)}
    assert found == set()


@per_form(Trait.JOINS)
def test_joins(made, rng):
    shape = made.run().shape
    for name, value in made.feeds.items():
        place = np.broadcast_to(np.arange(value.size).reshape(value.shape), shape)
        for index, differs in made.changes(name, rng):
            assert not differs[place != np.ravel_multi_index(index, value.shape)].any()


def test_joining_operators_have_several_operands():
    operands = dict.fromkeys(having(Trait.JOINS), 0)
    for made in forms_with(Trait.JOINS):
        values = [a for a in made.form.inputs if a is not None and a.size > 1]
        operands[made.name] = max(operands[made.name], len(values))
    assert min(operands.values()) > 1


def test_a_common_scale_is_measured_on_the_whole(rng):
    made = forms_with(Trait.COMMON_SCALE)[0]
    x = made.feeds[made.first]
    wider = x.copy()
    wider.flat[0] = 10 * np.abs(x).max()
    assert (made.run() != made.run(**{made.first: wider})).mean() > 0.9
    # As long as the range stays the same, it is elementwise.
    inner = x.copy()
    at = np.argsort(x.ravel())[x.size // 2]
    inner.flat[at] += 0.5
    assert np.flatnonzero(made.run() != made.run(**{made.first: inner})).tolist() == [at]


@per_form(Trait.PER_CHANNEL)
def test_per_channel(made, rng):
    for index, differs in made.changes(made.first, rng):
        places = [k for k in range(differs.ndim) if k != 1]
        for where in np.argwhere(differs):
            assert all(where[k] == index[k] for k in places)


@per_form(Trait.KEEPS_AXES)
def test_keeps_axes(made):
    assert made.run().ndim == made.feeds[made.first].ndim


@per_form(Trait.SPATIAL)
def test_pictures_of_a_batch_stay_apart(made, rng):
    value = made.feeds[made.first]
    assert made.run().ndim == value.ndim
    assert len(made.run()) == len(value)
    for index, differs in made.changes(made.first, rng):
        assert not np.delete(differs, index[0], axis=0).any()


@per_form(Trait.WINDOWED)
def test_a_window_is_smaller_than_the_picture(made):
    value = made.feeds[made.first]
    last = made.attributes.get("channels_last", 0)
    corner = (slice(None), 0, 0) if last else (slice(None), slice(None), *[0] * (value.ndim - 2))
    changed = value.copy()
    changed[corner] = 100
    differs = made.run() != made.run(**{made.first: changed})
    places = differs.any(axis=(0, -1 if last else 1))
    assert places.any()
    assert not places[(-1,) * places.ndim]


@per_form(Trait.REDUCES)
def test_a_reduction_does_not_ask_for_the_order(made, rng):
    value = made.feeds[made.first]
    if made.run().size > 1:
        pytest.skip("not over all axes")
    mixed = rng.permutation(value.ravel()).reshape(value.shape)
    if not is_float(value):
        assert made.run(**{made.first: mixed}) == made.run()
        return
    np.testing.assert_allclose(made.exactly(**{made.first: mixed}), made.exactly(), **EXACT)


@per_form(Trait.RESHAPES)
def test_reshapes(made):
    assert made.run().ravel().tolist() == made.feeds[made.first].ravel().tolist()


# The scale of the picture is measured, which is not elementwise.
@per_form(Trait.PRODUCT, "com.microsoft::DynamicQuantizeMatMul")
def test_a_product_keeps_the_rows_apart(made, rng):
    if made.attributes.get("transA") or made.feeds[made.first].ndim < 2:
        pytest.skip("not rows of channels")
    for index, differs in made.changes(made.first, rng):
        assert not np.delete(differs, index[-2], axis=-2).any()


def test_what_changes_the_element_type_is_known():
    shaped = Trait.ELEMENTWISE | Trait.JOINS | Trait.KEEPS_AXES | Trait.SPATIAL | Trait.PRODUCT
    made = forms_with(shaped | Trait.PER_CHANNEL | Trait.REDUCES)
    found = {m.name for m in made if m.first and m.run().dtype != m.feeds[m.first].dtype}
    assert found == having(Trait.RETYPES) & {m.name for m in made}


@per_form(Trait.MOVES | Trait.CHOOSES)
def test_moves(made):
    filling = {0.0, float(made.attributes.get("value", 0))}
    read = set().union(*(v.ravel().tolist() for v in made.feeds.values()))
    assert set(made.run().ravel().tolist()) <= read | filling


@pytest.mark.parametrize("name", sorted(having(Trait.CHOOSES)))
def test_the_values_decide_what_is_chosen(name):
    made = [m for m in forms_with(Trait.CHOOSES) if m.name == name]
    # Turned round, another element is the largest.
    turned = [{n: (v.max() - v).astype(v.dtype) for n, v in m.feeds.items()
               if v.dtype.kind in "fu"} for m in made]  # fmt: skip
    assert any(
        (m.run(**t) != m.feeds[m.first].max() - m.run()).any()
        for m, t in zip(made, turned, strict=True)
    )


@signal_forms(Trait.AVERAGES | Trait.WEIGHTED, "com.microsoft::FusedConv",
              "com.microsoft::FusedGemm", "com.microsoft::DynamicQuantizeMatMul")  # fmt: skip
def test_linear(made, rng):
    if made.attributes.get("accuracy_level") == 4:
        pytest.skip("quantises what it reads")
    read = [n for n, v in made.feeds.items() if is_float(v)]
    names = read if OPERATORS[made.name] & Trait.JOINS else read[:1]
    a, b = ({n: rng.normal(size=made.feeds[n].shape) for n in names} for _ in range(2))
    both = {n: a[n] + b[n] for n in names}
    nothing = {n: np.zeros_like(a[n]) for n in names}
    together = made.exactly(**both) + made.exactly(**nothing)  # a bias is no part of the map
    np.testing.assert_allclose(made.exactly(**a) + made.exactly(**b), together, **EXACT)


@signal_forms(Trait.BILINEAR)
def test_bilinear(made, rng):
    for name in list(made.feeds)[:2]:
        a, b = (rng.normal(size=made.feeds[name].shape) for _ in range(2))
        one, two, both, none = (made.exactly(**{name: v}) for v in (a, b, a + b, np.zeros_like(a)))
        np.testing.assert_allclose(one + two, both + none, **EXACT)


@signal_forms(Trait.NORMALISES_END | Trait.NORMALISES_PLACES)
def test_the_deviation_is_divided_out(made, rng):
    x = made.feeds[made.first].astype(np.float64)
    first, second = (made.exactly(**{made.first: x * s}) for s in (1e6, 3e6))
    np.testing.assert_allclose(first, second, **EXACT)
    end = OPERATORS[made.name] & Trait.NORMALISES_END
    for index, differs in made.changes(made.first, rng):
        kept = made.attributes.get("axis", -1) % differs.ndim if end else 1
        for where in np.argwhere(differs):
            assert tuple(where[:kept]) == tuple(index[:kept])
        # All that shares the deviation changes.
        assert differs[index[: kept if end else 2]].all()


@per_form(Trait.NORMALISES_ALONG)
def test_normalises_along_one_axis(made, rng):
    for index, differs in made.changes(made.first, rng):
        axis = made.attributes.get("axis", -1) % differs.ndim
        for where in np.argwhere(differs):
            assert np.delete(where, axis).tolist() == np.delete(index, axis).tolist()


def at(made, value):
    return float(made.run(**{made.first: np.full_like(made.feeds[made.first], value)}).flat[0])


def test_relu_like():
    """What is far above zero passes, what is as far below it passes by less than half."""
    seen = {}
    for made in forms_with(Trait.ELEMENTWISE | Trait.PER_CHANNEL):
        if made.first and is_float(made.feeds[made.first]) and is_float(made.run()):
            high, low = at(made, 20), at(made, -20)
            seen.setdefault(made.name, []).append(10 < high < 40 and abs(low) < high / 2)
    assert {n for n, forms in seen.items() if all(forms)} == having(Trait.RELU_LIKE)


@signal_forms(Trait.GATE)
def test_a_gate_is_bounded(made):
    x = np.linspace(-60, 60, made.feeds[made.first].size).astype(np.float32)
    y = made.run(**{made.first: x.reshape(made.feeds[made.first].shape)})
    assert np.abs(y).max() <= 1 + np.finfo(np.float32).eps
    assert np.ptp(y) > 0.5


@signal_forms(Trait.POSITIVE)
def test_never_negative(made):
    assert (made.run() >= 0).all()


@per_form(Trait.KEEPS_SIGN)
def test_keeps_the_sign(made):
    feeds = made.feeds.items()
    assert (made.run(**{n: np.abs(v) for n, v in feeds if is_float(v)}) >= 0).all()


# Bounds, a ratio, what fills up, scales: numbers, but none of the signal.
@per_form(Trait.FIRST_ONLY, "Clip", "Dropout", "Pad", "Resize", "Upsample", "com.microsoft::Pad")
def test_further_inputs_are_no_signal(made):
    assert not any(is_float(v) for v in list(made.feeds.values())[1:])


# A range is counted from lengths.
@signal_forms(Trait.NO_SIGNAL, "Range", "com.microsoft::Range")
def test_no_signal(made, rng):
    if is_float(made.run()):
        assert not any(differs.any() for _, differs in made.changes(made.first, rng))


def test_relevance_passes_where_elements_stay_apart():
    assert having(Trait.PASSES) <= IN_PLACE
    assert not having(Trait.PASSES) & having(Trait.NO_SIGNAL)


# An activation that is rare, and three that only ONNX Runtime has.
ACTIVATIONS = [
    "Shrink<lambd = 0.1, bias = 0.05>(c)",
    "Sinh(c)",
    "com.microsoft.QuickGelu<alpha = 1.7>(c)",
    "com.microsoft.FastGelu(c)",
    "com.microsoft.BiasGelu(c, zeros)",
]


def network_with(activation):
    rng = np.random.default_rng(0)
    weights = {"k": rng.normal(size=(6, 3, 3, 3)), "w": rng.normal(size=(6, 4))}
    if "zeros" in activation:
        weights["zeros"] = np.zeros(6)
    body = f"c = Conv<pads = [1,1,1,1]>(image, k) a = {activation} p = GlobalAveragePool(a)"
    proto = model(f"{body} f = Flatten(p) scores = MatMul(f, w)", weights)
    return context_of(proto).network, weights


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_layer_behind_a_rare_activation_is_found(activation):
    network, weights = network_with(activation)
    layer = network.layer(None)
    assert (layer.name, layer.axes) == ("a", tuple("NCHW"))
    head = network.cam_head(layer)
    np.testing.assert_array_equal(head.weight, weights["w"].T.astype(np.float32))
    fields = receptive_fields(network.graph, network.shapes, network.axes, network.image, "a")
    assert fields.size == (3, 3)
    # The bias of BiasGelu is one for each column.
    grids = find_local(network.graph, network.shapes, network.image).grids
    assert ("a" in grids) == ("Bias" not in activation)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_cam_names_the_activation_that_stands_between(activation):
    network, _ = network_with(activation)
    name = activation.split("(")[0].split("<")[0].removeprefix("com.microsoft.")
    with pytest.raises(MethodRefusedError, match=rf"the head holds {name} \(tensor 'a'\)"):
        network.cam_head(network.layer("c"))
