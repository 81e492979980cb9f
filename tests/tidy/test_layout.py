"""The formatter: the meaning and every comment stay, twice is once, and the result is what a person would write."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from asof.compiler.layout import comments, formatted
from asof.compiler.yaml_reader import read
from tests.golden import ROOT, check_golden
from tests.tidy.generated import files

REPOSITORY = ROOT.parent
DEFINITIONS = sorted(
    path
    for pattern in ("repos/**/*.yaml", "tests/language/planted/**/*.yaml", "asof/templates/init/features.yaml.j2")
    for path in REPOSITORY.glob(pattern)
    if not {"build", ".asof"} & set(path.parts)
)
CASES = Path(__file__).parent / "golden"


def meaning(text: str) -> list[object]:
    reading = read("x.yaml", text.encode())
    assert not reading.diagnostics
    return [document.value for document in reading.documents if document.value is not None]


@pytest.mark.parametrize("path", DEFINITIONS, ids=[str(p.relative_to(REPOSITORY)) for p in DEFINITIONS])
def test_files_of_this_project_keep_their_meaning_and_comments(path: Path) -> None:
    data, project = path.read_bytes(), path.name == "asof.yaml"
    made = formatted(path.name, data, project=project)
    if made.diagnostics:  # planted errors: a file that cannot be read is left alone
        assert read(path.name, data).diagnostics
        assert made.after == made.before
        return
    assert meaning(made.after) == meaning(made.before)
    assert sorted(comments(made.after)) == sorted(comments(made.before))
    assert formatted(path.name, made.after.encode(), project=project).after == made.after


@pytest.mark.parametrize("path", [p for p in DEFINITIONS if "planted" not in p.parts], ids=str)
def test_files_that_people_copy_are_formatted(path: Path) -> None:
    made = formatted(path.name, path.read_bytes(), project=path.name == "asof.yaml")
    assert made.after == made.before, "run `asof fmt`"


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking a whole file takes minutes
)
@given(files())
def test_whatever_is_written_keeps_its_meaning_and_its_comments(text: str) -> None:
    reading = read("x.yaml", text.encode())
    made = formatted("x.yaml", text.encode())
    if reading.diagnostics:
        assert made.after == made.before
        return
    assert [d.message for d in made.diagnostics] == []
    assert meaning(made.after) == meaning(text)
    assert sorted(comments(made.after)) == sorted(comments(text))
    again = formatted("x.yaml", made.after.encode())
    assert again.after == made.after


@pytest.mark.golden
@pytest.mark.parametrize("name", sorted(p.name.removesuffix(".in.yaml") for p in CASES.glob("*.in.yaml")))
def test_the_layout(name: str) -> None:
    made = formatted(f"{name}.yaml", (CASES / f"{name}.in.yaml").read_bytes(), project=name.startswith("project"))
    assert not made.diagnostics
    check_golden(CASES / f"{name}.out.yaml", made.after)


def test_windows_line_ends_stay() -> None:
    made = formatted("x.yaml", b"name:   x # c\r\nkind: Entity\r\n")
    assert made.after.splitlines(keepends=True)[0] == "kind: Entity\r\n"
    assert "\r\n" in made.after
    assert "\n" not in made.after.replace("\r\n", "")


@pytest.mark.parametrize("text", ["%YAML 1.2\n---\nname: x\n", "? [a]\n: b\n", "name: [\n", "&a name: x\n*a : y\n"])
def test_what_has_no_layout_is_left_alone(text: str) -> None:
    made = formatted("x.yaml", text.encode())
    assert made.after == made.before
    assert made.diagnostics


def test_an_anchor_stays_before_its_alias() -> None:
    text = "schema: &columns\n  - {name: a, type: int64}\nentities: [b]\nkind: FeatureView\nname: *columns\n"
    made = formatted("x.yaml", text.encode())
    assert meaning(made.after) == meaning(text)
    assert made.after.index("&columns") < made.after.index("*columns")
