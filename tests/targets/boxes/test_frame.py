"""Where an input lies in its photo."""

import numpy as np

from onnxplain.targets.boxes.frame import Frame


def test_a_box_of_the_input_is_scaled_and_then_moved():
    frame = Frame(scale=(2.0, 3.0), corner=(10.0, -5.0))
    # Left and right go across (2 x + 10), top and bottom down (3 y - 5).
    assert frame.on_photo(np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [12, 1, 16, 7]
    assert frame.in_input(np.array([12.0, 1.0, 16.0, 7.0])).tolist() == [1, 2, 3, 4]


def test_there_and_back_keeps_any_number_of_boxes():
    boxes = np.random.default_rng(0).integers(-64, 64, (5, 2, 4)).astype(np.float64)
    frame = Frame((0.25, 8.0), (-3.5, 7.0))  # powers of two, so that nothing is rounded
    assert np.array_equal(frame.in_input(frame.on_photo(boxes)), boxes)


def test_without_a_frame_nothing_moves():
    box = np.array([0.5, 1.5, 2.5, 3.5])
    assert np.array_equal(Frame().on_photo(box), box)
