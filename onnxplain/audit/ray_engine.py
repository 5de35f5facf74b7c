"""Examine pictures on the workers of a Ray cluster.

Each worker opens the model once and keeps it. Results stream back to this process, which
alone writes the store: that a worker dies costs the pictures it had in hand, which Ray
gives to another one.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import Examined, examine
from onnxplain.audit.records.pictures import Picture
from onnxplain.audit.records.plain import build, plain
from onnxplain.errors import ModelFileError, OnnxplainError, UsageError
from onnxplain.evaluate.boxes.truth import Truth
from onnxplain.graph.budget import Budget, budget, put_in_force
from onnxplain.identity import differing
from onnxplain.inputs.dataset import Sample
from onnxplain.model.load import load

if TYPE_CHECKING:
    from onnxplain.audit.run import Examiner

# Pictures that a worker takes at a time: what is lost with it, and between two reports.
_BLOCK = 4
# The last digits of a sum depend on the number of threads, so that workers take ours.
_THREADS = "OMP_NUM_THREADS"
Batch = Mapping[str, Any]


class Worker:
    """One model on one worker.

    Parameters
    ----------
    path : str
        The model file, as every machine sees it.
    opening : mapping
        Options of `onnxplain.load`.
    samples : sequence of Sample
        The data set.
    methods : sequence of str
        Those that apply to the model.
    config : AuditConfig
        The questions.
    folder : str
        Where relative paths start.
    parts : mapping of str to str or None
        Digests of the model that is audited; see `onnxplain.identity.digests`.
    truth : Truth, optional
        What is annotated, for a detector.
    limits : Budget, optional
        Those of the process that audits.

    Raises
    ------
    ModelFileError
        If this machine has another model there, or the file changed since.
    """

    def __init__(
        self,
        path: str,
        opening: Mapping[str, Any],
        samples: Sequence[Sample],
        methods: Sequence[str],
        config: AuditConfig,
        folder: str,
        parts: Mapping[str, str] | None,
        truth: Truth | None = None,
        limits: Budget | None = None,
    ) -> None:
        if limits is not None:
            put_in_force(limits)
        # Not absolute paths: messages name files, and are to be those of a local audit.
        os.chdir(folder)
        self._model = load(path, **opening)
        found = self._model.identity.digests
        if others := differing(found if parts is None else parts, found):
            raise ModelFileError(
                f"{path!r}: {others[0]} is not the one that the audit began with: it changed, or "
                "another machine has another one; what was examined is kept"
            )
        self._samples = samples
        self._methods = list(methods)
        self._config = config
        self._truth = truth

    def __call__(self, batch: Batch) -> Batch:
        """Examine the pictures of some numbers; plain columns, so that any Arrow can hold them."""
        found: dict[str, list[Any]] = {"number": [], "value": [], "names": [], "maps": []}
        for number in batch["number"]:
            sample = self._samples[int(number)]
            value, maps = examine(
                self._model, sample, self._methods, self._config, int(number), self._truth
            )
            found["number"].append(int(number))
            found["value"].append(json.dumps(plain(value)))
            found["names"].append(json.dumps(list(maps)))
            found["maps"].append(b"".join(m.tobytes() for m in maps.values()))
        return found


def ray_examiner(
    path: str,
    opening: Mapping[str, Any],
    samples: Sequence[Sample],
    methods: Sequence[str],
    config: AuditConfig,
    workers: int,
    parts: Mapping[str, str] | None = None,
    truth: Truth | None = None,
) -> Examiner:
    """Let a Ray cluster examine the pictures: that of ``RAY_ADDRESS``, or one on this machine.

    Parameters
    ----------
    path : str
        The model file; it and the pictures must be at the same place on every machine.
    opening : mapping
        Options of `onnxplain.load`.
    samples, methods, config
        See `onnxplain.audit.examine.examine`.
    workers : int
        How many workers there are.
    parts : mapping of str to str, optional
        Digests of the model, which each worker's must have; not compared if not given.
    truth : Truth, optional
        What is annotated, for a detector.

    Raises
    ------
    UsageError
        If Ray is not installed.
    """
    try:
        import ray.data
    except ImportError as error:
        raise UsageError(
            f"--engine ray needs Ray ({error}); install it with: pip install 'ray[data]'"
        ) from error

    def examiner(numbers: Sequence[int]) -> Iterator[Examined]:
        if not numbers:
            return
        ours = _connect(workers)
        device = str(opening.get("device", "auto"))
        rows = ray.data.from_items(
            [{"number": n} for n in numbers], override_num_blocks=-(-len(numbers) // _BLOCK)
        ).map_batches(
            Worker,
            fn_constructor_args=(
                path,
                opening,
                samples,
                methods,
                config,
                os.getcwd(),
                parts,
                truth,
                budget(),
            ),
            batch_size=_BLOCK,
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_gpus=1 if device.startswith("cuda") else None,
        )
        try:
            for row in _apart(rows.iter_rows):
                yield _examined(row)
        except ray.exceptions.RayError as error:
            raise _reason(error) from error
        finally:
            # Before anything is reported: a cluster goes on talking until it is left.
            if ours:
                ray.shutdown()

    return examiner


def _apart(rows: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    """Iterate on a thread of its own: Ctrl-C then reaches us, and not Ray's code half-way.

    There it may end the process without a word, and so without a record.
    """
    end = object()
    found: Queue[Any] = Queue(maxsize=2 * _BLOCK)

    def read() -> None:
        try:
            for row in rows():
                found.put(row)
            found.put(end)
        except BaseException as error:  # raised again where somebody waits for it
            found.put(error)

    Thread(target=read, daemon=True).start()
    while (row := found.get()) is not end:
        if isinstance(row, BaseException):
            raise row
        yield row


def _examined(row: Mapping[str, Any]) -> Examined:
    names = json.loads(row["names"])
    values = np.frombuffer(row["maps"], np.float32)
    maps = np.split(values, len(names)) if names else []
    return build(Picture, json.loads(row["value"])), dict(zip(names, maps, strict=True))


def _reason(error: Exception) -> OnnxplainError:
    """Say in one line why the cluster gave up: our own reason, if there is one."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, OnnxplainError):
        return cause
    lines = [text.strip() for text in str(error).splitlines() if text.strip()]
    return UsageError(
        f"the Ray cluster gave up: {lines[-1] if lines else type(error).__name__}; the model and "
        "pictures must have the same path on every machine; results so far are kept"
    )


def _connect(workers: int) -> bool:
    """Join or start a cluster; whether it is ours to leave, since nobody had joined it before."""
    import ray
    import ray.data

    # We report progress ourselves.
    ray.data.DataContext.get_current().enable_progress_bars = False
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if ray.is_initialized():
        return False
    env = {_THREADS: os.environ[_THREADS]} if _THREADS in os.environ else {}
    # One more than the workers need: Ray Data moves blocks about as well.
    here = None if "RAY_ADDRESS" in os.environ else workers + 1
    ray.init(
        runtime_env={"env_vars": env},
        logging_level=logging.ERROR,
        log_to_driver=False,
        num_cpus=here,
    )
    return True
