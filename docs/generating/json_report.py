"""The reference's page of the JSON report: its schema, and an example that is what the command prints."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from closewait_pcap.reports.schema import schema

ROOT = Path(__file__).parents[2]


def schema_page() -> str:
    """Write the JSON Schema of the report."""
    return json.dumps(schema(), indent=1) + "\n"


def page() -> str:
    """Run the page's command again and put what it prints below it."""
    old = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
    block = re.search(r"```sh\n(analyze .*)\n```\n\n```json\n(.*?)```", old, re.DOTALL)
    assert block is not None, "json.md has no command with an example below it"
    words = [sys.executable, "-m", "closewait_pcap", *shlex.split(block[1])[1:]]
    run = subprocess.run(words, cwd=ROOT, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True, check=True)
    return old[: block.start(2)] + run.stdout + old[block.end(2) :]
