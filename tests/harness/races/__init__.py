"""Races that are forced: requests of one visitor, stopped at every call of the store, in every order."""

from harness.races.cancelling import Cancel, CancelledScene, cancel_again_and_again, cancel_once
from harness.races.faults import AsyncUnansweredStore, Fault, UnansweredStore
from harness.races.gates import AsyncGatedStore, GatedStore, Made
from harness.races.orders import Order, every_order
from harness.races.playing import Ending, check, every_ending
from harness.races.visitors import Answer, ASGIVisitor, Step, Visitor, WSGIVisitor, caught

__all__ = [
    "ASGIVisitor",
    "Answer",
    "AsyncGatedStore",
    "AsyncUnansweredStore",
    "Cancel",
    "CancelledScene",
    "Ending",
    "Fault",
    "GatedStore",
    "Made",
    "Order",
    "Step",
    "UnansweredStore",
    "Visitor",
    "WSGIVisitor",
    "cancel_again_and_again",
    "cancel_once",
    "caught",
    "check",
    "every_ending",
    "every_order",
]
