"""Every order in which requests can go on, one after another."""

from collections.abc import Iterator, Sequence


class Order:
    """Decides who goes on next: as a prefix says, and after its end the first who can."""

    def __init__(self, prefix: Sequence[int] = ()) -> None:
        self._prefix = prefix
        self._taken: list[tuple[int, int]] = []

    def choose(self, ready: Sequence[str]) -> str:
        """Return the one of ``ready`` that goes on now."""
        position = len(self._taken)
        choice = self._prefix[position] if position < len(self._prefix) else 0
        self._taken.append((choice, len(ready)))
        return ready[choice]

    def following(self) -> "Order | None":
        """Return the order after this one, which must have been played to its end; None after the last."""
        for position in reversed(range(len(self._taken))):
            choice, choices = self._taken[position]
            if choice + 1 < choices:
                return Order([*(before for before, _ in self._taken[:position]), choice + 1])
        return None


def every_order() -> Iterator[Order]:
    """Yield each order once; play it to its end before the next is asked for."""
    order: Order | None = Order()
    while order is not None:
        yield order
        order = order.following()
