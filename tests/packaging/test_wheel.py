"""What is installed with asof: one import name, with its schemas, templates and types."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest

from tests.golden import ROOT

REPOSITORY = ROOT.parent


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(REPOSITORY)]
    made = subprocess.run(build, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:]
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


@pytest.mark.xdist_group("wheel")
def test_the_wheel_puts_one_name_into_site_packages(names: frozenset[str]) -> None:
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"asof"}


@pytest.mark.xdist_group("wheel")
def test_the_wheel_holds_every_file_of_the_package(names: frozenset[str]) -> None:
    ignored = {"__pycache__"}
    expected = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "asof").rglob("*")
        if path.is_file() and ignored.isdisjoint(path.parts)
    }
    assert names >= expected
    pages = {f"asof/diagnostics/{path.name}" for path in (REPOSITORY / "docs" / "diagnostics").iterdir()}
    assert {name for name in names - expected if ".dist-info/" not in name} == pages
    for needed in ("asof/py.typed", "asof/schema/v1/feature_view.schema.json", "asof/templates/init/asof.yaml.j2"):
        assert needed in names


@pytest.mark.xdist_group("wheel")
def test_the_wheel_brings_the_page_of_every_code(names: frozenset[str]) -> None:
    pages = {f"asof/diagnostics/{path.name}" for path in (REPOSITORY / "docs" / "diagnostics").glob("*.md")}
    assert pages
    assert names >= pages
