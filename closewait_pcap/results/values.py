"""Columns as NumPy arrays: a missing time is `NO_TIME`, a missing number or category is -1."""

from typing import Any

import numpy as np

Values = np.ndarray[Any, Any]


class Category(np.ndarray[Any, Any]):
    """Codes with the texts they stand for; -1 is missing."""

    texts: list[str]

    def __array_finalize__(self, source: Any) -> None:
        self.texts = getattr(source, "texts", [])

    @classmethod
    def of(cls, codes: Values, texts: "list[str] | tuple[str, ...]") -> "Category":
        """Attach texts to codes."""
        category = np.asarray(codes).view(cls)
        category.texts = list(texts)
        return category


def cell(values: dict[str, Values], name: str, row: int) -> str:
    """The text of a category's cell; empty where it is missing."""
    category = values[name]
    assert isinstance(category, Category)  # as its column says
    code = int(category[row])
    return category.texts[code] if code >= 0 else ""
