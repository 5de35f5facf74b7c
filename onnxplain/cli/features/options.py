"""Arguments and options that views of features share; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable

import click

from onnxplain.cli.options import (
    CommandT,
    debug_option,
    model_options,
    out_option,
    quiet_option,
)


def at_least_one(name: str, default: int, said: str) -> Callable[[CommandT], CommandT]:
    """Return an option for a count; `said` is its help."""
    return click.option(
        name, default=default, show_default=True, type=click.IntRange(min=1), help=said
    )


def jitter_option(default: int) -> Callable[[CommandT], CommandT]:
    """Return the option for the shifts of gradient ascent."""
    return click.option(
        "--jitter",
        default=default,
        show_default=True,
        type=click.IntRange(min=0),
        help="Maximum random shift per step, in pixels.",
    )


def view_options(command: CommandT) -> CommandT:
    """Add what every view has: where files go, how the model is opened, how much is said."""
    for option in (debug_option, quiet_option, model_options, out_option("features")):
        command = option(command)
    return command


def projection_option(*more: str) -> Callable[[CommandT], CommandT]:
    """Return the option for projections; `more` are choices beside the usual ones."""
    return click.option(
        "--projection",
        type=click.Choice(["guided", "deconvnet", "gradient", *more]),
        default="guided",
        show_default=True,
        help="How responses are projected back to the pixels.",
    )


resample_option = click.option(
    "--resample/--no-resample",
    default=True,
    show_default=True,
    help="Whether projections leave out the grid that strided convolutions draw.",
)
layer_option = click.option(
    "--layer",
    metavar="last|early|N|TENSOR",
    help="Layer to look at, from `inspect --layers`. Default: chosen automatically.",
)
channels_option = click.option(
    "--channels", metavar="N,N,...", help="Channels to show. Default: the strongest."
)
count_option = at_least_one("--count", 64, "Number of channels, the strongest first.")
mismatch_option = click.option(
    "--allow-mismatch",
    is_flag=True,
    help="Continue even if the converted model differs from the deployed one.",
)
model_argument = click.argument("model", type=click.Path(readable=False))
images_argument = click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(readable=False)
)
