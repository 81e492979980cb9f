"""Fuzz the readers, led by coverage, each in a process that may not grow beyond its share of memory.

Run as ``python -m tests.fuzz [repo|plan|registry ...] [--seconds 60]``; it begins with the corpus and whole documents.
What ends in a traceback, takes longer than ten seconds or more than the memory is written beside the corpus: add it
there once it is mended. ``--replay`` runs the corpus once and needs no atheris. Exits 1 where something was found.
"""

from __future__ import annotations

import argparse
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CORPUS = Path(__file__).parent / "corpus"
NAMES = ("repo", "plan", "registry")
SECONDS_EACH = 10
MEMORY = 2 << 30
"""Bytes of address space; the interpreter with all that is imported takes a third of it."""
LONGEST = 64 * 1024


def replay(reader: str) -> None:
    """Every file of the corpus once. Raises what a reader raises, with the file's name."""
    from tests.fuzz.readers import READERS, seeds

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _too_long)
    bodies = [*((path.name, path.read_bytes()) for path in sorted((CORPUS / reader).iterdir()))]
    for name, body in (*bodies, *((f"seed {n}", seed) for n, seed in enumerate(seeds(reader)))):
        signal.alarm(SECONDS_EACH)
        try:
            READERS[reader](body)
        except BaseException as error:
            raise AssertionError(f"{reader}: {name}: {type(error).__name__}: {error}") from error
        finally:
            signal.alarm(0)
    print(f"{reader}: {len(bodies)} files of the corpus, each read or refused")


def _too_long(*_: object) -> None:
    raise TimeoutError(f"longer than {SECONDS_EACH} s")


def child(reader: str, seconds: int, folder: Path) -> None:
    """One reader under atheris, until the time is over or something is found. Never returns."""
    import atheris

    with atheris.instrument_imports(include=["asof", "tests.fuzz.readers"]):
        from tests.fuzz.readers import READERS, seeds
    from tests.fuzz.mutate import mutated

    grown = folder / "grown"
    grown.mkdir()
    for number, seed in enumerate(seeds(reader)):
        (grown / f"seed-{number}").write_bytes(seed)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    def mutator(data: bytes, largest: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.2:
            return bytes(atheris.Mutate(data, largest))
        made = mutated(reader, data, random)
        return made if len(made) <= largest else data[:largest]

    options = (
        f"-max_total_time={seconds}",
        f"-timeout={SECONDS_EACH}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={folder}/found-",
        "-rss_limit_mb=0",
        "-print_final_stats=1",
    )
    atheris.Setup([sys.argv[0], *options, str(grown), str(CORPUS / reader)], READERS[reader], custom_mutator=mutator)
    atheris.Fuzz()


def fuzz(reader: str, seconds: int) -> bool:
    """Whether the reader withstood it; says how many inputs it was given, and what was found."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "tests.fuzz", reader, "--seconds", str(seconds), "--child", name]
        log = folder / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
            _watch(process, reader, seconds)
        said = log.read_text(errors="replace")
        runs = re.findall(r"#(\d+)\s.*cov: (\d+) ft: (\d+) corp: (\d+)", said)
        count, edges, features, corpus = runs[-1] if runs else ("0", "0", "0", "0")
        print(f"{reader}: {count} inputs, {edges} edges, {features} features, {corpus} inputs that reach new code")
        found = sorted(folder.glob("found-*"))
        for path in found:
            kept = CORPUS / reader / path.name
            kept.write_bytes(path.read_bytes())
            print(f"{reader}: {kept}")
        if found or process.returncode:
            print(said[-6000:])
        return not found and process.returncode == 0


def _watch(process: subprocess.Popen[bytes], reader: str, seconds: int) -> None:
    began = time.monotonic()
    while process.poll() is None:
        spent = min(int(time.monotonic() - began), seconds)
        if sys.stderr.isatty():
            print(f"\r{reader}: {spent} of {seconds} s ", end="", file=sys.stderr, flush=True)
        time.sleep(0.5)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The readers that are named, or all of them, one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", choices=[*NAMES, []], metavar="READER", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=int, default=60, help="for each reader (60)")
    parser.add_argument("--replay", action="store_true", help="only run what the corpus holds")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    readers = given.readers or NAMES
    if given.child is not None:
        child(readers[0], given.seconds, given.child)
    if given.replay:
        for reader in readers:
            replay(reader)
        return 0
    return 0 if all(fuzz(reader, given.seconds) for reader in readers) else 1


if __name__ == "__main__":
    sys.exit(main())
