"""What an audit asks: read from a small TOML file, checked before anything runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from onnxplain.errors import UsageError
from onnxplain.evaluate.measures import find_measure
from onnxplain.files import read_toml
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters

Points = Literal["adaptive", "fitted", "full"]
_CURVES: tuple[Points, ...] = get_args(Points)


@dataclass(frozen=True)
class AuditConfig:
    """The questions of an audit.

    Attributes
    ----------
    methods : tuple of str
        How each picture is explained; the first one is the report's main method.
    measures : tuple of str
        What is measured of each map (see `onnxplain.evaluate.measures`).
    explained : {"prediction", "label"}
        Which class is explained.
    target : str, optional
        What is explained in every picture, whatever it shows, as in `explain`.
    against_others : bool
        Where classes compete, a logit is explained minus the mean of all others; without, alone.
    sanity_pictures : int
        On how many pictures, evenly spread, the methods' sanity is checked; 0 for none.
    examples : int
        How many pictures of each kind the report shows.
    seed : int
        Of every random draw.
    curves : {"adaptive", "fitted", "full"}
        Whether deletion and insertion are measured at as few points as their areas need, by the
        rule of earlier audits, which took more, or one row of pixels after the other; see
        `onnxplain.audit.curves.FITS`.
    batch_size : int
        Inputs in one call. Fixed, and not the fastest on the day: the last digits of a
        result depend on it.
    method : mapping of str to mapping
        Parameters by method name.
    """

    methods: tuple[str, ...] = ("grad-cam",)
    measures: tuple[str, ...] = ("deletion", "insertion")
    explained: Literal["prediction", "label"] = "prediction"
    target: str | None = None
    against_others: bool = True
    sanity_pictures: int = 3
    examples: int = 12
    seed: int = 0
    curves: Points = "adaptive"
    batch_size: int = 16
    method: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.methods:
            raise UsageError("an audit needs at least one method")
        if self.explained not in ("prediction", "label"):
            raise UsageError(f"explained is {self.explained!r}; allowed: prediction, label")
        if self.curves not in _CURVES:
            raise UsageError(f"curves is {self.curves!r}; allowed: {', '.join(_CURVES)}")
        if self.target is not None and not isinstance(self.target, str):
            raise UsageError(f'target is {self.target!r}; write it as text, for example "3"')
        if not isinstance(self.against_others, bool):
            raise UsageError(f"against_others is {self.against_others!r}; allowed: true, false")
        for key in ("sanity_pictures", "examples", "seed"):
            value = getattr(self, key)
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise UsageError(f"{key} is {value!r}; it must be a whole number, 0 or more")
        if not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise UsageError(f"batch_size is {self.batch_size!r}; it must be 1 or more")
        for name in self.measures:
            find_measure(name)
        for name in self.method:
            if name not in self.methods:
                raise UsageError(f"[method.{name}] is given, but {name!r} is not among the methods")
        for name in self.methods:
            check_parameters(find(name), self.parameters(name))
            if self.parameters(name).get("max_seconds") is not None:
                raise UsageError(
                    f"[method.{name}] max_seconds cannot be reproduced by another party; give the "
                    "number of samples instead"
                )

    def parameters(self, name: str) -> Mapping[str, Any]:
        """Return the parameters given for a method."""
        return self.method.get(name, {})

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` reads it back."""
        data = asdict(self)
        return {**data, "methods": list(self.methods), "measures": list(self.measures)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "audit") -> AuditConfig:
        """Build from plain data.

        Raises
        ------
        UsageError
            If a key is unknown or a value not allowed.
        """
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(data) - set(known))
        if unknown:
            raise UsageError(
                f"{where}: unknown {', '.join(map(repr, unknown))}; allowed: {', '.join(known)}"
            )
        values = dict(data)
        for key in ("methods", "measures"):
            if key in values:
                names = values[key]
                if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
                    raise UsageError(f"{where}: {key} must be a list of names, got {names!r}")
                values[key] = tuple(names)
        tables = values.get("method", {})
        if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
            raise UsageError(f"{where}: write a method's parameters as [method.NAME] tables")
        try:
            return cls(**values)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from error

    @classmethod
    def load(cls, path: str | Path) -> AuditConfig:
        """Read from a TOML file.

        Raises
        ------
        UsageError
            If it cannot be read, or a key or value is not allowed.
        """
        return cls.from_dict(read_toml(path, "audit"), str(path))

    @property
    def sha256(self) -> str:
        """Digest of all that changes the numbers (the report's length does not)."""
        data = {k: v for k, v in self.to_dict().items() if k != "examples"}
        if self.target is None:
            del data["target"]  # as audits were known before they could have one
        if self.curves == "full":
            del data["curves"]  # as audits were known before there were others
        if not self.against_others:
            del data["against_others"]  # as audits were known before they could do so
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
