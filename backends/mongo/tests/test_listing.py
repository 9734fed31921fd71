"""Listings go page by page, while others write."""

from typing import Any

import pytest
from pymongo.collection import Collection

from coatcheck.store import Store

Documents = Collection[dict[str, Any]]
A = b'{"cookie":{},"n":1}'


def fill(documents: Documents, number: int) -> list[str]:
    ids = [f"sid-{count:05}" for count in range(number)]
    documents.insert_many([{"_id": sid, "session": A.decode()} for sid in ids])
    return ids


@pytest.mark.parametrize("number", [0, 1, 499, 500, 501, 1000, 1700])
def test_every_record_is_listed_once(store: Store, documents: Documents, number: int) -> None:
    ids = fill(documents, number) if number else []
    assert sorted(store.ids()) == ids
    assert sorted(store.all()) == [(sid, A) for sid in ids]
    assert store.length() == number


def test_writes_while_a_listing_runs_do_not_disturb_it(store: Store, documents: Documents) -> None:
    ids = fill(documents, 1500)
    listing = store.ids()
    seen = [next(listing) for _ in range(3)]
    for sid in ids[:10] + ids[700:710] + ids[1400:1410]:
        store.destroy(sid)
    for number in range(20):
        store.set(f"sid-new-{number}", A, ttl=60)
    for sid in ids[:5] + ids[700:705]:
        store.set(sid, A, ttl=60)
    for sid in ids[20:40] + ids[800:820]:
        store.replace(sid, b'{"cookie":{},"longer":"than before"}', ttl=60)
    seen += listing
    assert len(seen) == len(set(seen))
    throughout = set(ids) - set(ids[:10] + ids[700:710] + ids[1400:1410])
    assert throughout <= set(seen)
    assert not set(ids[1400:1410]) & set(seen)


def test_what_ends_while_a_listing_runs_is_not_listed(store: Store, documents: Documents) -> None:
    ids = fill(documents, 1200)
    for listing in (store.ids, store.all):
        running = listing()
        next(running)
        store.touch(ids[-1], ttl=0.001)
        documents.find_one({})
        rest = [record if isinstance(record, str) else record[0] for record in running]
        assert ids[-1] not in rest
        assert ids[-2] in rest
        documents.update_one({"_id": ids[-1]}, {"$unset": {"expires": 1}}, upsert=True)


def test_a_listing_that_is_given_up_leaves_no_cursor(store: Store, documents: Documents) -> None:
    fill(documents, 1200)

    def cursors() -> int:
        status = documents.database.command("serverStatus")
        opened: int = status["metrics"]["cursor"]["open"]["total"]
        return opened

    before = cursors()
    for _ in range(5):
        next(store.ids())
    assert cursors() <= before


def test_large_records_are_listed_in_answers_of_sixteen_megabytes(store: Store, documents: Documents) -> None:
    payload = b'{"cookie":{},"text":"' + b"x" * 6_000_000 + b'"}'
    for number in range(7):
        store.set(f"sid{number}", payload, ttl=600)
    listed = list(store.all())
    assert [sid for sid, _ in listed] == [f"sid{number}" for number in range(7)]
    assert all(found == payload for _, found in listed)
    assert documents.count_documents({}) == 7
