"""The decision table of express-session 5.6, cell by cell, through the engine alone and both middlewares.

Coatcheck's numbered differences are applied and tagged: what differs without a
number fails, and so does a number whose cell does not differ.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import pytest
from express.behind_middleware import BehindASGI, BehindWSGI
from express.cells import BLOCKS, CELLS, COLUMNS, Place, rewritten
from express.differences import DIFFERENCES, ONLY_READ
from express.engine_alone import EngineAlone
from express.scenarios import LIFETIME_SET, REFUSED, SCENARIOS
from express.traces import STREAMED, WHOLE, Observation, options_of
from harness import attributes

Visitors: TypeAlias = Callable[[dict[str, Any]], EngineAlone | BehindWSGI | BehindASGI]
VISITORS: list[Visitors] = [EngineAlone, BehindWSGI, BehindASGI]


@cache
def observe(visitors: Visitors, place: Place) -> Observation:
    """Play a row's scenario with a column's options, from a visitor's first request on."""
    scenario = SCENARIOS[place.row]
    visitor = visitors(options_of(place))
    if scenario.visitor != "new":
        visitor.visit(["start"])
        visitor.clock.advance(10)
    if scenario.visitor == "stale":
        visitor.forget("id-1")
    return visitor.visit(scenario.steps, scenario.streamed)


def test_every_observed_row_has_a_scenario_and_every_scenario_a_row() -> None:
    assert {place.row for place in CELLS} == set(SCENARIOS)
    assert len(CELLS) == len(SCENARIOS) * len(COLUMNS) * len(BLOCKS)


@pytest.mark.parametrize("place", CELLS, ids=str)
@pytest.mark.parametrize("visitors", VISITORS)
def test_a_cell_is_that_of_express_but_for_the_tagged_differences(visitors: Visitors, place: Place) -> None:
    cell = CELLS[place]

    observed = observe(visitors, place).cell

    assert observed == cell.expected
    assert (observed != cell.express) == bool(cell.differences)


@pytest.mark.parametrize("place", CELLS, ids=str)
def test_the_engine_alone_and_both_middlewares_leave_equal_traces(place: Place) -> None:
    alone, wsgi, asgi = (observe(visitors, place) for visitors in VISITORS)

    assert wsgi == alone
    assert asgi == alone
    assert alone.body == (STREAMED if SCENARIOS[place.row].streamed else WHOLE)


@pytest.mark.parametrize("place", CELLS, ids=str)
def test_the_application_sees_what_it_did_to_its_session(place: Place) -> None:
    refused = 16 in CELLS[place].differences

    assert observe(EngineAlone, place).notes == ([REFUSED] if refused else [*SCENARIOS[place.row].seen])


def test_each_tag_of_a_cell_makes_a_difference() -> None:
    idle = [
        (str(place), number)
        for place, cell in CELLS.items()
        for number in cell.differences
        if rewritten(place, cell.express, without=number)[0] == cell.expected
    ]

    assert idle == []


def test_every_rule_concerns_a_cell_and_the_other_differences_are_not_of_this_table() -> None:
    tagged = {number for cell in CELLS.values() for number in cell.differences}

    assert tagged == {difference.number for difference in DIFFERENCES}
    assert tagged == {1, 2, 3, 6, 7, 15, 16, 18, 19, 20, 21, 22}


def test_what_happens_to_the_session_before_the_body_is_in_the_store_before_the_head() -> None:
    late = {place.row for place in CELLS if calls_after_head(place)}

    assert late == {"headers flushed early, then modified", "new: headers flushed early, then modified"}
    assert max(map(calls_after_head, CELLS)) == 1


def test_the_lifetime_that_the_browser_is_told_is_the_whole_one_and_the_records_own() -> None:
    with_lifetime = [place for place, cell in CELLS.items() if cell.expected.startswith("Cem|")]

    assert {place: lifetimes(place) for place in with_lifetime} == {
        place: (expected, expected)
        for place in with_lifetime
        for expected in [LIFETIME_SET if "only cookie.maxAge" in place.row else place.max_age]
    }


def test_load_and_renewal_are_one_call_without_max_age_and_rolling() -> None:
    loads = {place: observe(EngineAlone, place).calls[0][0] for place in CELLS if place.row in ONLY_READ}

    assert loads == {p: "get" if p.max_age or p.rolling else "get_and_touch" for p in loads}


def calls_after_head(place: Place) -> int:
    observation = observe(EngineAlone, place)
    return len(observation.calls) - observation.calls_before_head


def lifetimes(place: Place) -> tuple[int, float]:
    """Return what the browser is told, and the record's at the last write before the head, in seconds."""
    observation = observe(EngineAlone, place)
    calls = observation.calls[: observation.calls_before_head]
    told = int(attributes(observation.set_cookie)["Max-Age"])
    return told, [options["ttl"] for _, _, options in calls if options.get("ttl")][-1]
