"""What every task promises."""

import pytest

from onnxplain.errors import UsageError
from onnxplain.tasks.boxes import Boxes
from onnxplain.tasks.classes import Classes
from onnxplain.tasks.embedding import Embedding
from onnxplain.tasks.task import Task, require_plain
from onnxplain.tasks.values import Numbers


@pytest.mark.parametrize("kind", [Boxes, Classes, Embedding, Numbers])
def test_every_task_has_all_parts_of_the_protocol(kind):
    promised = {name for name in vars(Task) if not name.startswith("_")}
    assert {"tensors", "predict", "request", "index", "targets", "require_meaning"} <= promised
    assert promised <= {name for base in kind.__mro__ if base is not Task for name in vars(base)}


@pytest.mark.parametrize(("contrast", "margin"), [(0, False), (None, True), (3, True)])
def test_where_no_classes_compete_a_contrast_means_nothing(contrast, margin):
    with pytest.raises(UsageError, match="an embedding has no classes that compete"):
        require_plain("an embedding", contrast, margin)


def test_without_a_contrast_nothing_is_refused():
    require_plain("an embedding", None, False)
