"""Products of matrices."""

from __future__ import annotations

import string

from onnxplain.symbolic.back import Back
from onnxplain.symbolic.facts import Shape
from onnxplain.symbolic.registry import rule


@rule("MatMul")
def matmul(at: Back) -> list[str | None]:
    """Times the other factor, transposed; a vector is a matrix of one row or column."""
    one, other = at.rank(0) == 1, at.rank(1) == 1
    slope, whole = at.slope, at.y_shape
    if one:
        slope, whole = at("Unsqueeze", slope, [len(whole) - (not other)]), _with(whole, other)
    if other:
        slope, whole = at("Unsqueeze", slope, [-1]), (*whole, 1)
    a = at("Unsqueeze", at.x(0), [0]) if one else at.x(0)
    b = at("Unsqueeze", at.x(1), [-1]) if other else at.x(1)
    a_shape = (1, *at.shape(0)) if one else at.shape(0)
    b_shape = (*at.shape(1), 1) if other else at.shape(1)
    found: list[str | None] = [None, None]
    if at.wants(0):
        back = at("MatMul", slope, _turned(at, b, len(b_shape)))
        found[0] = _fit(at, back, 0, (*whole[:-2], *a_shape[-2:]), a_shape)
    if at.wants(1):
        back = at("MatMul", _turned(at, a, len(a_shape)), slope)
        found[1] = _fit(at, back, 1, (*whole[:-2], *b_shape[-2:]), b_shape)
    return found


def _with(whole: Shape, other: bool) -> Shape:
    return (*whole, 1) if other else (*whole[:-1], 1, *whole[-1:])


def _turned(at: Back, x: str, rank: int) -> str:
    order = list(range(rank))
    order[-2:] = order[-1], order[-2]
    return at("Transpose", x, perm=order)


def _fit(at: Back, slope: str, k: int, whole: Shape, own: Shape) -> str:
    """Sum over the axes along which a factor was repeated."""
    lead = len(whole) - len(own)
    kept = [a + lead for a, d in enumerate(own) if d == 1 and whole[a + lead] != 1]
    if kept:
        slope = at.sum(slope, kept)
    if lead:
        slope = at.sum(slope, range(lead), keep=False)
    return at.like(slope, k) if len(own) != at.rank(k) else slope


@rule("Gemm")
def gemm(at: Back) -> list[str | None]:
    """Alpha A B + beta C."""
    alpha, beta = at.get("alpha", 1.0), at.get("beta", 1.0)
    turned_a, turned_b = bool(at.get("transA", 0)), bool(at.get("transB", 0))
    found: list[str | None] = [None, None, None]
    if at.wants(0):
        order = (at.x(1), at.slope) if turned_a else (at.slope, at.x(1))
        turned = {"transA": int(turned_b), "transB": 1} if turned_a else {"transB": 1 - turned_b}
        found[0] = at("Gemm", *order, alpha=alpha, **turned)
    if at.wants(1):
        order = (at.slope, at.x(0)) if turned_b else (at.x(0), at.slope)
        turned = {"transA": 1, "transB": int(turned_a)} if turned_b else {"transA": 1 - turned_a}
        found[1] = at("Gemm", *order, alpha=alpha, **turned)
    if at.wants(2):
        found[2] = at.to_operand(at("Mul", at.slope, float(beta)), 2)
    return found


@rule("Einsum")
def einsum(at: Back) -> list[str | None]:
    """The same sum with what arrives in the place of the operand."""
    equation = at.node.attributes["equation"].replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if not arrow:
        counted = "".join(terms)
        right = "".join(sorted(c for c in set(counted) if counted.count(c) == 1))
    found: list[str | None] = []
    for k, term in enumerate(terms):
        if not at.wants(k):
            found.append(None)
            continue
        others = [t for j, t in enumerate(terms) if j != k]
        letters = set(right).union(*others)
        plain = all(c in string.ascii_letters for t in (*terms, right) for c in t)
        if not plain or any(len(set(t)) != len(t) for t in terms) or not letters >= set(term):
            raise at.refusal(f"equation {equation!r}")
        rest = [at.x(j) for j in range(at.count) if j != k]
        found.append(
            at("Einsum", at.slope, *rest, equation=f"{','.join([right, *others])}->{term}")
        )
    return found
