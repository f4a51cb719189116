"""Make what of the documentation follows from the program: most of the reference, and the state diagram.

Run it after changing a column, a cause, an option, the JSON, the state table or a sample; ``tests/docs/test_reference.py`` fails
until it was run::

    python -m docs.generate
"""

from collections.abc import Callable
from pathlib import Path

from docs.generating import causes, columns, command, json_report, python_api, state_diagram, verdicts

DOCS = Path(__file__).parent
PAGES: dict[str, Callable[[], str]] = {
    "reference/columns.md": columns.page,
    "reference/verdicts.md": verdicts.page,
    "reference/causes.md": causes.page,
    "reference/command.md": command.page,
    "reference/python.md": python_api.page,
    "reference/report.schema.json": json_report.schema_page,
    "reference/json.md": json_report.page,
    "explanation/figure5.svg": state_diagram.draw,
}
"""Files of this folder, and what writes them."""

if __name__ == "__main__":
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
