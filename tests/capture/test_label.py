import subprocess

import pytest

from mcplens.capture.label import default_label


@pytest.fixture
def git(tmp_path):
    def run(*args, cwd=tmp_path):
        done = subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *args],
            cwd=cwd,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    return run


def test_a_checkout_is_named_by_branch_and_commit(git, tmp_path):
    git("init", "-q", "-b", "feature/one")
    git("commit", "-q", "--allow-empty", "-m", "first")
    folder = tmp_path / "deep" / "inside"
    folder.mkdir(parents=True)

    label = default_label(folder)

    assert label == "feature/one@" + git("rev-parse", "--short=7", "HEAD")


def test_packed_names_are_found(git, tmp_path):
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "first")
    git("pack-refs", "--all")

    label = default_label(tmp_path)

    assert label == "main@" + git("rev-parse", "--short=7", "HEAD")


def test_a_worktree_has_its_own_branch(git, tmp_path):
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "first")
    git("worktree", "add", "-q", "-b", "side", "tree")
    git("commit", "-q", "--allow-empty", "-m", "second", cwd=tmp_path / "tree")

    label = default_label(tmp_path / "tree")

    assert label == "side@" + git("rev-parse", "--short=7", "HEAD", cwd=tmp_path / "tree")


def test_a_detached_head_is_named_by_its_commit(git, tmp_path):
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "first")
    git("checkout", "-q", "--detach")

    label = default_label(tmp_path)

    assert label == "HEAD@" + git("rev-parse", "--short=7", "HEAD")


def test_a_branch_without_commits_is_named_alone(git, tmp_path):
    git("init", "-q", "-b", "fresh")

    assert default_label(tmp_path) == "fresh"


def test_outside_of_a_checkout_there_is_no_label(tmp_path):
    assert default_label(tmp_path) is None


@pytest.mark.parametrize("head", [b"", b"\xff\xfe", b"ref: refs/heads/.invalid"])
def test_a_checkout_that_cannot_be_read_has_no_label(tmp_path, head):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_bytes(head)

    assert default_label(tmp_path) is None
