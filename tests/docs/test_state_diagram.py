"""The state diagram is the table: every arc of it, and no other."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from closewait_pcap.tcp.figure5 import CLOSE_WAIT, ESTABLISHED, FIGURE_5, RCV_FIN, SYN_SENT, TIME_WAIT
from closewait_pcap.tcp.state import State
from docs.generating.state_diagram import BOX_HEIGHT, BOX_WIDTH, HEIGHT, LAST_CLOSED, NOTES, PLACES, ROUTES, UNSEEN, WIDTH, draw

SVG = "{http://www.w3.org/2000/svg}"
DRAWING = ET.fromstring(draw())


def test_every_arc_of_the_table_is_drawn() -> None:
    assert len({(state, to) for (state, _), to in FIGURE_5.items()}) == len(FIGURE_5), "two arcs between the same states"
    drawn = {
        (State[arc.attrib["data-from"]], State[arc.attrib["data-to"]]) for arc in DRAWING.iter() if "data-from" in arc.attrib
    }
    assert drawn == {(state, to) for (state, _), to in FIGURE_5.items()} | {(SYN_SENT, ESTABLISHED)}


def test_an_arc_without_a_route_is_refused() -> None:
    with pytest.raises(ValueError, match="routes differ: CLOSE_WAIT to TIME_WAIT"):
        draw(FIGURE_5 | {(CLOSE_WAIT, RCV_FIN): TIME_WAIT})


def test_a_route_without_an_arc_is_refused() -> None:
    with pytest.raises(ValueError, match="routes differ: ESTABLISHED to CLOSE_WAIT"):
        draw({arc: to for arc, to in FIGURE_5.items() if arc != (ESTABLISHED, RCV_FIN)})


def test_every_state_has_its_box() -> None:
    boxes = [group.findtext(f"{SVG}text", "") for group in DRAWING.iter(f"{SVG}g") if group.attrib["class"].startswith("state")]
    assert sorted(boxes) == sorted([state.name for state in State] + ["CLOSED"])


def test_arcs_go_from_box_to_box() -> None:
    for (one, other), route in ROUTES.items():
        points = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", re.sub("[HV]", " ", route.path))]
        assert points[:2] and _touches(one, points[0], points[1]), (one, other)
        last = _corners(route.path)[-1]
        assert _touches(other, *last), (one, other, last)


def _corners(path: str) -> list[tuple[float, float]]:
    """Where a path's parts end; H and V keep the other coordinate."""
    corners = []
    x = y = 0.0
    for command, numbers in re.findall(r"([MLHVQC])([^MLHVQC]*)", path):
        values = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", numbers)]
        if command == "H":
            x = values[-1]
        elif command == "V":
            y = values[-1]
        else:
            x, y = values[-2:]
        corners.append((x, y))
    return corners


def _touches(state: State, x: float, y: float) -> bool:
    """Whether a point is on the edge of a state's box, but for a pixel."""
    places = [PLACES[state]] + [LAST_CLOSED] * (state is State.CLOSED)
    return any(abs(max(abs(x - middle) - BOX_WIDTH / 2, abs(y - centre) - BOX_HEIGHT / 2)) <= 5 for middle, centre in places)


def test_labels_are_inside_and_clear_of_boxes_and_of_each_other() -> None:
    areas = _areas()
    assert len(areas) == len(ROUTES) + len(UNSEEN) + len(NOTES)
    assert all(left >= 0 and right <= WIDTH and top >= 0 and bottom <= HEIGHT for left, top, right, bottom in areas)
    places = [*PLACES.values(), LAST_CLOSED]
    boxes = [(x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2, x + BOX_WIDTH / 2, y + BOX_HEIGHT / 2) for x, y in places]
    everything = areas + boxes
    assert [(one, other) for at, one in enumerate(areas) for other in everything[at + 1 :] if _overlap(one, other)] == []


def test_no_arc_runs_through_a_label() -> None:
    """Arcs are followed from corner to corner, in pieces."""
    for arc, route in ROUTES.items():
        for (x, y), (to_x, to_y) in pairwise(_corners(route.path)):
            for piece in range(101):
                here = x + (to_x - x) * piece / 100, y + (to_y - y) * piece / 100
                assert [area for area in _areas() if _overlap((*here, *here), area)] == [], arc


def _areas() -> list[tuple[float, float, float, float]]:
    groups = [group for group in DRAWING.iter(f"{SVG}g") if "state" not in group.attrib["class"]]
    notes = DRAWING.findall(f"{SVG}text")
    return [_area(text) for group in groups for text in group.iter(f"{SVG}text")] + [_area(note) for note in notes]


def _area(text: ET.Element) -> tuple[float, float, float, float]:
    """What a label covers; its width is estimated at seven pixels a letter, more than the font takes."""
    x, y, width = float(text.attrib["x"]), float(text.attrib["y"]), 7.0 * len(text.text or "")
    left = {"start": x, "middle": x - width / 2, "end": x - width}[text.attrib["text-anchor"]]
    return left, y - 11, left + width, y + 3


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
