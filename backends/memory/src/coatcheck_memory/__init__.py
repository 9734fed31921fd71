"""Coatcheck's sessions in the memory of one process: bounded, expiring, for blocking and async code."""

from coatcheck_memory.opening import open, open_async  # noqa: A004 (the registry calls it so)
from coatcheck_memory.store import AsyncMemoryStore, MemoryStore
from coatcheck_memory.table import Table

__all__ = ["AsyncMemoryStore", "MemoryStore", "Table", "open", "open_async"]
