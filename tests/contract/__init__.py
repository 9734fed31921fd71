"""The store contract as tests, which run over every kind of store, blocking and async.

Each test has one sentence of the contract for a name. What a store is opened on, and in what it may differ,
is declared in ``subjects.py``, and nowhere else. An async store is behind a blocking face, so that every test
is written once.

    python -m pytest tests/contract -k "redis-8.2"             one kind of store
    python -m pytest tests/contract -m "not faults"            without those that kill and freeze servers
"""
