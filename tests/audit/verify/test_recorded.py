"""A record read as the results that it was made of: in order, without maps."""

from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.audit.verify.recorded import Recorded


def test_entries_come_in_the_order_of_their_numbers(record):
    numbers = [entry["number"] for entry in record["pictures"]]
    turned = {**record, "pictures": record["pictures"][::-1]}
    found = Recorded(build(Record, turned))
    assert [p.number for p in found.pictures()] == numbers
    assert [p.name for p in found.sanity()] == ["0.png"]


def test_what_it_does_not_hold(record):
    found = Recorded(build(Record, record))
    assert list(found.transplants()) == []
    assert found.map(0, "m").size == 28 * 28
    assert not found.map(0, "m").any()
