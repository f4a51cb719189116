"""The reference's page of the Python names: which there are; Sphinx takes what they do from their docstrings."""

import inspect

import closewait_pcap
from closewait_pcap import plots

_SECTIONS = {
    "Functions": "autofunction",
    "Analyses": "autoclass",
    "States and verdicts": "autoclass",
    "Errors and warnings": "autoexception",
}


def page() -> str:
    """Write a directive for each public name, by kind."""
    parts = [
        "# Python",
        "Made by `docs/generate.py` from the names in `closewait_pcap.__all__`; what they do is their docstrings'. What the "
        "DataFrames hold is on the page of [columns](columns.md).",
    ]
    for section, directive in _SECTIONS.items():
        names = [name for name in closewait_pcap.__all__ if _section(getattr(closewait_pcap, name)) == section]
        parts.append(f"## {section}")
        if section == "Errors and warnings":
            parts.append(_directive("automodule", "errors"))  # the tree of them all
        parts += [_directive(directive, name) for name in names]
        if section == "Analyses":
            parts += ["## Plots", _directive("automodule", "plots")]
            parts += [_directive("autofunction", f"plots.{name}") for name in plots.__all__]
    return "\n\n".join(parts) + "\n"


def _section(thing: object) -> str | None:
    if inspect.isfunction(thing):
        return "Functions"
    if not inspect.isclass(thing):
        return None
    if issubclass(thing, Exception):
        return "Errors and warnings"
    return "States and verdicts" if hasattr(thing, "__members__") else "Analyses"


def _directive(directive: str, name: str) -> str:
    members = "   :members:\n" if directive == "autoclass" else ""
    return f"```{{eval-rst}}\n.. {directive}:: closewait_pcap.{name}\n{members}```"
