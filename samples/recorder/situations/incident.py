"""An incident as one meets it: healthy traffic, a new version, and a leak that grows."""

import heapq
import time
from collections.abc import Iterable, Iterator

from ..network import wire
from ..program import Listener, Program
from ..situation import situation
from ..stage import Stage

PART = 15.0  # seconds; three parts end before the first TIME-WAIT does (60 s)
PACE, POLL = 0.22, 3.0  # seconds between two visits of the shop, and between two looks at its metrics
PATIENCE = 0.4  # seconds until a visitor leaves who gets no reply
THINKS = (0.008, 0.015, 0.030, 0.012, 0.045)  # seconds until the reply
STAYS = (0.02, 0.11, 0.05, 0.26, 0.08, 0.17, 0.03)  # until the visitor closes
DAWDLES = (0.001, 0.003, 0.002, 0.010, 0.004, 0.020, 0.001, 0.006, 0.002, 0.050, 0.003)  # until the shop closes, too
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Course = Iterator[float]
"""Something that takes its time: it yields how many seconds to wait before it goes on."""


@situation(wire)
def leak_after_deploy(stage: Stage) -> None:
    """A shop's second version never answers /report, and forgets whoever gives up; first few ask for that, then many."""
    browser = stage.program(stage.client, "browser")
    metrics = stage.program(stage.server, "metrics").listen(stage.server.address, 9090)
    old = stage.program(stage.server, "shop-v1")
    shop = old.listen(stage.server.address, 8080)
    _traffic(stage, browser, (shop, metrics), part=0, reports=6, hangs=False)
    old.quit()
    shop = stage.program(stage.server, "shop-v2").listen(stage.server.address, 8080)
    stage.tables("deployed")
    _traffic(stage, browser, (shop, metrics), part=1, reports=6, hangs=True)
    stage.tables("leaking")
    _traffic(stage, browser, (shop, metrics), part=2, reports=3, hangs=True)
    stage.let_pass(1.5)


def _traffic(
    stage: Stage, browser: Program, services: tuple[Listener, Listener], *, part: int, reports: int, hangs: bool
) -> None:
    """Play one part: every so many visitors ask for a report, and there may hang."""
    shop, metrics = services
    number = int(PART / PACE)
    visits = range(part * number, (part + 1) * number)
    polls = int(PART / POLL)
    courses = [
        (PACE * place, _visit(stage, browser, shop, visit, report=not visit % reports, hangs=hangs))
        for place, visit in enumerate(visits)
    ]
    courses += [(POLL * (place + 0.5), _poll(stage, browser, metrics, part * polls + place)) for place in range(polls)]
    _play(courses)


def _visit(stage: Stage, browser: Program, shop: Listener, number: int, *, report: bool, hangs: bool) -> Course:
    flow = stage.flow(40001 + number, 8080)
    client = browser.connect(flow)
    server = shop.accept(flow)
    client.send(f"GET /{'report' if report else 'item'} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode())
    server.receive(flow.sent["client"])
    if report and hangs:
        yield PATIENCE
        client.close()
        flow.expect("close_wait", "FIN_WAIT_2", "CLOSE_WAIT", waiting_side="server", stuck=True)
        return
    yield THINKS[number % len(THINKS)]
    server.send(REPLY)
    client.receive(len(REPLY))
    yield STAYS[number % len(STAYS)]
    client.close()
    yield DAWDLES[number % len(DAWDLES)]
    server.close()
    flow.expect("closed", "TIME_WAIT", "CLOSED")


def _poll(stage: Stage, browser: Program, metrics: Listener, number: int) -> Course:
    flow = stage.flow(50001 + number, 9090)
    client = browser.connect(flow)
    server = metrics.accept(flow)
    client.send(b"GET /metrics HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    server.receive(flow.sent["client"])
    yield THINKS[number % len(THINKS)]
    server.send(REPLY)
    server.close()
    client.receive(len(REPLY) + 1)
    yield DAWDLES[number % len(DAWDLES)]
    client.close()
    flow.expect("closed", "CLOSED", "TIME_WAIT")


def _play(courses: Iterable[tuple[float, Course]]) -> None:
    """Let things happen side by side, each from its own second on, until all are over."""
    begin = time.monotonic()
    due = [(start, place, course) for place, (start, course) in enumerate(courses)]
    heapq.heapify(due)
    while due:
        when, place, course = heapq.heappop(due)
        time.sleep(max(0.0, begin + when - time.monotonic()))
        for pause in course:  # its next step alone
            heapq.heappush(due, (time.monotonic() - begin + pause, place, course))
            break
