"""Measures what a session costs per request, in process, beside the frameworks' cookie sessions.

Every round runs every subject once, so that what slows the machine down slows all of them; what is printed
is the median over the rounds. A cost is the CPU time of a request over that of the same application without
sessions; a ratio is taken within a round. The store is the memory store, the session about 1 KB of JSON.
"""

import asyncio
import time
from argparse import ArgumentParser
from collections.abc import Callable
from statistics import median

import asgi_subjects
import wsgi_subjects
from scenarios import SCENARIOS

# Requests to subjects in batches: the CPU seconds that a number of requests take.
Batch = Callable[[int], float]
Costs = dict[str, list[float]]


def asgi_batch(subject: asgi_subjects.Subject, scenario: str, runner: asyncio.Runner) -> Batch:
    """Return a function that sends requests to an ASGI application and measures them."""
    exchange = asgi_subjects.exchange(subject, scenario, runner)

    async def send(requests: int) -> float:
        start = time.process_time()
        for _ in range(requests):
            await exchange()
        return time.process_time() - start

    return lambda requests: runner.run(send(requests))


def wsgi_batch(subject: wsgi_subjects.Subject, scenario: str) -> Batch:
    """Return a function that sends requests to a WSGI application and measures them."""
    exchange = wsgi_subjects.exchange(subject, scenario)

    def send(requests: int) -> float:
        start = time.process_time()
        for _ in range(requests):
            exchange()
        return time.process_time() - start

    return send


def measure(batches: dict[str, Batch], rounds: int, requests: int) -> Costs:
    """Return the µs per request of each subject, round by round."""
    costs: Costs = {name: [] for name in batches}
    for batch in batches.values():
        batch(requests // 4)  # warms up caches and the interpreter
    for _ in range(rounds):
        for name, batch in batches.items():
            costs[name].append(batch(requests) / requests * 1e6)
    return costs


def over(costs: Costs, name: str, bare: str) -> list[float]:
    """Return what a subject costs over its bare application, round by round."""
    return [mine - base for mine, base in zip(costs[name], costs[bare], strict=True)]


def report(title: str, results: dict[str, Costs], bares: dict[str, str], against: dict[str, str]) -> None:
    """Print a table of one face: costs in µs, then the ratios."""
    print(f"\n{title:<44}{''.join(f'{scenario:>12}' for scenario in results)}")
    for name, bare in bares.items():
        values = [
            median(costs[name] if name == bare else over(costs, name, bare)) for costs in results.values()
        ]
        sign = "" if name == bare else "+"
        print(f"  {name:<42}{''.join(f'{sign}{value:.1f}'.rjust(12) for value in values)}")
    for name, other in against.items():
        ratios = [_ratio(costs, bares, name, other) for costs in results.values()]
        print(f"  ratio: {name} / {other}".ljust(44) + "".join(f"{ratio:>12.2f}" for ratio in ratios))


def _ratio(costs: Costs, bares: dict[str, str], name: str, other: str) -> float:
    mine, theirs = over(costs, name, bares[name]), over(costs, other, bares[other])
    return median(one / two for one, two in zip(mine, theirs, strict=True))


def main() -> None:
    """Measure both faces and print them."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=1000, help="requests of a subject in a round")
    arguments = parser.parse_args()
    counts = arguments.rounds, arguments.requests
    print("CPU µs per request; a + is over the application without sessions")
    with asyncio.Runner() as runner:
        results = {
            scenario: measure(
                {name: asgi_batch(made, scenario, runner) for name, made in asgi_subjects.SUBJECTS.items()},
                *counts,
            )
            for scenario in SCENARIOS
        }
    report("ASGI", results, asgi_subjects.BARES, asgi_subjects.AGAINST)
    results = {
        scenario: measure(
            {name: wsgi_batch(made, scenario) for name, made in wsgi_subjects.SUBJECTS.items()}, *counts
        )
        for scenario in SCENARIOS
    }
    report("WSGI", results, wsgi_subjects.BARES, wsgi_subjects.AGAINST)


if __name__ == "__main__":
    main()
