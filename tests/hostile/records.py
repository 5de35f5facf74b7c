"""Folders of audits with something wrong in the record or in the store of results."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sqlite3
import tempfile
from pathlib import Path

from onnxplain.audit.record import RECORD
from onnxplain.audit.run import STORE
from onnxplain.cli import main
from tests.hostile.apart import apart
from tests.hostile.documents import MODEL, changed_json
from tests.hostile.values import Rng, changed_bytes, text, whole

PICTURES = Path(__file__).parents[2] / "examples" / "digits"
_CONFIG = 'methods = ["cam"]\nmeasures = ["deletion"]\nsanity_pictures = 1\n'


@functools.cache
def audited() -> dict[str, bytes]:
    """The files of an audit that is sound, by name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "audit.toml").write_text(_CONFIG)
        words = ["audit", MODEL, str(PICTURES), "--config", str(folder / "audit.toml")]
        apart(lambda: _run([*words, "-o", str(folder / "out"), "--quiet", "--limit", "4"]))
        record = json.loads((folder / "out" / RECORD).read_text())
        record["data"]["source"] = "pictures"
        record["times"] = {"written": "2026-01-01T00:00:00+00:00", "explaining_seconds": {}}
        return {
            RECORD: json.dumps(record).encode(),
            STORE: (folder / "out" / STORE).read_bytes(),
        }


def _run(words: list[str]) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(words)


def changed_audit(rng: Rng) -> tuple[dict[str, bytes], str]:
    """Change the record, mostly, or the store; also says how."""
    files = dict(audited())
    if rng.random() < 0.75:
        files[RECORD], done = changed_json(files[RECORD], rng)
        return files, f"record: {done}"
    if rng.random() < 0.4:
        files[STORE], done = changed_bytes(files[STORE], rng)
        return files, f"store: {done}"
    files[STORE], done = _with_statement(files[STORE], rng)
    return files, f"store: {done}"


def _with_statement(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Values, tables and views that a store of an audit does not have."""
    never = "with recursive t(x) as (select 1 union all select x + 1 from t) select x from t"
    blob = rng.choice((b"", b"\0" * 12, b"\0" * 13, b"\xff" * 256, b"\0" * 2**20))
    statement, values = rng.choice(
        (
            ("update maps set values_ = ?", (blob,)),
            ("update maps set values_ = ?", (text(rng).encode("utf-8", "ignore").decode(),)),
            ("update maps set number = number + ?", (whole(rng) % 2**62,)),
            ("update maps set method = ?", (text(rng).encode("utf-8", "ignore").decode(),)),
            ("update about set value = ?", ("x" * rng.choice((1, 10**6)),)),
            ("update about set value = null where key = 'format'", ()),
            ("delete from about", ()),
            ("drop table results", ()),
            ("create table more (a)", ()),
            ("alter table maps rename to other", ()),
            (f"create view more as {never}", ()),
            ("create trigger t after insert on maps begin delete from maps; end", ()),
            ("pragma application_id = 7", ()),
            ("pragma user_version = 99", ()),
        )
    )
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / STORE
        path.write_bytes(content)
        connection = sqlite3.connect(path)
        with contextlib.suppress(sqlite3.Error), connection:
            connection.execute(statement, values)
        connection.execute("pragma wal_checkpoint(truncate)")
        connection.close()
        return path.read_bytes(), statement[:40]
