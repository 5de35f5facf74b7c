"""Which relevance rule stands at which node, as plain data (no PyTorch here).

Names and meanings follow zennit: Anders et al., "Software for Dataset-wide XAI: From Local
Explanations to Global Insights with Zennit, CoRelAy, and ViRelAy", 2021.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Literal, get_args

from numpy.typing import NDArray

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.relevance.rule_table import check_rule

CONV = frozenset({"Conv", "ConvTranspose"})
LINEAR = frozenset({"Gemm", "MatMul"})
# Words for nodes that an operator's name alone does not tell apart.
CONVOLUTION, DENSE, BILINEAR = "convolution", "linear", "bilinear"
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        CONVOLUTION: "Conv and ConvTranspose with constant weights",
        DENSE: "Gemm and MatMul with constant weights",
        BILINEAR: "Gemm and MatMul of two signals, as in attention",
    }
)

Position = Literal["any", "first", "last"]
Unknown = Literal["refuse", "pass", "gradient"]
Bounds = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class RuleUse:
    """A rule by name, with its parameters.

    Attributes
    ----------
    rule : str
        See `onnxplain.relevance.rule_table`.
    parameters : mapping of str to value
        Keyword arguments of the rule.

    Raises
    ------
    UsageError
        If there is no such rule, or it cannot have these parameters.
    """

    rule: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __post_init__(self) -> None:
        check_rule(self.rule, self.parameters)


@dataclass(frozen=True)
class Site:
    """What a composite gets to know about a node.

    Attributes
    ----------
    kinds : frozenset of str
        Its operator, and the keys of `GROUPS` that it belongs to.
    names : tuple of str
        Its output tensors and its node name.
    positions : frozenset of str
        ``first`` if no node with weights is in front of it, ``last`` if none follows on the
        way to the score; empty for a node without weights.
    """

    kinds: frozenset[str]
    names: tuple[str, ...]
    positions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Match:
    """Nodes that a rule is meant for.

    Attributes
    ----------
    operators : tuple of str
        ONNX operators or keys of `GROUPS`; empty for all.
    name : str
        Pattern of an output tensor's or the node's name, with ``*`` and ``?``.
    position : {"any", "first", "last"}
        Among the nodes with weights.
    """

    operators: tuple[str, ...] = ()
    name: str = "*"
    position: Position = "any"

    def __post_init__(self) -> None:
        _allowed("position", self.position, get_args(Position))

    def fits(self, site: Site) -> bool:
        """Whether a node is among those meant."""
        return (
            (not self.operators or not site.kinds.isdisjoint(self.operators))
            and (self.position == "any" or self.position in site.positions)
            and any(fnmatchcase(name, self.name) for name in site.names)
        )


@dataclass(frozen=True)
class Composite:
    """Assignment of rules to the nodes of a graph.

    Attributes
    ----------
    name : str
        Display name.
    rules : tuple of (Match, RuleUse)
        The first match decides. A node with weights that nothing matches gets the epsilon
        rule; one without weights keeps the rule that its operator has.
    epsilon : float
        Stabilizer of every node that divides relevance by its output and has no rule here.
    unknown : {"refuse", "pass", "gradient"}
        What happens at an operator without rule: an error that names it, relevance passed
        on element by element, or handed on by the derivative.
    bounds : pair of arrays, optional
        Smallest and largest possible input, which z-box needs.
    """

    name: str
    rules: tuple[tuple[Match, RuleUse], ...] = ()
    epsilon: float = 1e-6
    unknown: Unknown = "refuse"
    bounds: Bounds | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_rule("epsilon", {"epsilon": self.epsilon})
        _allowed("value of `unknown`", self.unknown, get_args(Unknown))

    def rule_for(self, site: Site) -> RuleUse | None:
        """Return the rule that is meant for a node, or ``None``."""
        return next((use for match, use in self.rules if match.fits(site)), None)

    def within(self, bounds: Bounds) -> Composite:
        """Return the same with the bounds of the input, for z-box."""
        return replace(self, bounds=bounds)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the record, in the layout of a composite file."""
        return {
            "name": self.name,
            "epsilon": self.epsilon,
            "unknown": self.unknown,
            "rule": [
                {"operator": list(match.operators), "name": match.name, "position": match.position}
                | {"rule": use.rule, **use.parameters}
                for match, use in self.rules
            ],
        }


def _allowed(what: str, value: str, values: tuple[str, ...]) -> None:
    if value not in values:
        raise UnknownNameError(what, value, values, f"allowed: {', '.join(values)}")


def _use(rule: str, **parameters: Any) -> RuleUse:
    return RuleUse(rule, MappingProxyType(parameters))


_CONVOLUTIONS, _DENSE = Match((CONVOLUTION,)), Match((DENSE,))
_FIRST_CONVOLUTION = Match((CONVOLUTION,), position="first")
_FIRST = Match((CONVOLUTION, DENSE), position="first")
# Attention hands everything to the values; its weights are constants.
_CONSTANT_WEIGHTS = ((Match(("Softmax",)), _use("none")), (Match((BILINEAR,)), _use("signal")))
# Small enough to leave x times a derivative as it is, where both are zero together.
_TINY = 1e-12

NAMES = (
    "epsilon",
    "epsilon-plus",
    "epsilon-alpha2-beta1",
    "epsilon-gamma-box",
    "epsilon-gamma-box-norm",
    "epsilon-plus-flat",
    "epsilon-alpha2-beta1-flat",
    "deep-taylor",
    "deep-taylor-unbounded",
    "attn-lrp",
    "cp-lrp",
)
_WITH_ZERO_BIAS = frozenset(n for n in NAMES if "plus" in n or "alpha" in n or "deep" in n)


def composite(
    name: str,
    *,
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    linear_gamma: float = 0.05,
    zero_bias: bool = False,
    unknown: str = "refuse",
) -> Composite:
    """Return a composite by name.

    Parameters
    ----------
    name : str
        One of `NAMES`. ``epsilon`` is Bach et al. 2015, eq. 58, everywhere. The others that
        begin with it have epsilon at linear layers and at convolutions what follows in the
        name (Montavon et al. 2019, section 10.2.1; Kohlbrenner et al. 2020,
        arXiv:1910.09840): z-plus, alpha-beta with 2 and 1, or gamma; ``box`` has z-box and
        ``flat`` the flat rule at the first layer; ``norm`` has the norm rule at every
        BatchNormalization that no convolution takes in, so that its shift absorbs its share
        where the others hand on what it brought. ``deep-taylor`` is z-box at the first
        layer and z-plus after it (Montavon et al. 2017), ``deep-taylor-unbounded`` has
        w-square first. ``attn-lrp`` has gamma at convolutions and linear layers and its
        own rules in attention (Achtibat et al. 2024, arXiv:2402.05602); ``cp-lrp`` holds
        the attention weights constant (Ali et al. 2022, arXiv:2202.07304).
    epsilon : float
        Stabilizer of the epsilon rule, in units of the node's output.
    gamma : float
        How much more positive weights count at convolutions, where the gamma rule stands.
    linear_gamma : float
        The same for linear layers of ``attn-lrp`` and ``cp-lrp``; 0 is the epsilon rule.
    zero_bias : bool
        Leave biases out of the denominators of z-plus and alpha-beta, so that they absorb
        nothing. The other rules can divide by almost zero then, and do not offer it.
    unknown : {"refuse", "pass", "gradient"}
        See `Composite`.

    Raises
    ------
    UnknownNameError
        If there is no composite of that name.
    UsageError
        If a parameter is out of range, or `zero_bias` is not offered.
    """
    if name not in NAMES:
        raise UnknownNameError("composite", name, NAMES, f"composites: {', '.join(NAMES)}")
    if zero_bias and name not in _WITH_ZERO_BIAS:
        offered = ", ".join(n for n in NAMES if n in _WITH_ZERO_BIAS)
        raise UsageError(f"zero_bias is not offered by composite {name}, only by {offered}")
    extra = {"zero_bias": True} if zero_bias else {}
    eps = _use("epsilon", epsilon=epsilon)
    plus, two_one = _use("z-plus", **extra), _use("alpha-beta", alpha=2.0, beta=1.0, **extra)
    gammas = _use("gamma", gamma=gamma)
    dense = _use("gamma", gamma=linear_gamma) if linear_gamma else eps
    attention = ((_CONVOLUTIONS, gammas), (_DENSE, dense))
    table: Mapping[str, Iterable[tuple[Match, RuleUse]]] = {
        "epsilon": (),
        "epsilon-plus": ((_CONVOLUTIONS, plus),),
        "epsilon-alpha2-beta1": ((_CONVOLUTIONS, two_one),),
        "epsilon-gamma-box": ((_FIRST_CONVOLUTION, _use("z-box")), (_CONVOLUTIONS, gammas)),
        "epsilon-gamma-box-norm": (
            (Match(("BatchNormalization",)), _use("norm")),
            (_FIRST_CONVOLUTION, _use("z-box")),
            (_CONVOLUTIONS, gammas),
        ),
        "epsilon-plus-flat": ((_FIRST, _use("flat")), (_CONVOLUTIONS, plus)),
        "epsilon-alpha2-beta1-flat": ((_FIRST, _use("flat")), (_CONVOLUTIONS, two_one)),
        "deep-taylor": ((_FIRST, _use("z-box")), (_CONVOLUTIONS, plus), (_DENSE, plus)),
        "deep-taylor-unbounded": (
            (_FIRST, _use("w-square")),
            (_CONVOLUTIONS, plus),
            (_DENSE, plus),
        ),
        "attn-lrp": attention,
        "cp-lrp": (*attention, *_CONSTANT_WEIGHTS),
    }
    rules = tuple(table[name])
    if not any(match is _DENSE for match, _ in rules):
        rules = (*rules, (_CONVOLUTIONS, eps), (_DENSE, eps))
    return Composite(name, rules, epsilon, unknown)  # type: ignore[arg-type]


def balanced(unknown: str = "refuse") -> Composite:
    """Return rules whose relevance is the input times the derivative of LibraGrad.

    Attention weights, gates and deviations are constants; an activation that is cut at both ends
    has the derivative that it has.

    Parameters
    ----------
    unknown : {"refuse", "pass", "gradient"}
        See `Composite`.
    """
    tiny = _use("epsilon", epsilon=_TINY)
    rules = (
        *_CONSTANT_WEIGHTS,
        (Match(("Clip",)), _use("gradient")),
        (_CONVOLUTIONS, tiny),
        (_DENSE, tiny),
    )
    return Composite("libragrad", rules, _TINY, unknown)  # type: ignore[arg-type]
