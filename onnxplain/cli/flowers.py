"""Options that say which flowers are drawn where the data are the built-in set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

_VARIANT = click.option(
    "--variant",
    type=click.Choice(["single6", "double12"]),
    default="double12",
    show_default=True,
    help="For flowers: whether petals alone (6 classes) or petals or stem (12 classes) decide the "
    "class.",
)
_DECOYS = click.option(
    "--decoys/--no-decoys",
    default=True,
    show_default=True,
    help="For flowers: whether pot and background also take the colours of classes.",
)


def flower_options(command: CommandT) -> CommandT:
    """Add them."""
    return _VARIANT(_DECOYS(command))
