"""Stores records from processes that start at the same moment; prints what became of each."""

import asyncio
import json
import os
import select
import sys
from typing import Any

from coatcheck import AsyncStore, Store
from contract.homes import Home
from contract.payloads import numbered


def keep(store: Store | AsyncStore, number: int) -> str:
    """Store a record and read it back."""
    sid, payload = f"sid {number}", numbered(number)
    if isinstance(store, Store):
        with store:
            store.set(sid, payload, ttl=600)
            return "kept" if store.get(sid) == payload else "lost"

    async def keep_it() -> str:
        await store.set(sid, payload, ttl=600)
        found = await store.get(sid)
        await store.aclose()
        return "kept" if found == payload else "lost"

    return asyncio.run(keep_it())


def close(store: Store | AsyncStore) -> None:
    """Close a store that was not used."""
    if isinstance(store, Store):
        store.close()
    else:
        asyncio.run(store.aclose())


def child(home: Home, store: Store | AsyncStore | None, number: int, start: int, answer: int) -> None:
    """Wait for the start, store a record, say how it went, and end."""
    select.select([start], [], [], 60)
    try:
        said = keep(store or home.bare(timeout=30), number)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is the answer)
        said = f"{type(error).__name__}: {error}"
    os.write(answer, f"{said}\n".encode())
    os._exit(0)


def main(question: dict[str, Any]) -> None:
    home = Home.of(question["home"])
    shared = home.bare(timeout=30) if question["how"] == "one store for all" else None
    if shared is None:
        close(home.bare())  # so that the drivers are imported once, not by every process
    start, go = os.pipe()
    answers, answer = os.pipe()
    children = range(question["number"])
    pids = []
    for number in children:
        pid = os.fork()
        if pid == 0:
            os.close(go)
            child(home, shared, number, start, answer)
        pids.append(pid)
    os.close(answer)
    os.close(go)  # the end of the input is the start
    said = [keep(shared, len(children))] if shared else []
    for pid in pids:
        os.waitpid(pid, 0)
    with os.fdopen(answers) as lines:
        said += lines.read().splitlines()
    sys.stdout.write(json.dumps(said))


main(json.loads(sys.argv[1]))
