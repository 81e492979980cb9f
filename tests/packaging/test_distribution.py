"""The name under which asof is installed: nothing we write may install a stranger's distribution."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from asof.ops.scaffold import CI_FILES
from asof.version import DISTRIBUTION, installed_by
from tests.ci.workflow import jenkins_scripts
from tests.golden import ROOT

REPOSITORY = ROOT.parent

INSTALLS = re.compile(
    r"""(?:\bpip3?\s+(?:install|download|wheel)|\bpipx\s+(?:install|run|inject)|\buvx\b|\buv\s+(?:add|pip\s+install"""
    r"""|tool\s+(?:install|run))|\b(?:poetry|pdm)\s+add|\bconda\s+install)(?P<words>[^\n`]*)"""
)
"""A command that installs, and the rest of its line."""

EXTRAS = re.compile(r"(?<![\w.-])asof\[[a-z_,]+\]")
REQUIREMENT = re.compile(r"(?<![\w.$-])asof\s?(?:==|~=|>=)\s?[\w[{]")


def strangers(text: str) -> list[str]:
    """The places of ``text`` that install a distribution called asof."""
    found = [one[0] for pattern in (EXTRAS, REQUIREMENT) for one in pattern.finditer(text)]
    for command in INSTALLS.finditer(text):
        words = command["words"].split("  #")[0].split()
        found += [command[0] for word in words if re.match(r"asof(?![\w-])", word.strip("'\"(),.;"))]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "pip install asof",
        "python -m pip install --quiet 'asof'",
        "pip install asof==0.1.0",
        "pip3 install 'asof[postgres]'",
        "uvx asof plan",
        "uv tool install asof",
        "uv add asof",
        "pipx run asof",
        "pipx install asof",
        "requires asof >= 1.0",
        "install `asof[azure]` first",
        "after `pip install asof`",
    ],
)
def test_a_stranger_is_seen(text: str) -> None:
    assert strangers(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install asof-compiler",
        installed_by("azure"),
        "uvx --from asof-compiler asof-lsp",
        '"$RUNNER_TEMP/asof/bin/pip" install --require-hashes --requirement "$ASOF_REQUIREMENTS"',
        "$ asof validate",
    ],
)
def test_our_own_is_no_stranger(text: str) -> None:
    assert strangers(text) == []


def test_no_text_of_the_repository_installs_a_stranger() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    mine = Path(__file__).relative_to(REPOSITORY).as_posix()
    told = {"docs/adr/0085-the-distribution-is-asof-compiler.md"}  # the page that says what was wrong
    texts = [name for name in listed if name and name != mine and name not in told]
    assert len(texts) > 500, "the repository is read"
    found = {}
    for name in texts:
        body = (REPOSITORY / name).read_bytes() if (REPOSITORY / name).is_file() else b""
        if b"asof" in body and b"\0" not in body and (wrong := strangers(body.decode("utf-8", "replace"))):
            found[name] = wrong
    assert found == {}


def test_the_build_has_the_name_that_hints_have() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["name"] == DISTRIBUTION
    assert project["scripts"] == {"asof": "asof.cli:script"}
    for extra in project["optional-dependencies"]:
        assert installed_by(extra) == f"pip install '{DISTRIBUTION}[{extra}]'"


def asof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / "cli.py"), "--no-color", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the jobs of every system."""
    top = tmp_path_factory.mktemp("checkout")
    (top / ".git").mkdir()
    for system in CI_FILES:
        made = asof(top, "-C", "features", "init", "--ci", system)
        assert made.returncode == 0, made.stderr
        assert "uv pip compile --universal --generate-hashes" in made.stdout
    return top


@pytest.mark.parametrize("system", CI_FILES)
def test_jobs_install_by_hash_and_name_no_distribution(system: str, top: Path) -> None:
    text = (top / next(iter(CI_FILES[system]))).read_text()
    installs = re.findall(r"^.*pip\"? install.*$", text, re.M)
    assert installs
    for line in installs:
        assert line.endswith(
            'install --quiet --disable-pip-version-check --require-hashes --requirement "$ASOF_REQUIREMENTS"'
        )
    assert re.search(r"ASOF_REQUIREMENTS\W+features/asof-requirements\.txt", text)
    assert (top / "features/asof-requirements.in").read_text().splitlines()[-1].startswith(f"{DISTRIBUTION}==")


def test_what_the_jobs_install_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    url = "https://packages.example.com/simple"
    assert asof(tmp_path, "init", "--ci", "gitlab", "--index", url).returncode == 0
    setting = tmp_path / "asof-requirements.in"
    assert f"--index-url {url}\n{DISTRIBUTION}==" in setting.read_text()
    setting.write_text("asof-compiler @ https://example.com/asof.whl\n")
    assert asof(tmp_path, "init", "--ci", "gitlab").returncode == 0
    assert setting.read_text() == "asof-compiler @ https://example.com/asof.whl\n", "whoever edited it decides"
    assert asof(tmp_path, "init", "--ci", "gitlab", "--index", url).returncode == 64
    assert asof(tmp_path, "init", "--ci", "gitlab", "--index", "not a url").returncode == 64
    assert asof(tmp_path, "init", "--index", url).returncode == 64


def wheel(folder: Path) -> Path:
    """A wheel of our name that holds one file."""
    folder.mkdir()
    path = folder / "asof_compiler-0.1.0-py3-none-any.whl"
    info = "asof_compiler-0.1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("as_of_marker.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: asof-compiler\nVersion: 0.1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.mark.parametrize(
    ("pin", "installed"),
    [
        ("asof-compiler==0.1.0 --hash=sha256:{digest}\n", True),
        ("asof-compiler==0.1.0 --hash=sha256:{other}\n", False),
        ("asof-compiler==0.1.0\n", False),
        (None, False),
    ],
)
def test_the_install_step_takes_what_was_pinned_and_nothing_else(
    pin: str | None, installed: bool, top: Path, tmp_path: Path
) -> None:
    ours = wheel(tmp_path / "index")
    digest = hashlib.sha256(ours.read_bytes()).hexdigest()
    if pin is not None:
        (tmp_path / "pinned.txt").write_text(pin.format(digest=digest, other="0" * 64))
    script = jenkins_scripts((top / "Jenkinsfile").read_text())["Install"][0].replace("python3 -m venv .asof-venv", "")
    assert "--require-hashes" in script
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pip").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pip "$@"\n')
    (tmp_path / "bin/pip").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(ours.parent),
        "PIP_TARGET": str(tmp_path / "site"),
        "ASOF_REQUIREMENTS": str(tmp_path / "pinned.txt"),
    }
    made = subprocess.run(["sh", "-e", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (made.returncode == 0) is installed, made.stderr
    assert (tmp_path / "site/as_of_marker.py").exists() is installed
