"""Pages that would load something from elsewhere are found; links to follow are not."""

from pathlib import Path

import pytest

from docs.offline import remote_loads


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example.com/x.js"></script>',
        "<img src=//example.com/x.png>",
        '<img srcset="x.png 1x, HTTP://example.com/y.png 2x">',
        '<link rel="preload stylesheet" href="https://fonts.example.com/css">',
        '<div style="background: url(https://example.com/x.png)"></div>',
        '<style>@import "https://example.com/x.css";</style>',
    ],
)
def test_what_is_loaded_from_elsewhere_is_found(tmp_path: Path, page: str) -> None:
    (tmp_path / "page.html").write_text(page)
    (found,) = remote_loads(tmp_path)
    assert found.startswith("page.html loads ")
    assert "example.com" in found


def test_style_sheets_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "x.css").write_text(
        '@font-face { src: url("//fonts.example.com/x.woff2") } a { background: url(data:image/png;base64,AA) }'
    )
    assert len(remote_loads(tmp_path)) == 1


def test_links_and_what_is_beside_the_page_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<a href="https://example.com">x</a><link rel="canonical" href="https://example.com"><script src="_static/x.js"></script>'
        '<img src="data:image/png;base64,AA"><pre>url(https://example.com)</pre>'
    )
    assert remote_loads(tmp_path) == []
