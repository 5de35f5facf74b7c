"""One hostile case: a kind and a number give the same files every time."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile.documents import SIDE, changed_json, changed_npz, changed_side, saved
from tests.hostile.model_bases import BUILT, EXTERNAL_WEIGHT, SHIPPED, base_bytes, side_files
from tests.hostile.model_mutations import changed_model
from tests.hostile.pictures import BASES, changed_picture
from tests.hostile.records import audited, changed_audit
from tests.hostile.values import Rng

_SAVED = (".npz", ".json")
KINDS = ("model", "picture", "result", "side", "record")


@dataclass
class Case:
    """Files that nobody vouches for.

    Attributes
    ----------
    kind, seed
        What it is made from.
    base : str
        The sound file that it was.
    done : str
        What was changed.
    main : str
        Name of the file that is opened.
    files : dict of str to bytes
        All of its files.
    rng : random.Random
        Decides what is done with it.
    """

    kind: str
    seed: int
    base: str
    done: str
    main: str
    files: dict[str, bytes]
    rng: Rng = field(repr=False)

    def write(self, folder: Path) -> Path:
        """Write the files and return the path of the one that is opened."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder / self.main


def make(kind: str, seed: int) -> Case:
    """Make the case of a kind and number."""
    rng = random.Random(f"{kind} {seed}")
    return _MAKERS[kind](seed, rng)


def make_bases(kind: str) -> None:
    """Make the sound files of a kind, which are kept, so that forked processes have them."""
    if kind == "model":
        for name in (*BUILT, *SHIPPED):
            base_bytes(name)
    elif kind == "picture":
        BASES()
    elif kind == "result":
        for ending in _SAVED:
            saved(ending)
    elif kind == "record":
        audited()


def _model(seed: int, rng: Rng) -> Case:
    # Shipped models take longer: one in six.
    base = rng.choice(SHIPPED if rng.random() < 1 / 6 else sorted(BUILT))
    content, done = changed_model(base_bytes(base), rng)
    files = {"m.onnx": content}
    if base == "external" or "outside" in done:
        files["w.bin"] = EXTERNAL_WEIGHT
    if rng.random() < 0.7:
        files.update({f"m{ending}": data for ending, data in side_files(base).items()})
    return Case("model", seed, base, done, "m.onnx", files, rng)


def _picture(seed: int, rng: Rng) -> Case:
    plain = [name for name in BASES() if "-" in name or name in ("jpeg", "webp", "gif", "npy")]
    base = rng.choice(sorted(plain if rng.random() < 0.85 else BASES()))
    content, ending, done = changed_picture(base, rng)
    return Case("picture", seed, base, done, f"p{ending}", {f"p{ending}": content}, rng)


def _result(seed: int, rng: Rng) -> Case:
    ending = rng.choice(_SAVED)
    content, done = (changed_npz if ending == ".npz" else changed_json)(saved(ending), rng)
    return Case("result", seed, ending, done, f"r{ending}", {f"r{ending}": content}, rng)


def _side(seed: int, rng: Rng) -> Case:
    base = rng.choice(sorted(SIDE))
    content, done = changed_side(base, rng)
    name = SIDE[base][0]
    files = {name: content, "m.onnx": base_bytes("digits-gap")}
    return Case("side", seed, base, done, name, files, rng)


def _record(seed: int, rng: Rng) -> Case:
    files, done = changed_audit(rng)
    return Case("record", seed, "audit", done, "record.json", files, rng)


_MAKERS = {
    "model": _model, "picture": _picture, "result": _result, "side": _side, "record": _record
}  # fmt: skip
