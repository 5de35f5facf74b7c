"""What to write in place of an option that a command does not have."""

from __future__ import annotations

from collections.abc import Iterator

import click

# What other programs call an option, or this one calls it elsewhere, and what stands for it here.
_ALSO_CALLED = {
    "-m": ("--algorithm", "--methods", "--xai-method"),
    "-o": ("--dest", "--out-dir", "--out-folder", "--outdir", "--output-dir", "--output-file",
           "--output-folder", "--output-path", "--save-dir", "--save-to"),
    "-p": ("--param", "--params", "--parameters", "--set"),
    "-t": ("--class", "--class-index", "--class-name", "--target-class", "--targets"),
    "-t top-5": ("--top", "--top-k", "--topk"),
    "--device cpu": ("--cpu",),
    "--device cuda": ("--cuda", "--gpu"),
    "--labels": ("--class-names", "--classes", "--names"),
    "--limit": ("--max-images", "--num-images"),
    "--metrics": ("--measure", "--measures", "--metric"),
    "--preprocess": ("--mean", "--normalise", "--normalize", "--preprocessing", "--std"),
    "--style": ("--alpha", "--cmap", "--colormap", "--colors", "--colours"),
}  # fmt: skip
_MEANT = {name: meant for meant, names in _ALSO_CALLED.items() for name in names}
# What is no option but a word in its place, by the words that commands have.
_IN_PLACE = {
    "model": ("--model", "--onnx"),
    "models": ("--model", "--models", "--onnx"),
    "images": ("--image", "--images", "--img", "--input-image"),
    "data": ("--data", "--dataset", "--images", "--image"),
}


def without(error: click.NoSuchOption) -> str:
    """Say that there is no such option, and what to write.

    Parameters
    ----------
    error : click.NoSuchOption
        What the command line met.
    """
    advice = None if error.ctx is None else _advice(error.option_name, error.ctx)
    if advice is None and error.ctx is not None and not error.possibilities:
        advice = _elsewhere(error.option_name, error.ctx)
    return error.format_message() if advice is None else f"{error.message} {advice}"


def _advice(name: str, context: click.Context) -> str | None:
    command = context.command
    own = {flag for p in command.params for flag in (*p.opts, *p.secondary_opts)}
    if isinstance(command, click.Group):
        if any(name in p.opts for _, other in _all(command) for p in other.params):
            return f"Write it after the command: `{context.command_path} COMMAND ... {name}`."
        return None
    for word in (p for p in command.params if isinstance(p, click.Argument)):
        if name in _IN_PLACE.get(word.name or "", ()):
            usage = " ".join(command.collect_usage_pieces(context))
            return f"It needs no option: `{context.command_path} {usage}`."
    meant = _MEANT.get(name, "")
    if meant.partition(" ")[0] in own:
        return f"Did you mean {meant}?"
    key = name.lstrip("-").replace("-", "_")
    if "-p" in own and _is_parameter(key):
        return f"It is a parameter of methods: write -p {key}=VALUE."
    return None


def _elsewhere(name: str, context: click.Context) -> str | None:
    root = context.find_root().command
    if not isinstance(root, click.Group):
        return None
    having = [path for path, other in _all(root) if any(name in p.opts for p in other.params)]
    return f"It is an option of: {', '.join(having)}." if having else None


def _is_parameter(key: str) -> bool:
    from onnxplain.methods import registered

    return any(key in method.parameters for method in registered().values())


def _all(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, with its name in words."""
    for name, command in group.commands.items():
        words = f"{path} {name}".strip()
        if isinstance(command, click.Group):
            yield from _all(command, words)
        else:
            yield words, command
