"""Options that several commands share; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from onnxplain.graph.budget import set_budget

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def _bindings(
    context: click.Context, option: click.Parameter, given: Sequence[str]
) -> dict[str, str]:
    """Turn NAME=VALUE into a mapping; what the values mean is for whoever opens the model."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise click.BadParameter(f"{text!r} is not understood; write NAME=FILE.npy or a number")
        if name in found:
            raise click.BadParameter(f"input {name!r} is bound twice")
        found[name] = value
    return found


def _size(
    context: click.Context, option: click.Parameter, given: str | None
) -> tuple[int, int] | None:
    if given is None:
        return None
    sides = given.lower().split("x")
    if len(sides) != 2 or not all(s.isdecimal() and int(s) > 0 for s in sides):
        raise click.BadParameter(f"{given!r} is not a size; write HEIGHTxWIDTH, such as 224x224")
    return (int(sides[0]), int(sides[1]))


def _budget(context: click.Context, option: click.Parameter, given: Sequence[str]) -> None:
    """Put the limits in force for what this process does."""
    set_budget({name: value for name, _, value in (text.partition("=") for text in given)})


budget_option = click.option(
    "--budget",
    multiple=True,
    callback=_budget,
    expose_value=False,
    metavar="NAME=VALUE",
    help="Change a limit: nodes, nesting, name, fold-bytes, fold-work, fold-seconds, "
    "tensor-bytes, picture-bytes, side, rounds, small-work, run-seconds, loop-seconds, "
    "memory-bytes, and with --isolate hang-seconds (see docs/security.md). Repeatable.",
)
bind_option = click.option(
    "--bind",
    "bound",
    multiple=True,
    callback=_bindings,
    metavar="NAME=FILE.npy|NUMBER",
    help="Fix another input of the graph to a value, without the batch axis; a number fills the "
    "shape of the input. Repeatable.",
)
# The names are those of `onnxplain.graph.answers.declare`, which is heavy; a test compares them.
_ANSWER_OPTIONS = (
    click.option("--task", type=click.Choice(["classes", "yes-no", "labels", "values",
                 "embedding"]), help="What the output answers. Default: from the side file, else "
                 "from the graph."),
    click.option("--scores", type=click.Choice(["logits", "probabilities", "raw"]),
                 help="What the output's numbers are, if the graph does not make them "
                 "probabilities. Default: from the side file, else from the graph."),
    click.option("--output", metavar="NAME", help="Graph output to explain if there are several, "
                 "or a tensor inside an output that is a sequence."),
)  # fmt: skip
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="auto|cpu|cuda[:N]",
    help="Device to compute on; auto uses CUDA if it works.",
)
_MODEL_OPTIONS = (
    click.option("--labels", metavar="FILE|NAME", help="Class names: a .json list, a text file "
                 "with one name per line, or 'imagenet1k'. Default: from a file beside the model "
                 "or its metadata."),
    click.option("--preprocess", metavar="FILE|PRESET", help="How pictures become inputs: a "
                 "JSON file or a preset such as imagenet-torch. Default: from a file beside the "
                 "model or its metadata, else a guess, which is reported."),
    *_ANSWER_OPTIONS,
    click.option("--input", "input_name", metavar="NAME",
                 help="Graph input that takes the picture if there are several."),
    click.option("--layout", type=click.Choice(["NCHW", "NHWC"]),
                 help="Axis order of that input if the file does not settle it."),
    click.option("--size", callback=_size, metavar="HEIGHTxWIDTH", help="Size of that input if the "
                 "file leaves it open. Default: the size in the preprocessing."),
    bind_option,
    device_option,
    budget_option,
)  # fmt: skip

debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    help="Show the traceback of errors, and all warnings.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of tables."
)

data_argument = click.argument(
    "data", metavar="DATA...", nargs=-1, required=True, type=click.Path(readable=False)
)
audited_model_option = click.option(
    "--model", metavar="FILE", type=click.Path(readable=False), help="The model file."
)
audited_masks_option = click.option(
    "--masks", metavar="FOLDER", type=click.Path(readable=False), help="As given to the audit."
)


def audited_data_option(default: str = "") -> Callable[[Any], Any]:
    """Return the option for the data of an audit, with what happens without it."""
    return click.option(
        "--data",
        multiple=True,
        metavar="FOLDER|PATTERN|TABLE|IMAGE",
        type=click.Path(readable=False),
        help=f"The data, as given to the audit; repeat for each source. {default}".rstrip(),
    )


parameter_option = click.option(
    "-p",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="[METHOD.]KEY=VALUE",
    help="Set a parameter of all chosen methods that have it, or of one METHOD; "
    "`onnxplain methods NAME` lists them. Repeatable.",
)
masks_option = click.option(
    "--masks",
    metavar="FOLDER",
    type=click.Path(readable=False),
    help="Masks that are bright where the evidence is; same file names as the data.",
)
boxes_option = click.option(
    "--boxes",
    metavar="PATH",
    type=click.Path(readable=False),
    help="For detectors: annotated boxes. A COCO JSON file, a YOLO data.yaml or labels folder, or "
    "a folder of Pascal VOC XML files.",
)
limit_option = click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Use only N pictures, evenly spread over the data.",
)
ENGINES = ("auto", "onnxruntime", "pytorch")
engine_option = click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="Engine for gradients. auto uses ONNX Runtime where it can, checked against its forward "
    "passes, and PyTorch for everything else.",
)
at_option = click.option(
    "--at",
    metavar="float|normalised|TENSOR",
    help="Explain a tensor inside the graph's own preprocessing instead of the input: the first "
    "floating-point tensor, the last one, or one by name.",
)
batch_size_option = click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Maximum batch size. Changes memory use and speed, not the result.",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads per operator in both engines. Default: the engine's choice.",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["single", "double"]),
    default="single",
    show_default=True,
    help="Floating-point precision for gradients and relevance.",
)
seed_option = click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")
quiet_option = click.option(
    "-q", "--quiet", is_flag=True, help="Print errors only (and the JSON of --json)."
)


def method_option(
    all_means: str = "every method that the model allows",
) -> Callable[[CommandT], CommandT]:
    """Return the option that chooses methods; `all_means` explains the name ``all``."""
    return methods_option(
        f"Methods by name; 'all' is {all_means}. Default: grad-cam, lrp and occlusion, as far as "
        "the model allows them."
    )


def methods_option(text: str) -> Callable[[CommandT], CommandT]:
    """Return the option that chooses methods, with a help text of its own."""
    return click.option(
        *("-m", "--method", "methods"), multiple=True, metavar="METHOD[,METHOD...]", help=text
    )


def metrics_option(text: str) -> Callable[[CommandT], CommandT]:
    """Return the option that chooses measures, with a help text of its own."""
    return click.option(
        *("--metrics", "measures"), multiple=True, metavar="NAME[,NAME...]", help=text
    )


def out_option(default: str) -> Callable[[CommandT], CommandT]:
    """Return the option that says into which folder files go."""
    return click.option(
        "-o",
        "--out",
        "folder",
        default=default,
        show_default=True,
        metavar="FOLDER",
        type=click.Path(readable=False),
        help="Output folder.",
    )


def model_options(command: CommandT) -> CommandT:
    """Add the options with which a model is opened."""
    for option in reversed(_MODEL_OPTIONS):
        command = option(command)
    return command


def answer_options(command: CommandT) -> CommandT:
    """Add those of them that say what is answered, for commands with options of their own."""
    for option in reversed(_ANSWER_OPTIONS):
        command = option(command)
    return command


target_option = click.option(
    "-t",
    "--target",
    metavar="TARGET",
    help="What to explain in every picture, as in `explain`: a class or value by name or "
    "index, NAME@ROW,COLUMN, NAME@everywhere, NAME@MASK.png, like=FILE, TENSOR[INDEX].",
)
