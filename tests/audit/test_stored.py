"""A store that somebody else made is read, for seconds, and never written."""

import sqlite3

import numpy as np
import pytest

from onnxplain.audit.store import PICTURES, Store
from onnxplain.audit.stored import StoredMaps
from onnxplain.errors import UsageError

IDENTITY = {"model": "a"}


@pytest.fixture
def path(tmp_path):
    with Store(tmp_path / "results.sqlite", IDENTITY) as store:
        store.add(PICTURES, 3, {"x": 1}, {"cam": np.arange(4, dtype=np.float32)})
    return tmp_path / "results.sqlite"


def _changed(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_maps_are_what_was_kept(path):
    before = path.read_bytes(), sorted(p.name for p in path.parent.iterdir())
    with StoredMaps(path, {**IDENTITY}) as maps:
        assert maps.map(3, "cam").tolist() == [0, 1, 2, 3]
        assert maps.map(4, "cam") is None
    assert (path.read_bytes(), sorted(p.name for p in path.parent.iterdir())) == before


def test_that_of_another_audit_is_refused(path):
    with pytest.raises(UsageError, match="another audit"):
        StoredMaps(path, {"model": "b"})


@pytest.mark.parametrize("values", ["zeroblob(13)", "zeroblob(12)", "'text'", "zeroblob(0)", "7"])
def test_a_map_of_a_wrong_size_is_one_line(path, values):
    _changed(path, f"UPDATE maps SET values_ = {values}")
    with StoredMaps(path, IDENTITY) as maps, pytest.raises(UsageError, match="not a square"):
        maps.map(3, "cam")


def test_a_view_in_the_place_of_a_table_is_refused(path):
    _changed(
        path,
        "ALTER TABLE maps RENAME TO others",
        "CREATE VIEW maps AS WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) "
        "SELECT x AS number, 'cam' AS method, zeroblob(16) AS values_ FROM t WHERE x < 0",
    )
    with pytest.raises(UsageError, match="other tables"):
        StoredMaps(path, IDENTITY)


@pytest.mark.parametrize("content", [b"", b"garbage!" * 100])
def test_what_is_no_database_is_refused(tmp_path, content):
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(UsageError, match="not a store of results"):
        StoredMaps(tmp_path / "s", IDENTITY)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_map_that_is_no_numbers_is_one_line(path, value):
    values = np.array([0, 1, 2, value], np.float32).tobytes().hex()
    _changed(path, f"UPDATE maps SET values_ = x'{values}'")
    with StoredMaps(path, IDENTITY) as maps, pytest.raises(UsageError, match="NaN or Inf"):
        maps.map(3, "cam")
