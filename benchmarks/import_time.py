"""Measures ``import coatcheck`` beside ``import http.client``, each in fresh interpreters.

The imports alternate, round by round; printed are medians over the rounds, and of the ratios within a round.
The interpreter's own start is measured too and taken off.
"""

import subprocess
import sys
import time
from argparse import ArgumentParser
from statistics import median

STATEMENTS = {
    "nothing": "pass",
    "http.client": "import http.client",
    "coatcheck": "import coatcheck",
    "coatcheck.asgi": "import coatcheck.asgi",
    "coatcheck.wsgi": "import coatcheck.wsgi",
}


def seconds(statement: str) -> float:
    """Return how long an interpreter takes to start, run the statement and end."""
    start = time.perf_counter()
    # Isolated, so that what the environment adds to the path costs nothing; -S would hide installed packages.
    subprocess.run([sys.executable, "-I", "-c", statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure every import and print it."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    rounds = parser.parse_args().rounds
    for statement in STATEMENTS.values():
        seconds(statement)  # writes what is compiled
    taken = [{name: seconds(statement) for name, statement in STATEMENTS.items()} for _ in range(rounds)]
    costs = [{name: one[name] - one["nothing"] for name in one} for one in taken]
    print(f"an interpreter that imports nothing: {median(one['nothing'] for one in taken) * 1e3:.1f} ms\n")
    print(f"{'import':<18}{'ms':>8}{'/ http.client':>16}")
    for name in list(STATEMENTS)[1:]:
        ratio = median(one[name] / one["http.client"] for one in costs)
        print(f"{name:<18}{median(one[name] for one in costs) * 1e3:>8.1f}{ratio:>16.2f}")


if __name__ == "__main__":
    main()
