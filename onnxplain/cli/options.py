"""Options that several commands share; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

_MODEL_OPTIONS = (
    click.option("--labels", metavar="FILE|NAME", help="Class names: a .json list, a text file "
                 "with one name a line, or 'imagenet1k'. Default: beside or inside the model."),
    click.option("--preprocess", metavar="FILE|PRESET", help="How pictures become inputs: a "
                 "JSON file or a preset such as imagenet-torch. Default: beside or inside the "
                 "model, else a guess (you are told)."),
    click.option("--output", metavar="NAME", help="Graph output to explain, if there are several."),
    click.option("--input", "input_name", metavar="NAME",
                 help="Graph input that takes the picture, if there are several."),
    click.option("--layout", type=click.Choice(["NCHW", "NHWC"]),
                 help="Axis order of that input, if the file leaves doubt."),
    click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]",
                 help="Where to compute; auto takes CUDA where it really works."),
)  # fmt: skip

debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    help="Show the traceback of an error, and all warnings.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of tables."
)


def model_options(command: CommandT) -> CommandT:
    """Add the options with which a model is opened."""
    for option in reversed(_MODEL_OPTIONS):
        command = option(command)
    return command
