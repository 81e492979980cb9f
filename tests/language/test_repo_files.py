"""Which files belong to a repo."""

from asof.ops.repo_files import read_repo
from asof.views.frames import render, to_json


def repo(tmp_path, **files):
    (tmp_path / "asof.yaml").write_text("version: 1\n")
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def paths(root):
    files, _ = read_repo(root)
    assert files is not None
    return sorted(files.texts)


def test_build_and_dot_folders_are_skipped(tmp_path):
    root = repo(tmp_path, a_yaml="", build__b_yaml="", views__c_yaml="")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "d.yaml").write_text("")
    assert paths(root) == ["a.yaml", "asof.yaml", "views/c.yaml"]


def test_asofignore_reads_like_gitignore(tmp_path):
    root = repo(tmp_path, drafts__a_yaml="", deep__drafts__b_yaml="", deep__keep_yaml="", x_yaml="")
    (root / ".asofignore").write_text("# drafts are not ours\ndrafts/\n/x.yaml\n")
    assert paths(root) == ["asof.yaml", "deep/keep.yaml"]


def test_a_link_out_of_the_repo_is_refused(tmp_path):
    outside = tmp_path / "outside.yaml"
    outside.write_text("kind: Entity\n")
    root = tmp_path / "repo"
    root.mkdir()
    repo(root).joinpath("link.yaml").symlink_to(outside)
    files, found = read_repo(root)
    assert [d.code for d in found] == ["AS114"]
    assert files is not None
    assert "link.yaml" not in files.texts


def test_paths_that_differ_in_case_only_are_reported(tmp_path):
    _, found = read_repo(repo(tmp_path, a_yaml="", A_yaml=""))
    assert [d.code for d in found] == ["AS116"]


def test_without_asof_yaml_there_is_no_repo(tmp_path):
    files, found = read_repo(tmp_path)
    assert files is None
    assert [d.code for d in found] == ["AS118"]
    assert to_json(found[0])["level"] == "error"
    assert "asof init" in render(found, {})
