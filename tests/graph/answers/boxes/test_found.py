"""The answer that the boxes of a detector become."""

from onnxplain.graph.answers.boxes.found import FoundBoxes, box_answer
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout
from tests.tasks.answers import answer


def test_the_answer_reads_every_tensor_of_the_layout_once():
    boxes, scores = Columns(("b", "s"), batch_axis=None), Columns(("s", "c"))
    found = FoundBoxes(BoxLayout(boxes, BoxCode("xyxy"), scores, 7), "why")
    made = box_answer(answer("boxes"), found)
    assert (made.shape, made.axis, made.boxes) == ((7,), 0, found)
    assert [(p.tensor, p.batch_axis) for p in made.raw.pieces] == [
        ("b", None), ("s", None), ("c", None),
    ]  # fmt: skip
