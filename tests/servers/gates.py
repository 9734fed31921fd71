"""Gates, where a server waits until the test lets it go on, and notes that it leaves for the test.

Both are files in a folder that the two processes share, so that they serve every
kind of server, whether it works with threads, tasks or one request at a time.
"""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["FOLDER_VARIABLE", "Gate", "eventually", "leave_note", "shared_folder"]

FOLDER_VARIABLE = "COATCHECK_TEST_FOLDER"
PATIENCE = 15.0
PAUSE = 0.005


def shared_folder() -> Path:
    """Return the folder that this server shares with the test."""
    return Path(os.environ[FOLDER_VARIABLE])


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until ``condition`` holds; fail after a while, saying ``what`` did not happen."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(PAUSE)


class Gate:
    """A place in the server where requests wait for the test."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder
        self._opened = folder / f"{name}.opened"

    def pass_through(self) -> None:
        """Wait, in the server, until the test opens the gate."""
        (self._folder / f"{self.name}.{secrets.token_hex(8)}.waiting").touch()
        eventually(self._opened.exists, f"opening of gate {self.name}")

    def wait_for(self, count: int = 1) -> None:
        """Wait, in the test, until ``count`` requests stand before the gate."""
        eventually(lambda: self._waiting() >= count, f"{count} requests before gate {self.name}")

    def open(self) -> None:
        """Let all requests go on, also those that come later."""
        self._opened.touch()

    def _waiting(self) -> int:
        return sum(1 for _ in self._folder.glob(f"{self.name}.*.waiting"))


def leave_note(name: str, text: str) -> None:
    """Tell the test something that no response tells; the note appears whole or not at all."""
    draft = shared_folder() / f"{name}.draft"
    draft.write_text(text, encoding="utf-8")
    draft.rename(draft.with_suffix(".note"))
