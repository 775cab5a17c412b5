"""What is new against a git ref, in real repositories."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sluicegate.errors import UsageError
from sluicegate.lint.since import changed_since

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
LONG = "".join(f"-- line {number}\n" for number in range(30))


class Repository:
    """A repository with two committed files on ``main``, standing on a branch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main")
        for name in ("1.sql", "2.sql", "größe.sql"):
            self.write(name, LONG + f"-- {name}\n")
        self.commit("first")
        self.git("checkout", "-q", "-b", "branch")

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def since(self, ref: str, below: str = ".") -> set[str]:
        found = changed_since(ref, self.folder / below)
        return {path.relative_to(self.folder.resolve()).as_posix() for path in found}


@pytest.fixture
def repository(tmp_path) -> Repository:
    return Repository(tmp_path)


def test_nothing_is_new_on_a_fresh_branch(repository):
    assert repository.since("main") == set()


def test_added_changed_uncommitted_and_untracked_files_are_new(repository):
    repository.write("sub dir/3.sql", "SELECT 3;")
    repository.write("größe.sql", LONG + "SELECT 1;")
    repository.commit("more")
    repository.write("1.sql", "SELECT 1;")
    repository.write("4.sql", "SELECT 4;")
    assert repository.since("main") == {"sub dir/3.sql", "größe.sql", "1.sql", "4.sql"}


def test_it_may_be_asked_from_a_folder_below(repository):
    repository.write("below/3.sql", "SELECT 3;")
    assert repository.since("main", "below") == {"below/3.sql"}


def test_a_new_name_alone_is_nothing_new_and_an_edit_with_it_is(repository):
    repository.git("mv", "1.sql", "first.sql")
    repository.git("mv", "2.sql", "second.sql")
    repository.write("second.sql", LONG + "-- 2.sql\nDROP TABLE t;\n")
    repository.commit("renamed")
    assert repository.since("main") == {"second.sql"}


def test_deleted_files_and_ignored_files_are_nothing_to_judge(repository):
    repository.git("rm", "-q", "1.sql")
    repository.write(".gitignore", "build\n")
    repository.write("build/x.sql", "SELECT 1;")
    assert repository.since("main") == {".gitignore"}


def test_what_the_other_branch_got_meanwhile_is_not_ours(repository):
    repository.write("ours.sql", "SELECT 1;")
    repository.commit("ours")
    repository.git("checkout", "-q", "main")
    repository.write("theirs.sql", "SELECT 2;")
    repository.commit("theirs")
    repository.git("checkout", "-q", "branch")
    assert repository.since("main") == {"ours.sql"}


@pytest.mark.parametrize(
    ("ref", "message"), [("nowhere", "--since nowhere: git knows no nowhere"), ("--output=x", "names no branch")]
)
def test_an_unknown_ref_is_refused(repository, ref, message):
    with pytest.raises(UsageError, match=message):
        repository.since(ref)


def test_no_common_ancestor_is_explained_by_a_shallow_checkout(repository):
    repository.git("checkout", "-q", "--orphan", "other")
    repository.commit("alone")
    with pytest.raises(UsageError, match="no common ancestor of main") as error:
        repository.since("main")
    assert "fetch-depth: 0" in error.value.hint


def test_outside_of_a_checkout_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match="is in no git checkout"):
        changed_since("main", tmp_path)
