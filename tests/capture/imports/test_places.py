"""Where logs lie, by system and by what the environment says."""

from pathlib import Path

import pytest

from mcplens.capture.imports.places import places

HOME = Path("/home/ann")


@pytest.mark.parametrize(
    ("platform", "environment", "folders"),
    [
        (
            "linux",
            {},
            [
                "/home/ann/.config/Claude/logs",
                "/home/ann/.claude/projects",
                "/home/ann/.local/state/mcpsnoop/sessions",
            ],
        ),
        (
            "darwin",
            {"MCPSNOOP_HOME": "/snoop", "CLAUDE_CONFIG_DIR": "/claude"},
            ["/home/ann/Library/Logs/Claude", "/claude/projects", "/snoop/sessions"],
        ),
        (
            "win32",
            {"APPDATA": "/roaming", "XDG_STATE_HOME": "/state"},
            ["/roaming/Claude/logs", "/home/ann/.claude/projects", "/state/mcpsnoop/sessions"],
        ),
    ],
)
def test_each_program_keeps_its_logs_in_one_place(platform, environment, folders):
    known = places(home=HOME, environment=environment, platform=platform)

    assert [one.folder.as_posix() for one in known] == folders
