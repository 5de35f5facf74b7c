"""Sections on crops and the rest on whole tensors give what NumPy gives, and open once."""

import numpy as np
import pytest
from adapters.incremental.exact import IMAGE, SIDE, WEIGHTS, case, convolved, part_between, tensors

from onnxplain.adapters.incremental.sessions import Sessions

RNG = np.random.default_rng(5)


def opened(made, bound=None):
    """Sessions, and how many models were opened."""
    files = []

    def open_part(file, weights):
        files.append(file)
        return made.network.ort._open_part(file, weights)

    return Sessions(made.sections, open_part, bound or {}), files


def crops(count, channels, size=(7, 5)):
    return RNG.integers(-3, 4, (count, channels, *size)).astype(np.float32)


SIZES = ((1, (7, 5)), (4, (3, 12)), (2, (SIDE, SIDE)))


def test_a_section_runs_on_crops_of_any_size_and_number():
    """Two convolutions that pad: crops keep the padding of both."""
    made = case()
    sessions, files = opened(made)
    part = part_between(made, 0, 2)
    for count, size in SIZES:
        crop = crops(count, 3, size)
        found = sessions.run_section(part, {"image": crop})
        assert list(found) == ["d"]
        np.testing.assert_array_equal(found["d"], tensors(crop)["d"])
    assert len(files) == 1


def test_a_section_of_one_convolution_does_not_pad():
    made = case()
    sessions, _ = opened(made)
    part = part_between(made, 0, 1)
    assert part.section.margins == ((1, 1), (1, 1))
    for count, size in SIZES:
        crop = crops(count, 3, size)
        found = sessions.run_section(part, {"image": crop})["b"]
        np.testing.assert_array_equal(found, tensors(crop)["b"][:, :, 1:-1, 1:-1])


def test_the_rest_runs_on_whole_tensors():
    made = case(names=("scores", "d"))
    sessions, files = opened(made)
    plan = made.planner.along(made.cuts)
    whole = crops(3, 5, (6, 6))
    found = sessions.run_rest(plan, {"d": whole})
    # What is wanted and given passes through.
    assert found["d"] is whole
    np.testing.assert_array_equal(found["scores"], whole.max(axis=(2, 3)))
    sessions.run_rest(plan, {"d": whole[:1]})
    assert len(files) == 1


def test_nothing_is_opened_where_the_rest_is_given():
    made = case(names=("d",))
    sessions, files = opened(made)
    whole = crops(2, 5, (6, 6))
    assert sessions.run_rest(made.planner.along(made.cuts), {"d": whole}) == {"d": whole}
    assert files == []


def test_sections_that_a_plan_does_not_use_are_closed():
    made = case()
    sessions, files = opened(made)
    chain, direct = made.planner.along(made.cuts), made.planner.along([made.cuts[0], made.cuts[2]])
    x = crops(1, 3, (SIDE, SIDE))

    def through(plan):
        values = {"image": x}
        for part in plan.parts:
            sides = ((0, 0), (0, 0), *part.section.margins)
            read = {n: np.pad(values[n], sides) for n in part.section.inputs}
            values |= sessions.run_section(part, read)
        wanted = tensors(x)
        np.testing.assert_array_equal(values["d"], wanted["d"])
        found = sessions.run_rest(plan, {"d": values["d"]})
        np.testing.assert_array_equal(found["scores"], wanted["scores"])

    through(chain)
    through(direct)
    assert len(files) == 4  # three sections, and one rest for both plans
    sessions.keep_only(direct)
    through(direct)
    assert len(files) == 4
    through(chain)
    assert len(files) == 6


def test_further_inputs_of_the_model_are_fed():
    body = """
        b = Conv<pads = [1,1,1,1]>(image, k1) g = GlobalMaxPool(b) f = Flatten(g)
        scores = Mul(f, gain)
    """
    gain = np.array([3.0], np.float32)
    made = case(body, image=f"{IMAGE}, float[1] gain", bound={"gain": gain})
    sessions, _ = opened(made, {"gain": gain})
    whole = crops(2, 4, (SIDE, SIDE))
    found = sessions.run_rest(made.planner.along(made.cuts), {"b": whole})
    np.testing.assert_array_equal(found["scores"], 3 * whole.max(axis=(2, 3)))


def test_what_was_measured_in_front_is_that_of_the_whole_batch():
    """The rest reads one length of a shape that it does not see."""
    made = case(
        """
        n = Shape<start = 0, end = 1>(image) b = Relu(image) t = Concat<axis = 0>(n, last)
        g = GlobalMaxPool(b) scores = Reshape(g, t)
        """,
        last=np.array([3]),
    )
    sessions, _ = opened(made)
    whole = crops(4, 3, (SIDE, SIDE))
    found = sessions.run_rest(made.planner.along(made.cuts), {"b": whole})
    np.testing.assert_array_equal(found["scores"], whole.max(axis=(2, 3)))


@pytest.mark.parametrize("stride", [1, 2])
def test_a_reshape_gets_the_shape_of_the_crop(stride):
    """Two groups of channels change places: the file writes the whole picture's shape."""
    body = f"""
        a = Conv<pads = [1,1,1,1], strides = [{stride},{stride}]>(image, k1) r = Reshape(a, apart)
        t = Transpose<perm = [0,2,1,3,4]>(r) s = Reshape(t, joined)
        c = Conv<pads = [1,1,1,1]>(s, k2) g = GlobalMaxPool(c) scores = Flatten(g)
    """
    side = SIDE // stride
    made = case(body, apart=np.array([-1, 2, 2, side, side]), joined=np.array([-1, 4, side, side]))
    sessions, _ = opened(made)
    part = part_between(made, 0, len(made.cuts) - 1)
    assert part.section.targets == ("c",)
    # As long as the whole, but for a multiple of the stride.
    for count, size in ((3, (8, 6)), (1, (SIDE, SIDE))):
        crop = crops(count, 3, size)
        found = sessions.run_section(part, {"image": crop})["c"]
        mixed = convolved(crop, WEIGHTS["k1"], stride)[:, [0, 2, 1, 3]]
        np.testing.assert_array_equal(found, convolved(mixed, WEIGHTS["k2"]))
