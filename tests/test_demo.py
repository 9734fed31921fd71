"""The demo as a newcomer runs it: a program that shows each step and ends with success or failure."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

DEMO = Path(__file__).parent.parent / "examples" / "demo.py"
TITLES = [
    "A visitor looks around",
    "Something goes into the cart",
    "More of the same",
    "The visitor looks at the cart",
    "The visitor logs in",
    "Somebody tries the cookie of before the login",
    "Somebody forges a cookie",
    "The visitor logs out",
    "Somebody tries the cookie of before the logout",
]


def play(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the demo to its end; packages in ``path`` count as installed."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(path), os.environ.get("PYTHONPATH", "")])
        )
    command = [sys.executable, str(DEMO), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
    )


@pytest.fixture(scope="module")
def played() -> subprocess.CompletedProcess[str]:
    return play()


def install_backend(folder: Path, method: str) -> Path:
    """Install a package that serves the scheme ``broken`` by memory stores with one method replaced."""
    source = f"""
        from coatcheck.errors import StoreUnavailable
        from coatcheck_memory import MemoryStore, Table

        class BrokenStore(MemoryStore):
            def {method}

        TABLE = Table(100)

        def open(url):
            return BrokenStore(table=TABLE)
    """
    (folder / "broken_store.py").write_text(dedent(source), encoding="utf-8")
    metadata = folder / "broken_store-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-store\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[coatcheck.backends]\nbroken = broken_store\n")
    return folder


def test_the_demo_succeeds_and_says_so_at_its_end(played: subprocess.CompletedProcess[str]) -> None:
    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stdout.splitlines()[-1] == "Both journeys succeeded, over ASGI and over WSGI."
    assert "Traceback" not in played.stderr


@pytest.mark.parametrize("shop", ["ASGI: Starlette under uvicorn", "WSGI: Flask under waitress"])
def test_the_demo_plays_every_step_in_both_shops(played: subprocess.CompletedProcess[str], shop: str) -> None:
    journey = re.split(r"^(?:ASGI|WSGI): .*$", played.stdout, flags=re.MULTILINE)
    mine = journey[1] if shop.startswith("ASGI") else journey[2]

    assert re.search(rf"^{shop}, at http://127\.0\.0\.1:\d+,", played.stdout, re.MULTILINE)
    assert re.findall(r"^  \d+\. (.*)$", mine, re.MULTILINE) == TITLES
    assert mine.count("✓") == 23


@pytest.mark.parametrize(
    "line",
    [
        r'visitor     POST /login  \{"name": "Ada"\}',
        r"response    303 ",
        r"Set-Cookie  none",
        r"Set-Cookie  sid=s%3A\S+…\S+; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax",
        r"Set-Cookie  sid=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
        r'store       \S{8}…  \{"cart": \{"tea": 2\}, "user": "Ada"\}',
        r"store       \S{8}…  nothing",
        r"log         a session cookie that does not verify was ignored",
    ],
)
def test_each_step_shows_what_happens(played: subprocess.CompletedProcess[str], line: str) -> None:
    assert re.search(rf"^ +{line}", played.stdout, re.MULTILINE)


def test_a_store_that_ends_nothing_makes_the_demo_fail_at_the_logout(tmp_path: Path) -> None:
    installed = install_backend(tmp_path, "destroy(self, sid): return True")

    failed = play("broken:", path=installed)

    assert failed.returncode == 1
    assert failed.stdout.splitlines()[-1] == (
        "The demo FAILED: ASGI: Starlette under uvicorn, step 8 (The visitor logs out): "
        "it is not true that the session is gone from the store"
    )


def test_a_store_that_is_down_makes_the_demo_fail_at_the_first_write(tmp_path: Path) -> None:
    installed = install_backend(tmp_path, "set(self, sid, payload, *, ttl): raise StoreUnavailable('down')")

    failed = play("broken:", path=installed)

    assert failed.returncode == 1
    assert "response    503 Service Unavailable" in failed.stdout
    assert "FAILED: ASGI: Starlette under uvicorn, step 2 " in failed.stdout.splitlines()[-1]


def test_a_store_that_is_not_installed_makes_the_demo_fail_with_the_reason() -> None:
    failed = play("nowhere://localhost")

    assert failed.returncode == 1
    assert "The demo FAILED: no backend for the scheme 'nowhere'" in failed.stdout


def test_a_store_that_the_demo_could_not_look_into_is_refused() -> None:
    refused = play("memory:")

    assert refused.returncode == 2
    assert "memory:NAME lets the demo look in" in refused.stderr


@pytest.fixture
def serving() -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(DEMO), "--serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8") as process:
        yield process
        process.kill()


def test_serve_keeps_both_shops_up_until_they_are_interrupted(serving: subprocess.Popen[str]) -> None:
    assert serving.stdout is not None
    urls: list[str] = []
    for line in serving.stdout:
        urls += re.findall(r"^  (http://127\.0\.0\.1:\d+)$", line)
        if len(urls) == 2:
            break

    pages = [httpx.get(url, trust_env=False).text for url in urls]
    with httpx.Client(trust_env=False) as browser:
        browser.post(f"{urls[0]}/login", data={"name": "Grace <Hopper>"})
        other = browser.get(urls[1]).text

    assert pages == [pages[0]] * 2
    assert "<title>The tea shop</title>" in pages[0]
    assert "Welcome, Grace &lt;Hopper&gt;" in other
    serving.send_signal(signal.SIGINT)
    assert serving.communicate(timeout=20)[0].splitlines()[-1] == "Closed."
    assert serving.returncode == 0
