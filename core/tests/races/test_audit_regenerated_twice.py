"""A login that is repeated after its save was cut off: no id of before stays alive."""

import pytest
from harness.races import AsyncUnansweredStore, UnansweredStore, Visitor, caught

from coatcheck import StoreUnavailable
from coatcheck_memory import Table


@pytest.mark.parametrize("keep_data", [True, False])
@pytest.mark.parametrize("keep_data_again", [True, False])
def test_a_second_regenerate_ends_the_record_that_the_interrupted_save_left(
    visitor: Visitor,
    store: UnansweredStore | AsyncUnansweredStore,
    table: Table,
    keep_data: bool,
    keep_data_again: bool,
) -> None:
    first = visitor.request(lambda session: session.update(n=0)).sid
    store.unreached = ("replace" if keep_data else "destroy",)

    answer = visitor.request(
        lambda session: session.regenerate(keep_data=keep_data),
        caught(lambda session: session.save(), StoreUnavailable),
        lambda session: (sorted(table.snapshot()), session.id),
        lambda _: setattr(store, "unreached", ()),
        lambda session: session.regenerate(keep_data=keep_data_again),
    )

    left, second = answer.results[2]
    assert isinstance(answer.results[1], StoreUnavailable)
    assert left == sorted([str(first), second]), "both must be alive for the test to say something"
    assert answer.sid not in (None, first, second)
    assert table.snapshot() == [answer.sid]
