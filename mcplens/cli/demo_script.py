"""What the demo's agent does: a small git project of its own, and three pieces of work on it.

Among the calls that succeed there is one of every kind that does not, as they come up in real
work: a tool that is guessed, arguments that are wrong, a branch that is not there, a call that
takes too long and is tried again, a call that is no longer wanted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcplens.errors import UsageError

if TYPE_CHECKING:
    from mcplens.probe.agent import Agent

ZONES: Final = ("Europe/Paris", "Asia/Tokyo", "America/New_York", "Africa/Nairobi")
EDITS_PER_SESSION: Final = 8

# Git starts this for every changed file it shows: the one slow thing in an otherwise fast server.
SLOW_DIFF: Final = """#!/bin/sh
case "$1" in
    *.lock) sleep 0.9 ;;
    *) sleep 0.12 ;;
esac
echo "changed: $1"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The git repository that the agent works on."""

    path: Path

    def git(self, *args: str) -> None:
        """Run git in the project, away from the settings of whoever runs the demo."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        try:
            subprocess.run(
                ["git", *args],  # noqa: S607  the user's git is the one to use
                cwd=self.path,
                env={**environment, **GIT_ENVIRONMENT},
                check=True,
                capture_output=True,
            )
        except subprocess.CalledProcessError as error:
            reason = error.stderr.decode(errors="replace").strip()
            raise UsageError(f"git {args[0]} failed in {self.path}: {reason}") from error

    def write(self, name: str, text: str) -> None:
        """Change one file of the project."""
        (self.path / name).write_text(text, encoding="utf-8")


GIT_ENVIRONMENT: Final = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def make_project(path: Path) -> Project:
    """Make the repository anew, with one commit and a slow way to show differences."""
    if shutil.which("git") is None:
        raise UsageError("the demo works on a git repository, and git is not installed")
    if path.exists():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    project = Project(path=path)
    project.git("init", "--quiet")
    project.git("symbolic-ref", "HEAD", "refs/heads/main")
    slow_diff = path / ".git" / "slow-diff"
    slow_diff.write_text(SLOW_DIFF, encoding="utf-8")
    slow_diff.chmod(0o755)
    settings = {
        "user.name": "Demo",
        "user.email": "demo@example.invalid",
        "diff.external": str(slow_diff),
    }
    for name, value in settings.items():
        project.git("config", name, value)
    project.write("notes.md", "# Notes\n")
    project.git("add", ".")
    project.git("commit", "--quiet", "--message", "Begin")
    return project


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sitting of the agent."""

    title: str
    play: Callable[[Agent, Project], Awaitable[None]]


async def write_notes(agent: Agent, project: Project) -> None:
    """Edit, look, commit: all goes well but for two guesses."""
    repo = str(project.path)
    await agent.call("time", "get_current_time", timezone="UTC")
    await agent.call("git", "git_show", repo_path=repo, revision="v1.0")  # There is no such tag,
    await agent.call("git", "git_push", repo_path=repo)  # and no such tool.
    for n in range(EDITS_PER_SESSION):
        await _edit(agent, project, f"note-{n}.md")
        await agent.call("time", "get_current_time", timezone=ZONES[n % len(ZONES)])


async def ship_a_feature(agent: Agent, project: Project) -> None:
    """Go wrong, and put it right."""
    repo = str(project.path)
    await agent.call("git", "git_checkout", repo_path=repo, branch_name="feature")  # Not there yet.
    await agent.call("git", "git_create_branch", repo_path=repo, branch_name="feature")
    await agent.call("git", "git_checkout", repo_path=repo, branch_name="feature")
    await agent.call("git", "git_log", repo_path=repo, max_count="a few")
    await agent.call("git", "git_log", repo_path=repo, max_count=5)
    await _convert(agent, "25:99", "Asia/Tokyo")
    for n in range(EDITS_PER_SESSION):
        await _edit(agent, project, f"feature-{n}.py")
        await _convert(agent, f"{9 + n:02}:30", ZONES[n % len(ZONES)])
    project.write("packages.lock", "one = 1\n")
    await agent.call("git", "git_add", repo_path=repo, files=["packages.lock"])
    await agent.call("git", "git_commit", repo_path=repo, message="Pin packages")
    project.write("packages.lock", "one = 2\n")
    if not await agent.call("git", "git_diff_unstaged", patience_s=0.3, repo_path=repo):
        await agent.call("git", "git_diff_unstaged", patience_s=10, repo_path=repo)
    await agent.call("git", "git_add", repo_path=repo, files=["packages.lock"])
    await agent.call("git", "git_commit", repo_path=repo, message="Pin newer packages")


async def stop_half_way(agent: Agent, project: Project) -> None:
    """Change one's mind, lose patience, and give up without an answer."""
    repo = str(project.path)
    await agent.call("time", "get_current_time", timezone="Mars/Olympus_Mons")
    await agent.call("time", "get_current_time", timezone="UTC")
    for n in range(EDITS_PER_SESSION):
        await _edit(agent, project, f"fix-{n}.py")
    project.write("packages.lock", "one = 3\n")
    await agent.call("git", "git_diff_unstaged", cancel_after_s=0.2, repo_path=repo)
    await agent.call("git", "git_diff_unstaged", patience_s=0.4, repo_path=repo)
    await agent.call("git", "git_diff_unstaged", patience_s=0.4, repo_path=repo)


SESSIONS: Final = (
    Session(title="An agent writes notes", play=write_notes),
    Session(title="It ships a feature", play=ship_a_feature),
    Session(title="It stops half way", play=stop_half_way),
)


async def _convert(agent: Agent, time: str, zone: str) -> None:
    await agent.call("time", "convert_time", source_timezone="UTC", time=time, target_timezone=zone)


async def _edit(agent: Agent, project: Project, name: str) -> None:
    repo = str(project.path)
    project.write(name, f"{name}\n")
    project.write("notes.md", f"# Notes\n\nSee {name}.\n")
    await agent.call("git", "git_status", repo_path=repo)
    await agent.call("git", "git_diff_unstaged", repo_path=repo)
    await agent.call("git", "git_add", repo_path=repo, files=[name, "notes.md"])
    await agent.call("git", "git_commit", repo_path=repo, message=f"Write {name}")
    await agent.call("git", "git_log", repo_path=repo, max_count=5)


def server_commands(repository: Path) -> dict[str, list[str]]:
    """Find the servers beside this Python, whatever PATH says."""
    return {
        "time": [_beside("mcp-server-time"), "--local-timezone", "UTC"],
        "git": [_beside("mcp-server-git"), "--repository", str(repository)],
    }


def _beside(name: str) -> str:
    # Not sys.executable's resolved path: in a virtual environment that is a link to elsewhere.
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise UsageError(
            f"the demo drives {name}, which is not installed. Type: pip install 'mcplens[demo]'"
        )
    return found
