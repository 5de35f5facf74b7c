"""What ``onnxplain report`` does."""

from __future__ import annotations

from collections.abc import Sequence

from onnxplain.cli.console import document, line, remark
from onnxplain.report.again import read_again
from onnxplain.report.write import write_report


def run(*, folder: str, data: Sequence[str], out: str | None, quiet: bool, as_json: bool) -> None:
    """Write the report of an audit again.

    Raises
    ------
    OnnxplainError
        If the record cannot be read, or a file cannot be written.
    """
    shown, lacking = read_again(folder, data)
    written = write_report(out or folder, shown)
    for text in lacking:
        remark(f"warning: {text}")
    if as_json:
        document({"files": [str(f) for f in written], "warnings": lacking})
    elif not quiet:
        for path in written:
            line(f"wrote {path}")
