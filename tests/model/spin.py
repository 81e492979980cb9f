"""spin, which checks models exhaustively: the machine's own, or Debian's package unpacked into .engines/."""

from __future__ import annotations

import hashlib
import lzma
import platform
import shutil
import subprocess
import tarfile
import urllib.request
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "https://deb.debian.org/debian/pool/main/s/spin/spin_6.5.2+dfsg-1_amd64.deb"
SHA256 = "55452ba139bae09a165363fdee18fe496913b4ae441d122280fbcbb48556502f"
MEMORY_MEGABYTES = 6_000
DEPTH = 300_000


class NoSpin(Exception):  # noqa: N818 - says what to do
    """This machine has no spin and cannot be given one."""


def spin() -> str:
    """The path of spin. Raises NoSpin."""
    if found := shutil.which("spin"):
        return found
    unpacked = ROOT / ".engines" / "spin" / "spin"
    if not unpacked.exists():
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            raise NoSpin("install spin (Debian: apt-get install spin; macOS: brew install spin) and run this again")
        _unpack(_fetched(), unpacked)
    return str(unpacked)


def _fetched() -> bytes:
    with urllib.request.urlopen(PACKAGE, timeout=60) as answer:  # a constant https address
        body: bytes = answer.read()
    if hashlib.sha256(body).hexdigest() != SHA256:
        raise NoSpin(f"{PACKAGE} is not the package it was: install spin yourself and run this again")
    return body


def _unpack(package: bytes, to: Path) -> None:
    """A .deb is an ar archive; the program is in its data.tar.xz."""
    place = len("!<arch>\n")
    while place < len(package):
        name, size = package[place : place + 16].decode().strip(), int(package[place + 48 : place + 58])
        body = package[place + 60 : place + 60 + size]
        if name.startswith("data.tar.xz"):
            with tarfile.open(fileobj=BytesIO(lzma.decompress(body))) as archive:
                program = archive.extractfile("./usr/bin/spin")
                if program is None:
                    break
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(program.read())
                to.chmod(0o755)
                return
        place += 60 + size + size % 2
    raise NoSpin("the package holds no /usr/bin/spin")


def violation(model: Path, folder: Path, defines: tuple[str, ...]) -> str:
    """Search every state of ``model``; what is wrong, or "" where nothing is. Raises NoSpin, CalledProcessError.

    A search that was not complete is wrong too.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoSpin("spin writes C: install a C compiler (Debian: apt-get install gcc) and run this again")
    folder.mkdir(parents=True)
    text = folder / model.name
    shutil.copy(model, text)

    def run(*command: str) -> str:
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout

    run(spin(), "-a", *(f"-D{name}" for name in defines), model.name)
    run(compiler, "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MEGABYTES}", "-o", "pan", "pan.c")
    said = run("./pan", f"-m{DEPTH}")
    first = next((line for line in said.splitlines() if line.startswith("pan:1:")), "")
    if first:
        return first
    if "errors: 0" not in said or "max search depth too small" in said or "Search not completed" in said:
        return f"the search was not complete\n{said}"
    return ""
