"""Commands that can run behind a wall: ``--isolate`` and ``--no-isolate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from onnxplain.process.wanted import WallNeeded, wall_wanted

_HELP = (
    "Work in a separate process with limits on memory and time. If native code crashes it, it "
    "restarts without that picture (see docs/security.md). Default: {default}."
)
_ODD = "for odd model files"


class Call(NamedTuple):
    """The command line of a call.

    Attributes
    ----------
    words : sequence of str
        As given.
    is_program : bool
        Whether it is this process's own: what another program calls keeps to its process, unless
        told otherwise.
    is_worker : bool
        Whether this process already is one behind the wall.
    """

    words: Sequence[str]
    is_program: bool
    is_worker: bool


class Walled(click.Command):
    """A command that can run behind a wall; for files that are odd it does so by itself."""

    always = False

    def __init__(self, *given: Any, **extra: Any) -> None:
        super().__init__(*given, **extra)
        default = "yes" if self.always else _ODD
        option = click.Option(
            ["--isolate/--no-isolate"], default=None, help=_HELP.format(default=default)
        )
        self.params.append(option)

    def invoke(self, context: click.Context) -> Any:
        """Run it here or behind the wall."""
        asked, call = context.params.pop("isolate"), context.find_root().obj
        if not isinstance(call, Call) or call.is_worker or asked is False:
            return super().invoke(context)
        if asked or (self.always and call.is_program):
            return _watched(call.words)
        if not call.is_program:
            return super().invoke(context)
        try:
            with wall_wanted():
                return super().invoke(context)
        except WallNeeded as found:
            from onnxplain.cli.console import remark

            remark(f"{found}: it is read in a separate process (--no-isolate turns this off)")
            return _watched(call.words)


class WalledAlways(Walled):
    """A command that runs behind a wall unless told otherwise."""

    always = True


def _watched(words: Sequence[str]) -> int:
    from onnxplain.cli.wall import watched

    return watched(words)
