"""``kill -9`` at random moments: ``python -m tests.crash.kills [MOMENTS]``.

Each command is killed at so many moments (100), spread over its time, always into the same folder.
After each kill every file that bears its name has to be whole and as it would be without the kill;
what an audit had kept may not become less. After the last one the command is run to its end: the
folder has to be as if nobody had killed anything.
"""

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.runs import commands, contents, finish, leftovers, start

SEED = 0


def kill(name, words, folder, moments, rng):
    """Kill one command at so many moments; returns a line of figures."""
    undisturbed, out, said = folder / f"{name}-whole", folder / f"{name}-killed", folder / "said"
    assert finish(words, undisturbed, said) == 0, said.read_text()
    whole = contents(undisturbed)
    began = time.monotonic()
    finish(words, folder / f"{name}-timed", said)
    takes = time.monotonic() - began
    killed, kept, left = 0, {}, 0
    for _ in range(moments):
        child = start(words, out, said)
        # An audit goes on from where it was: less and less is left.
        time.sleep(rng.uniform(0, takes if name != "audit" else takes / 4))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        found = contents(out) if out.exists() else {}
        for file, content in found.items():
            if file == "results.sqlite":
                assert all(content[k] == v for k, v in kept.items()), "a kept result is gone"
                kept = content
            elif file in whole:
                assert content == whole[file], f"{file} is not as it would be"
            else:
                assert ".state" in file or "state" in file, f"{file} is nobody's"
        left = max(left, len(leftovers(out)))
        if name == "audit" and "record.json" in found:
            for path in out.iterdir():  # it was done; the next kill needs work to do
                path.unlink()
            kept = {}
    assert finish(words, out, said) == 0, said.read_text()
    assert contents(out) == whole
    assert leftovers(out) == []
    return f"{name}: {killed} of {moments} killed, at most {left} temporary files left, all cleared"


def run(moments):
    """Kill all commands."""
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        for name, words in commands(Path(folder)).items():
            print(kill(name, words, Path(folder), moments, rng), flush=True)


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
