"""Draws RFC 9293's Figure 5 from the table that judges captures: every arc of it, and nothing that is not in it.

Places are chosen by hand, so that the figure looks like the RFC's. An arc without a route, or a route without an arc, is refused.
"""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from closewait_pcap.tcp.figure5 import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIGURE_5,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    RCV_ACK_OF_FIN,
    RCV_ACK_OF_SYN,
    RCV_FIN,
    RCV_SYN,
    SND_FIN,
    SND_SYN,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
    Event,
    step,
)
from closewait_pcap.tcp.state import State

Arc = tuple[State, State]
WIDTH, HEIGHT = 760, 850
BOX_WIDTH, BOX_HEIGHT = 132, 40
LABELS = {
    SND_SYN: "active OPEN / snd SYN",
    RCV_SYN: "rcv SYN / snd SYN,ACK",
    RCV_ACK_OF_SYN: "rcv ACK of SYN",
    SND_FIN: "CLOSE / snd FIN",
    RCV_ACK_OF_FIN: "rcv ACK of FIN",
    RCV_FIN: "rcv FIN / snd ACK",
}
"""The events as the RFC's figure labels them."""
OTHER_LABELS = {(LISTEN, SYN_SENT): "SEND / snd SYN", (SYN_SENT, ESTABLISHED): "rcv SYN,ACK / snd ACK"}
"""Arcs that the figure labels differently."""
PLACES = {
    CLOSED: (370, 30),
    LISTEN: (370, 130),
    SYN_RECEIVED: (200, 265),
    SYN_SENT: (540, 265),
    ESTABLISHED: (370, 400),
    FIN_WAIT_1: (200, 530),
    CLOSE_WAIT: (540, 530),
    FIN_WAIT_2: (110, 665),
    CLOSING: (310, 665),
    LAST_ACK: (540, 665),
    TIME_WAIT: (310, 800),
}
LAST_CLOSED = (540, 800)
"""The figure has CLOSED twice: where a connection begins, and where it ends."""


class Route(NamedTuple):
    """How an arc runs: an SVG path, and where its label stands."""

    path: str
    x: float
    y: float
    anchor: str = "start"


ROUTES: dict[Arc, Route] = {
    (CLOSED, SYN_SENT): Route("M436,30 H560 Q580,30 580,50 V245", 590, 92),
    (LISTEN, SYN_RECEIVED): Route("M335,150 L220,245", 262, 192, "end"),
    (LISTEN, SYN_SENT): Route("M405,150 L520,245", 452, 182),
    (SYN_SENT, SYN_RECEIVED): Route("M474,265 H266", 370, 256, "middle"),
    (SYN_SENT, SYN_SENT): Route("M606,256 C656,238 656,292 606,274", 652, 269),
    (SYN_RECEIVED, ESTABLISHED): Route("M220,285 L335,380", 290, 332),
    (SYN_SENT, ESTABLISHED): Route("M520,285 L405,380", 480, 337),
    (SYN_RECEIVED, FIN_WAIT_1): Route("M170,285 V510", 160, 404, "end"),
    (ESTABLISHED, FIN_WAIT_1): Route("M335,420 L220,510", 296, 470),
    (ESTABLISHED, CLOSE_WAIT): Route("M405,420 L520,510", 478, 464),
    (FIN_WAIT_1, FIN_WAIT_2): Route("M180,550 L125,645", 142, 596, "end"),
    (FIN_WAIT_1, CLOSING): Route("M220,550 L292,645", 266, 596),
    (FIN_WAIT_2, TIME_WAIT): Route("M130,685 L270,780", 178, 742, "end"),
    (CLOSING, TIME_WAIT): Route("M310,685 V780", 320, 738),
    (CLOSE_WAIT, LAST_ACK): Route("M540,550 V645", 550, 592),
    (LAST_ACK, CLOSED): Route("M540,685 V780", 550, 738),
}
UNSEEN = {
    "passive OPEN": Route("M370,50 V110", 380, 84),
    "2 MSL": Route("M376,800 H474", 425, 791, "middle"),
}
"""Arcs of the RFC's figure that are no packets: nobody sees them, and the table does not have them."""
NOTES = [
    (550, 612, "start", "the application's own close():"),
    (550, 628, "start", "no timer takes this arc"),
    (126, 703, "end", "its peer's state"),
]
"""What the figure is shown for."""
STYLE = """
.figure5 text { font: 13px system-ui, sans-serif; fill: currentColor; }
.figure5 .state text { font-weight: 600; letter-spacing: .02em; text-anchor: middle; dominant-baseline: central; }
.figure5 rect { fill: none; stroke: currentColor; stroke-width: 1.5; }
.figure5 path { fill: none; stroke: currentColor; stroke-width: 1.5; }
.figure5 .unseen path { stroke-dasharray: 5 4; opacity: .65; }
.figure5 .unseen text { font-style: italic; opacity: .75; }
.figure5 .note { fill: var(--figure5-accent, #d9480f); font-size: 12px; }
.figure5 .peer rect { stroke: var(--figure5-accent, #d9480f); stroke-width: 2.5; }
.figure5 .stuck rect { fill: #d9480f; stroke: #d9480f; }
.figure5 .stuck text { fill: #fff; }
.figure5 .way-out path { stroke: var(--figure5-accent, #d9480f); stroke-width: 2.5; }
.figure5 .way-out text { fill: var(--figure5-accent, #d9480f); font-weight: 600; }
""".strip()


def draw(figure: Mapping[tuple[State, Event], State] = FIGURE_5) -> str:
    """Draw the figure.

    Args:
        figure: the table of its arcs.

    Returns:
        SVG that takes its colours from the page around it.

    Raises:
        ValueError: an arc has no route, or a route no arc.
    """
    labels = _labels(figure)
    if labels.keys() != ROUTES.keys():
        odd = ", ".join(f"{one} to {other}" for one, other in sorted(labels.keys() ^ ROUTES.keys()))
        raise ValueError(f"the figure and its routes differ: {odd}")
    arcs = [_arc(labels[arc], route, _kind(arc), arc) for arc, route in ROUTES.items()]
    unseen = [_arc(label, route, "unseen") for label, route in UNSEEN.items()]
    notes = [f'<text class="note" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>' for x, y, anchor, text in NOTES]
    states = [_state(state, x, y) for state, (x, y) in PLACES.items()]
    parts = [
        f'<svg class="figure5" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="figure5-title figure5-text" '
        'xmlns="http://www.w3.org/2000/svg">',
        '<title id="figure5-title">The TCP connection state diagram, RFC 9293, Figure 5</title>',
        f'<desc id="figure5-text">{_in_words(labels)}</desc>',
        f"<style>{STYLE}</style>",
        '<marker id="figure5-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0,0 L10,5 L0,10 z" style="fill: context-stroke; stroke: none"/></marker>',
        *arcs, *unseen, *notes, *states, _state(CLOSED, *LAST_CLOSED), "</svg>",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _labels(figure: Mapping[tuple[State, Event], State]) -> dict[Arc, str]:
    """What stands at each arc: those of the table, and the one that `step` puts together from two of them."""
    labels = {(state, to): OTHER_LABELS.get((state, to), LABELS[event]) for (state, event), to in figure.items()}
    both = step(SYN_SENT, RCV_SYN, SND_SYN | RCV_ACK_OF_SYN)
    return labels | {(SYN_SENT, both): OTHER_LABELS[SYN_SENT, both]}


def _kind(arc: Arc) -> str:
    return "way-out" if arc == (CLOSE_WAIT, LAST_ACK) else "arc"


def _arc(label: str, route: Route, kind: str, arc: Arc | None = None) -> str:
    ends = f' data-from="{arc[0]}" data-to="{arc[1]}"' if arc else ""
    return (
        f'<g class="{kind}"{ends}><path d="{route.path}" marker-end="url(#figure5-head)"/>'
        f'<text x="{route.x}" y="{route.y}" text-anchor="{route.anchor}">{escape(label)}</text></g>'
    )


def _state(state: State, x: float, y: float) -> str:
    kind = {CLOSE_WAIT: "state stuck", FIN_WAIT_2: "state peer"}.get(state, "state")
    return (
        f'<g class="{kind}"><rect x="{x - BOX_WIDTH / 2}" y="{y - BOX_HEIGHT / 2}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" '
        f'rx="6"/><text x="{x}" y="{y}">{state}</text></g>'
    )


def _in_words(labels: Mapping[Arc, str]) -> str:
    return " ".join(f"{one} to {other}: {escape(label)}." for (one, other), label in labels.items())
