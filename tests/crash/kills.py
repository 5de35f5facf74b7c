"""``kill -9`` at random moments: ``python -m tests.crash.kills [MOMENTS] [--table]``.

Each command is killed so many times (100), always with the same folder: every second time at a
random time of its run, from its first line to its last, and else in the middle of a random call
that makes, writes, syncs or renames a file. After each kill every file that bears its name has to
be whole and as it would be without the kill, and none that was there may be gone; what an audit had
kept may not become less. A folder that is complete is emptied for the next kill. After the last
one the command is run to its end: the folder has to be as if nobody had killed anything.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.calls import Calls, LastCall
from tests.crash.runs import commands, contents, finish, leftovers, start
from tests.crash.tables import arguments, publish

SEED = 0
STORE = "results.sqlite"


def kill(name, words, folder, kills, rng):
    """Kill one command so many times; returns a row of figures."""
    undisturbed, out, said = folder / f"{name}-whole", folder / f"{name}-killed", folder / "said"
    counted = folder / "counted"
    assert finish(words, undisturbed, said, Calls(counted).install) == 0, said.read_text("utf-8")
    began = time.monotonic()
    assert finish(words, folder / f"{name}-timed", said) == 0, said.read_text("utf-8")
    takes = time.monotonic() - began
    calls, whole = int(counted.read_text()), contents(undisturbed)
    killed, kept, left, ended = [0, 0], {}, 0, 0
    while sum(killed) < kills:
        in_a_call = killed[0] > killed[1]
        if kill_once(words, out, said, takes, calls, in_a_call, rng):
            killed[in_a_call] += 1
        found = contents(out) if out.exists() else {}
        for file, content in kept.items():
            assert file in found, f"{file} is gone"
            if file == STORE:
                assert content.items() <= found[file].items(), "a kept result is gone"
        for file, content in found.items():
            if file == STORE:
                assert content.items() <= whole[file].items(), "a result is not as it would be"
            else:
                assert content == whole[file], f"{file} is not as it would be"
        kept, left = found, max(left, len(leftovers(out)))
        if found == whole:
            shutil.rmtree(out)
            kept, ended = {}, ended + 1
    assert finish(words, out, said) == 0, said.read_text("utf-8")
    assert contents(out) == whole
    assert leftovers(out) == []
    return {"command": name, "killed": sum(killed), "at a random time": killed[0],
            "in a random call": killed[1], "lost": 0, "not whole": 0,
            "most temporary files left": left, "left by the next run": 0,
            "came to the same end": ended + 1}  # fmt: skip


def kill_once(words, out, said, takes, calls, in_a_call, rng):
    """Kill a command once; returns whether it was still there."""
    if in_a_call:
        child = start(words, out, said, LastCall(rng.randint(1, calls)).install)
    else:
        child = start(words, out, said)
        time.sleep(rng.uniform(0, takes))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), said.read_text("utf-8")
    return code != 0


def run(kills):
    """Kill all commands; returns rows of figures."""
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        return [
            kill(name, words, Path(folder), kills, rng)
            for name, words in commands(Path(folder)).items()
        ]


if __name__ == "__main__":
    number, wanted = arguments(sys.argv[1:], 100)
    publish("kills-table", run(number), wanted)
