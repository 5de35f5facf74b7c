"""A record whose parts do not fit each other is one line, whatever the part."""

import pytest

from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.errors import UsageError
from onnxplain.report.fit import require_fit


def test_a_true_record(audited):
    require_fit(build(Record, audited[1]))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda r: r["suspects"][0].update(index=2), r"suspects\[0\] is of a class"),
        (lambda r: r["classes"].clear(), r"suspects\[0\] is of a class"),
        (lambda r: r["sanity"][0]["layers"].append("c"), r"sanity\[0\] has 3 layers and 2 values"),
        (lambda r: r["methods"].clear(), "none of the methods"),
        (lambda r: r["questions"].update(methods=[]), "none of the methods"),
        (lambda r: r["predictions"].update(accuracy=None), "labels and have no accuracy"),
    ],
)
def test_what_does_not_fit(audited, edit, said):
    edit(audited[1])
    with pytest.raises(UsageError, match=said):
        require_fit(build(Record, audited[1]))
