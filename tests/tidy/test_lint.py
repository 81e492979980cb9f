"""The linter: what is worth a look, what is accepted with a reason, and fixes that touch nothing else."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from asof.cli import ExitCode, main
from asof.compiler.check import lint
from asof.compiler.diagnostics import correction
from tests.explore.world import PROJECT, SHOP, repo

if TYPE_CHECKING:
    from pathlib import Path

SHOPPING = (
    SHOP.replace("- {view: spending, features: [{name: spent_7d, as: spent}, orders_7d]}", "- spending\n  - beyond")
    .replace("source: cleaned\n", "source: cleaned\nttl: 3d\n")
    .replace("channel = 'x' AS left", "country = 'DE' AS left, 1.5 AS basket")
)


def run(capsys: pytest.CaptureFixture[str], place: Path, *arguments: str) -> dict[str, Any]:
    code = main([*arguments, "-C", str(place), "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == code
    return found


def place(tmp_path: Path, definitions: str) -> Path:
    (tmp_path / "asof.yaml").write_text(PROJECT)
    (tmp_path / "features.yaml").write_text(definitions)
    return tmp_path


def found(definitions: str) -> list[tuple[str, str]]:
    return [(d.code, d.address) for d in lint(repo(definitions)).found if d.code.startswith("AS33")]


def test_a_tidy_repo_has_nothing() -> None:
    assert found(SHOPPING) == []


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ("schema: [{name: channel, type: string}]", [("AS332", "feature_view/z")]),
        ("schema: [{name: country, type: string}]", []),
        ("ttl: 3d\nschema: [{name: channel, type: string}]", []),
        ("aggregations: [{function: count, name: mine, windows: [7d]}]", [("AS332", "feature_view/z")]),
        ("aggregations: [{function: count, name: mine, windows: [8d]}]", []),
        ("aggregations: [{function: count, name: mine, where: country = 'DE', windows: [7d]}]", []),
        (
            "aggregations: [{function: sum, column: amount, name: mine, where: \"(country)='NL'\", windows: [7d]}]",
            [("AS332", "feature_view/z")],
        ),
    ],
)
def test_a_feature_that_exists_already_is_named(more: str, wanted: list[tuple[str, str]]) -> None:
    view = f"---\nkind: FeatureView\nname: z\nentities: [customer]\nsource: orders\n{more}\n"
    service = "---\nkind: FeatureService\nname: other\nfeatures: [z]\n"
    assert found(SHOPPING + view + service) == wanted


def test_two_queries_over_the_same_rows_are_compared_by_expression() -> None:
    query = "WITH big AS (SELECT customer, paid_at, amount * 2 AS doubled, country FROM orders WHERE amount > 0) "
    view = "---\nkind: FeatureView\nname: z\nentities: [customer]\ntimestamp_field: t\n"
    same = f"query: {query}SELECT customer, paid_at AS t, big.doubled AS twice FROM big WHERE (country) <> 'XX'\n"
    service = "---\nkind: FeatureService\nname: other\nfeatures: [z]\n"
    schema = "schema: [{name: twice, type: float64}]\n"
    assert found(
        SHOPPING + view + same.replace("big.doubled", "doubled").replace("(country)", "country") + schema + service
    ) == [("AS332", "feature_view/z")]
    other = same.replace("'XX'", "'YY'")
    assert found(SHOPPING + view + other + schema + service) == []


def test_what_no_service_needs_is_named() -> None:
    assert found(SHOPPING.replace("\n  - beyond", "")) == [("AS333", "feature_view/beyond")]
    assert found(SHOPPING + "---\nkind: Entity\nname: shop\njoin_keys: [{name: shop, type: string}]\n") == [
        ("AS333", "entity/shop")
    ]


def test_an_unused_suppression_is_a_warning_and_a_used_one_is_shown_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted = SHOPPING.replace("\n  - beyond", "").replace(
        "name: beyond\n", "name: beyond\nallow: {AS333: the model comes next week, AS332: none}\n"
    )
    made = run(capsys, place(tmp_path, accepted), "lint")
    assert [(d["code"], d["address"]) for d in made["diagnostics"] if d["level"] == "warning"] == [
        ("AS331", "feature_view/beyond")
    ]
    (kept,) = made["accepted"]
    assert (kept["code"], kept["reason"]) == ("AS333", "the model comes next week")
    fixed = run(capsys, tmp_path, "lint", "--fix")
    assert [f["code"] for f in fixed["fixed"]] == ["AS331"]
    assert "allow: {AS333: the model comes next week}\n" in (tmp_path / "features.yaml").read_text()


def test_errors_cannot_be_accepted_nor_go_without_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for allow, code in (("{AS302: why}", "AS322"), ('{AS333: ""}', "AS209"), ("{AS999: x}", "AS322")):
        broken = SHOPPING.replace("name: beyond\n", f"name: beyond\nallow: {allow}\n")
        made = run(capsys, place(tmp_path, broken), "lint")
        assert made["status"] == "invalid"
        assert code in [d["code"] for d in made["diagnostics"]]


def test_a_doubtful_text_is_accepted_like_any_other_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SHOPPING.replace("owner: crm", "owner: yes")
    made = run(capsys, place(tmp_path, text), "validate")
    assert [d["code"] for d in made["diagnostics"]] == ["AS111"]
    made = run(
        capsys, place(tmp_path, text.replace("owner: yes", "owner: yes\nallow: {AS111: it is Mr Yes}")), "validate"
    )
    assert made["diagnostics"] == []


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ("kind: Entity\nname: customer", "kind: Entitty\nname: customer", ["AS203"]),
        ("owner: crm  # us", "ownr: crm  # us", ["AS204"]),
        ("function: count,", "function: cuont,", ["AS207"]),
        ("source: orders\nschema", "source: ordres\nschema", ["AS302"]),
        ("features: [ratio2]", "features: [ratio2]", []),
        ("- further\n", "- furhter\n", ["AS302"]),
        ("- ratio:share\n", "- ratio:sahre\n", ["AS302"]),
        ("column: amount, name: spent", "column: amonut, name: spent", ["AS304"]),
        ("FROM orders WHERE country = 'NL'", "FROM odrers WHERE country = 'NL'", ["AS402"]),
        ("doubled FROM big", "doubeld FROM big", ["AS403"]),
        ("labels: [left]", "labels: [left]", []),
        ('owner: "yes"', "owner: yes", ["AS111"]),
        ("online: false", "online: no", ["AS206"]),
    ],
)
def test_a_slip_of_the_pen_is_mended_and_nothing_else(
    before: str, after: str, codes: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SHOPPING.replace("owner: crm", "owner: crm  # us", 1).replace("  - ratio\n", "  - ratio:share\n")
    text = text.replace("name: further\nowner: risk", 'name: further\nowner: "yes"\nonline: false')
    good = text if before in text else SHOPPING
    broken = good.replace(before, after, 1)
    made = run(capsys, place(tmp_path, broken), "lint", "--diff")
    assert (tmp_path / "features.yaml").read_text() == broken
    assert bool(made["diff"]) is bool(codes)
    made = run(capsys, tmp_path, "lint", "--fix")
    assert [f["code"] for f in made["fixed"]] == codes
    assert (tmp_path / "features.yaml").read_text() == good


def test_defaults_go_and_comments_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SHOPPING.replace("name: cleaned\n", "name: cleaned\n# about it\nonline: true  # of course\n").replace(
        "name: churn\n", "name: churn\nfull_feature_names: false\n"
    )
    made = run(capsys, place(tmp_path, text), "lint", "--fix")
    assert [f["code"] for f in made["fixed"]] == ["AS330", "AS330"]
    left = text.replace("online: true  # of course\n", "").replace("full_feature_names: false\n", "")
    assert (tmp_path / "features.yaml").read_text() == left


def test_a_shared_anchor_is_not_edited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SHOPPING.replace(
        "- {function: sum, column: amount, name: spent, where: country = 'NL', windows: [7d]}",
        "- {function: sum, column: amount, name: spent, where: country = 'NL', bounds: '[)', windows: &w [7d]}",
    ).replace("- {function: count, name: orders, windows: [7d]}", "- {function: count, name: orders, windows: *w}")
    made = run(capsys, place(tmp_path, text), "lint", "--fix")
    assert made["fixed"] == []
    assert "AS330" in [d["code"] for d in made["diagnostics"]]


@pytest.mark.parametrize(
    ("word", "known", "wanted"),
    [
        ("ownr", ["owner", "name"], ("owner", True)),
        ("onwer", ["owner", "name"], ("owner", True)),
        ("spent_7d", ["spent_1d"], ("spent_1d", False)),
        ("orders", ["order", "border"], ("order", False)),
        ("abc", ["abd", "abe"], ("abe", False)),
        ("xyz", ["owner"], ("", False)),
        ("descrption", ["description"], ("description", True)),
        ("tag", ["tags", "stage"], ("tags", True)),
    ],
)
def test_safe_is_a_slip_with_one_reading(word: str, known: list[str], wanted: tuple[str, bool]) -> None:
    guess, safe = correction(word, known)
    assert safe is wanted[1]
    assert guess == wanted[0] or not safe


def test_strict_makes_warnings_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = place(tmp_path, SHOPPING.replace("\n  - beyond", ""))
    assert run(capsys, where, "lint")["exit_code"] == ExitCode.OK
    assert run(capsys, where, "lint", "--strict")["exit_code"] == ExitCode.INVALID


def test_fmt_checks_shows_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    untidy = SHOPPING.replace("kind: Entity\nname: customer\n", "name:  customer # us\nkind: 'Entity'\n")
    where = place(tmp_path, untidy)
    assert run(capsys, where, "fmt", "--check")["exit_code"] == ExitCode.UNFORMATTED
    assert "+kind: Entity" in run(capsys, where, "fmt", "--diff")["diff"]["features.yaml"]
    assert (tmp_path / "features.yaml").read_text() == untidy
    assert run(capsys, where, "fmt")["changed"] == ["features.yaml"]
    assert (tmp_path / "features.yaml").read_text().startswith("kind: Entity\nname: customer  # us\n")
    assert run(capsys, where, "fmt", "--check") | {"files": 2} == {
        "exit_code": 0,
        "status": "ok",
        "files": 2,
        "changed": [],
        "diagnostics": [],
    }


def test_fmt_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO("name: é\nkind:   Entity\n".encode()), encoding="utf-8")
    )
    assert main(["fmt", "-"]) == ExitCode.OK
    assert capsysbinary.readouterr().out.decode() == "kind: Entity\nname: é\n"


def test_fmt_says_which_file_cannot_be_read_and_formats_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = place(tmp_path, "name:   x\nkind: Entity\n")
    (tmp_path / "broken.yaml").write_text("kind: [\n")
    made = run(capsys, where, "fmt")
    assert made["exit_code"] == ExitCode.INVALID
    assert made["changed"] == ["features.yaml"]
    assert (tmp_path / "broken.yaml").read_text() == "kind: [\n"
