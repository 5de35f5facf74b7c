"""Every method by name, with what a person has to know to read its numbers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, Literal, get_args

from onnxplain.adapters.base import FORWARD_VERBS, Capability
from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.network.network import Network
from onnxplain.targets.boxes.parts import Match
from onnxplain.targets.classes import Kind

Family = Literal["cam", "gradient", "relevance", "perturbation"]
Display = Literal["signed", "positive", "magnitude"]

# What pictures show, and the words at the low and the high end of their colours, where the card
# says nothing else.
_SHOWS: Mapping[str, str] = {
    "signed": "evidence for the target (red) and against it (blue)",
    "positive": "only evidence for the target",
    "magnitude": "how strong, not which way",
}
_ENDS: Mapping[str, tuple[str, str]] = {
    "signed": ("against", "for"),
    "positive": ("no evidence", "for"),
    "magnitude": ("no effect", "strong effect"),
}


def _nothing(network: Network) -> None:
    pass


@dataclass(frozen=True)
class Method:
    """A method and its card.

    Attributes
    ----------
    name : str
        Lower case with hyphens.
    function : callable
        ``function(context, x, target, **parameters) -> Attribution``.
    family : str
        Gradient, cam, relevance or perturbation.
    needs : Capability
        What the engine must be able to do if nothing else is asked for.
    explains : {"logit", "probability"}
        Which score it explains unless told otherwise.
    against_others : bool
        Whether a logit is explained minus the mean of all others, where classes compete. A method
        that explains probabilities does so where the model has logits alone.
    of_scores : bool
        Whether its numbers are differences of scores, so that the rounding of a score is theirs.
    display : {"signed", "positive", "magnitude"}
        Which part of the numbers a picture shows.
    shows : str
        The same in words: which side of the evidence that is.
    ends : (str, str)
        What the low and the high end of the picture's colours mean, in a word or two.
    summary : str
        One line.
    reference : str
        Where it was published.
    meaning : str
        Unit and sign of its numbers.
    class_discriminative : bool
        Whether another class gives an essentially different map.
    promises : str
        The identity that its numbers fulfil; empty if none.
    failures : str
        When not to trust it.
    tolerance : float, optional
        Largest completeness gap, as a share, that passes without a warning; ``None`` if the
        method measures none.
    requires : callable
        ``requires(network)`` raises `MethodRefusedError` for a model that lacks something
        that only this method needs.
    compares : {"score", "likeness"}
        How a method that changes the picture compares a detector's boxes unless told otherwise.
    needs_for : callable, optional
        ``needs_for(parameters)`` returns what the engine must be able to do with these; `needs`
        if not given.
    asks : mapping of str to str
        Parameters without which it does not run, and what each of them is.
    """

    name: str
    function: Callable[..., Attribution]
    family: Family
    needs: Capability
    explains: Kind
    display: Display
    shows: str
    ends: tuple[str, str]
    summary: str
    reference: str
    meaning: str
    class_discriminative: bool
    promises: str
    failures: str
    tolerance: float | None = None
    requires: Callable[[Network], None] = _nothing
    compares: Match = "score"
    needs_for: Callable[[Mapping[str, Any]], Capability] | None = None
    against_others: bool = True
    of_scores: bool = False
    asks: Mapping[str, str] = field(default_factory=dict)

    def capabilities(self, parameters: Mapping[str, Any]) -> Capability:
        """Return what the engine must be able to do with these parameters, all of them given."""
        return self.needs if self.needs_for is None else self.needs_for(parameters)

    def score(self, kind: Kind | None) -> dict[str, Any]:
        """Return the options ``kind`` and ``others`` of a target, where a person asks for a kind.

        Without one the method's own choice holds.
        """
        own = kind is None and self.against_others
        return {"kind": kind or self.explains, "others": own}

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """Keyword parameters with their defaults, from the function's signature."""
        return _keywords(self.function)

    @property
    def takes_layer(self) -> bool:
        """Whether the method is read at a layer."""
        return "layer" in self.parameters

    @property
    def takes_slopes(self) -> bool:
        """Whether the method asks for derivatives of the target, or its relevance."""
        return self.needs not in FORWARD_VERBS

    @property
    def runs_on(self) -> str:
        """Engine the method runs on; where both are named, see ``docs/engines.md``."""
        if not self.takes_slopes:
            return "ONNX Runtime"
        return "PyTorch" if self.needs & Capability.SIGNALS else "ONNX Runtime or PyTorch"


@cache
def _keywords(function: Callable[..., Attribution]) -> Mapping[str, inspect.Parameter]:
    signature = inspect.signature(function, eval_str=True)
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    return MappingProxyType(
        {k: p for k, p in signature.parameters.items() if p.kind is keyword_only}
    )


_METHODS: dict[str, Method] = {}
# The names as `_letters` writes them.
_BY_LETTERS: dict[str, str] = {}
# Modules that register methods when they are imported: by method, in the order of the list.
_MODULES: dict[str, str] = {}

# What the field also calls a method, as `_letters` writes it.
_ALSO_CALLED: Mapping[str, str] = {
    "ig": "integrated-gradients",
    "guidedintegratedgradients": "guided-ig",
    "blurintegratedgradients": "blur-ig",
    "inputxgradient": "gradient-x-input",
    "inputgradient": "gradient-x-input",
    "vanillagradient": "gradient",
    "guidedbackpropagation": "guided-backprop",
    "deconv": "deconvnet",
    "deconvolution": "deconvnet",
    "gradcampp": "grad-cam++",
    "gradcamplusplus": "grad-cam++",
    "classactivationmap": "cam",
    "pda": "prediction-difference",
    "occlusionsensitivity": "occlusion",
    "layerwiserelevancepropagation": "lrp",
    "rollout": "attention-rollout",
    "smdl": "region-search",
    "vps": "region-search",
    "sobolattributionmethod": "sobol",
    "hsicattributionmethod": "hsic",
}

# What the field calls a method and is one of these with options.
_WITH_OPTIONS: Mapping[str, str] = {
    "finercam": "Finer-CAM is the class activation map of a difference of two scores: choose a CAM "
    "method such as grad-cam with --contrast CLASS, or with --margin for the strongest other class",
}


def method(**card: Any) -> Callable[[Callable[..., Attribution]], Callable[..., Attribution]]:
    """Register a function as a method; the keywords are the fields of `Method`.

    Without ``shows`` and ``ends``, the display's own words stand there.

    Raises
    ------
    ValueError
        If the name is taken.
    """

    def register(function: Callable[..., Attribution]) -> Callable[..., Attribution]:
        name = card["name"]
        if name in _METHODS:
            raise ValueError(f"a method named {name!r} is registered already")
        words = {"shows": _SHOWS[card["display"]], "ends": _ENDS[card["display"]]}
        _BY_LETTERS[_letters(name)] = name
        _METHODS[name] = Method(function=function, **{**words, **card})
        return function

    return register


def stand_in(package: str, modules: Mapping[str, Sequence[str]]) -> None:
    """Make the methods of a package's modules known by name, before those are imported.

    Parameters
    ----------
    package : str
        The package.
    modules : mapping of str to sequence of str
        Methods that each module registers.
    """
    for module, names in modules.items():
        for name in names:
            _MODULES[name] = f"{package}.{module}"
            _BY_LETTERS[_letters(name)] = name


def known(name: str) -> Method | None:
    """Return the method of exactly this name; ``None`` if there is none."""
    if name not in _METHODS and name in _MODULES:
        import_module(_MODULES[name])
    return _METHODS.get(name)


def registered() -> Mapping[str, Method]:
    """Return all methods by name, family by family."""
    ordered = [found for name in _names() if (found := known(name)) is not None]
    return {m.name: m for family in get_args(Family) for m in ordered if m.family == family}


def find(name: str) -> Method:
    """Look a method up, whatever its spelling: ``GradCAM`` and ``grad_cam`` are ``grad-cam``.

    Raises
    ------
    UnknownNameError
        If there is none of that name; the nearest names are offered.
    UsageError
        If it is another method with options; the error says which.
    """
    letters = _letters(name)
    if letters in _WITH_OPTIONS:
        raise UsageError(f"{name!r} is a method with options: {_WITH_OPTIONS[letters]}")
    found = known(_BY_LETTERS.get(letters) or _ALSO_CALLED.get(letters, ""))
    if found is None:
        names = _names()
        raise UnknownNameError("method", name, names, f"methods: {', '.join(names)}")
    return found


def _names() -> list[str]:
    """All names, those that nobody announced at the end."""
    return list(dict.fromkeys([*_MODULES, *_METHODS]))


def _letters(name: str) -> str:
    """What tells names apart: letters and digits in lower case, and a plus sign."""
    return "".join(c for c in name.lower() if c.isalnum() or c == "+")
