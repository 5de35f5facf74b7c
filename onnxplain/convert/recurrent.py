"""LSTM, GRU and RNN, unrolled step by step so that every gradient exists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.function import unsupported
from onnxplain.graph.view import Node

Activation = Callable[[Tensor], Tensor]
Parametric = Callable[[Tensor, float, float], Tensor]
Weights = tuple[Tensor, Tensor, Tensor, Tensor]
"""Input weights, recurrent weights, both biases in one, peepholes; of one direction."""

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_DEFAULTS = {
    "LSTM": ["Sigmoid", "Tanh", "Tanh"],
    "GRU": ["Sigmoid", "Tanh"],
    "RNN": ["Tanh"],
}
_PLAIN: dict[str, Activation] = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "tanh": torch.tanh,
}
# Activations with parameters: default alpha, default beta, function.
_PARAMETRIC: dict[str, tuple[float, float, Parametric]] = {
    "affine": (1.0, 0.0, lambda x, a, b: a * x + b),
    "elu": (1.0, 0.0, lambda x, a, b: functional.elu(x, a)),
    "hardsigmoid": (0.2, 0.5, lambda x, a, b: (a * x + b).clamp(0, 1)),
    "leakyrelu": (0.01, 0.0, lambda x, a, b: functional.leaky_relu(x, a)),
    "scaledtanh": (1.0, 1.0, lambda x, a, b: a * torch.tanh(b * x)),
    "thresholdedrelu": (1.0, 0.0, lambda x, a, b: torch.where(x > a, x, 0)),
}


def _activations(node: Node) -> list[Activation]:
    """Read the activation functions of all directions; parameters are used up in order."""
    directions = 2 if node.attributes.get("direction") == "bidirectional" else 1
    kind = node.op_type.removeprefix("DynamicQuantize")
    names = node.attributes.get("activations") or _DEFAULTS[kind] * directions
    alphas = iter(node.attributes.get("activation_alpha", []))
    betas = iter(node.attributes.get("activation_beta", []))
    functions: list[Activation] = []
    for name in names:
        key = name.lower()
        if key in _PLAIN:
            functions.append(_PLAIN[key])
        elif key in _PARAMETRIC:
            alpha, beta, function = _PARAMETRIC[key]
            alpha, beta = next(alphas, alpha), next(betas, beta)
            functions.append(_with_parameters(function, alpha, beta))
        else:
            raise unsupported(node, f"activation {name!r}")
    return functions


def _with_parameters(function: Parametric, alpha: float, beta: float) -> Activation:
    return lambda x: function(x, alpha, beta)


class Recurrent(nn.Module):
    """One layer, in one or both directions.

    Parameters
    ----------
    node : Node
        An LSTM, GRU or RNN node; all attributes are read.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        get: Callable[..., Any] = node.attributes.get
        self.kind = node.op_type.removeprefix("DynamicQuantize")
        self.hidden: int = get("hidden_size")
        self.direction: str = get("direction", "forward")
        self.batch_first = bool(get("layout", 0))
        self.clip: float | None = get("clip")
        self.input_forget = bool(get("input_forget", 0))
        self.reset_after = bool(get("linear_before_reset", 0))
        self.activations = _activations(node)
        self.outputs = len(node.outputs)

    def forward(
        self,
        x: Tensor,
        w: Tensor,
        r: Tensor,
        b: Tensor | None = None,
        lengths: Tensor | None = None,
        hidden: Tensor | None = None,
        cell: Tensor | None = None,
        peepholes: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, ...]:
        """Run over the sequence.

        Parameters
        ----------
        x : (T, N, I) Tensor, or (N, T, I) with ``layout=1``
        w : (D, gates * H, I) Tensor
        r : (D, gates * H, H) Tensor
        b : (D, 2 * gates * H) Tensor, optional
        lengths : (N,) Tensor, optional
        hidden, cell : (D, N, H) Tensor, optional
            Initial state; (N, D, H) with ``layout=1``.
        peepholes : (D, 3 * H) Tensor, optional

        Returns
        -------
        tuple of Tensor
            All states (T, D, N, H), the last state (D, N, H), and for LSTM the last cell.
        """
        if self.batch_first:
            x = x.transpose(0, 1)
            hidden, cell = (None if s is None else s.transpose(0, 1) for s in (hidden, cell))
        steps, batch = x.shape[:2]
        directions = w.shape[0]
        lengths = x.new_full((batch,), steps).long() if lengths is None else lengths.long()
        zeros = x.new_zeros(directions, batch, self.hidden)
        hidden = zeros if hidden is None else hidden
        cell = zeros if cell is None else cell
        b = w.new_zeros(directions, 2 * w.shape[1]) if b is None else b
        p = w.new_zeros(directions, 3 * self.hidden) if peepholes is None else peepholes
        results = [
            self._direction(d, x, lengths, (w[d], r[d], b[d], p[d]), (hidden[d], cell[d]))
            for d in range(directions)
        ]
        states, last, cells = (torch.stack(t) for t in zip(*results, strict=True))
        states = states.transpose(0, 1)
        if self.batch_first:
            states = states.permute(2, 0, 1, 3)
            last, cells = last.transpose(0, 1), cells.transpose(0, 1)
        return states if self.outputs == 1 else (states, last, cells)

    def _direction(
        self,
        direction: int,
        x: Tensor,
        lengths: Tensor,
        weights: Weights,
        state: tuple[Tensor, Tensor],
    ) -> tuple[Tensor, Tensor, Tensor]:
        per_direction = len(_DEFAULTS[self.kind])
        functions = self.activations[direction * per_direction :][:per_direction]
        step = {"LSTM": self._lstm, "GRU": self._gru, "RNN": self._rnn}[self.kind]
        reverse = self.direction == "reverse" or direction == 1
        x = _reverse(x, lengths) if reverse else x
        h, c = state
        states = []
        for t in range(x.shape[0]):
            alive = (t < lengths).unsqueeze(-1)
            new_h, new_c = step(x[t], h, c, weights, functions)
            h, c = torch.where(alive, new_h, h), torch.where(alive, new_c, c)
            states.append(torch.where(alive, new_h, 0))
        y = torch.stack(states)
        return (_reverse(y, lengths) if reverse else y), h, c

    def _remembered(self, h: Tensor) -> Tensor:
        """Return the state as the next step multiplies it; a quantised layer rounds it."""
        return h

    def _clipped(self, gate: Tensor) -> Tensor:
        return gate if self.clip is None else gate.clamp(-self.clip, self.clip)

    def _lstm(
        self, x: Tensor, h: Tensor, c: Tensor, weights: Weights, functions: list[Activation]
    ) -> tuple[Tensor, Tensor]:
        w, r, b, p = weights
        f, g, out = functions
        gates = x @ w.T + self._remembered(h) @ r.T + b.chunk(2)[0] + b.chunk(2)[1]
        i, o, forget, candidate = gates.chunk(4, -1)
        p_i, p_o, p_f = p.chunk(3)
        i = f(self._clipped(i + p_i * c))
        forget = 1 - i if self.input_forget else f(self._clipped(forget + p_f * c))
        c = forget * c + i * g(self._clipped(candidate))
        o = f(self._clipped(o + p_o * c))
        return o * out(c), c

    def _gru(
        self, x: Tensor, h: Tensor, c: Tensor, weights: Weights, functions: list[Activation]
    ) -> tuple[Tensor, Tensor]:
        w, r, b, _ = weights
        f, g = functions
        x_z, x_r, x_h = (x @ w.T + b.chunk(2)[0]).chunk(3, -1)
        r_z, r_r, r_h = r.chunk(3)
        b_z, b_r, b_h = b.chunk(2)[1].chunk(3)
        update = f(self._clipped(x_z + h @ r_z.T + b_z))
        reset = f(self._clipped(x_r + h @ r_r.T + b_r))
        recurrent = reset * (h @ r_h.T + b_h) if self.reset_after else (reset * h) @ r_h.T + b_h
        return (1 - update) * g(self._clipped(x_h + recurrent)) + update * h, c

    def _rnn(
        self, x: Tensor, h: Tensor, c: Tensor, weights: Weights, functions: list[Activation]
    ) -> tuple[Tensor, Tensor]:
        w, r, b, _ = weights
        return functions[0](self._clipped(x @ w.T + h @ r.T + b.chunk(2)[0] + b.chunk(2)[1])), c


def _reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Turn round the valid part of each sequence of ``(T, N, F)``."""
    steps = torch.arange(x.shape[0], device=x.device).unsqueeze(-1)
    order = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return x.gather(0, order.unsqueeze(-1).expand_as(x))


def recurrent(node: Node) -> nn.Module:
    """LSTM, GRU and RNN, opset 7 to 22."""
    return Recurrent(node)
