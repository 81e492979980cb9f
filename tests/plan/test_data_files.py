"""A plan says which files of sources are not there, each time anew, and only for paths of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asof.cli import ExitCode, main

if TYPE_CHECKING:
    from pathlib import Path


class Shop:
    """The shop of `asof init`, with other lines for the path of its source."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys
        main(["init", str(root)])
        self.text = (root / "features.yaml").read_text(encoding="utf-8")

    def plan(self, written: str = "path: data/orders.csv") -> str:
        """What a plan says beside itself."""
        text = self.text.replace("path: data/orders.csv", written)
        (self.root / "features.yaml").write_text(text, encoding="utf-8")
        self.capsys.readouterr()
        assert main(["-C", str(self.root), "plan"]) == ExitCode.OK
        return self.capsys.readouterr().err


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, capsys)


def test_a_file_that_is_not_there_is_a_warning_where_its_path_stands(shop: Shop) -> None:
    assert "AS517" not in shop.plan()
    for _ in range(2):  # the second plan is a kept one
        said = shop.plan("path: data/oders.csv")
        assert "warning[AS517]: nothing is there: data/oders.csv" in said
        assert "13 | path: data/oders.csv\n   |       ^^^^^^^^^^^^^^" in said
    (shop.root / "data/oders.csv").write_text("x")
    assert "AS517" not in shop.plan("path: data/oders.csv")
    (shop.root / "data/oders.csv").unlink()
    assert "AS517" in shop.plan("path: data/oders.csv")
    (shop.root / "data/orders.csv").unlink()
    assert "13 | path: data/orders.csv\n   |       ^^^^^^^^^^^^^^^" in shop.plan()


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("path: data/*.csv", 0),
        ("path: data/**/*.csv", 0),
        ("path: data/*.parquet", 1),
        ("path: /nowhere/orders.parquet", 1),
        ("path: s3://lake/orders/*.parquet", 0),
        ("allow: {AS517: it comes on Monday}\npath: data/oders.csv", 0),
        ("table: orders", 0),
        ("path: data/orders.csv\ntargets: {local: {path: data/others.csv}}", 1),
        ("path: data/others.csv\ntargets: {local: {path: data/orders.csv}}", 0),
    ],
)
def test_only_what_this_machine_can_tell_is_looked_up(shop: Shop, written: str, count: int) -> None:
    said = shop.plan(written)
    assert said.count("AS517") == count, said
    assert "AS322" not in said
