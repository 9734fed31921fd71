"""Ends the servers of a test run that could not do so itself.

Runs as a process of its own. Reads lines ``started PID``, ``ended PID`` and ``folder PATH`` until its input
ends, which happens at the latest when the test run's process is gone; then kills what still runs and removes
the folders.
"""

import contextlib
import os
import shutil
import signal
import sys


def main() -> None:
    running: set[int] = set()
    folders: list[str] = []
    for line in sys.stdin:
        word, _, value = line.rstrip("\n").partition(" ")
        if word == "started":
            running.add(int(value))
        elif word == "ended":
            running.discard(int(value))
        else:
            folders.append(value)
    for pid in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


main()
