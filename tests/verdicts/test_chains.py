"""Who waits only because somebody else does: the messenger is not accused, and nothing is made of coincidences."""

import random

from tests.conversations import CLIENT, SERVER, Talk, analyzed

PROXY, ROOT = "10.0.0.5", "10.0.0.9"


def legs(at: float, *, leaks: bool = True, apart: float = 0.002) -> list[Talk]:
    """A request through a proxy, whose client closes; the proxy hands that on."""
    front, back = Talk(at, "10.0.0.1", PROXY, 80), Talk(at + 0.004, PROXY, ROOT, 8080)
    front.is_served().waits(0.1).closes(CLIENT)
    back.is_served().waits(0.1 - 0.004 + apart).closes(CLIENT)
    return [front, back] if leaks else [front.closes(SERVER), back.closes(SERVER)]


def test_the_root_comes_first_and_the_messenger_is_named_as_such() -> None:
    analysis = analyzed([talk for n in range(4) for talk in legs(10.0 * n + 1)], until=60)
    root, messenger = (row for _, row in analysis.endpoints.iterrows())
    assert (root["address"], messenger["address"]) == (ROOT, PROXY)
    assert str(messenger["waits_for"]) == (
        "server 10.0.0.9:8080: in 4 of 4 flows its own FIN follows the one it was sent after 2 ms"
    )
    assert root["waits_for"] is None or root["waits_for"] != root["waits_for"]


def test_a_server_that_closes_its_leg_first_makes_the_client_the_root() -> None:
    talks = []
    for n in range(4):
        front, back = Talk(10.0 * n + 1, "10.0.0.1", PROXY, 80), Talk(10.0 * n + 1.004, PROXY, ROOT, 8080)
        talks += [front.is_served().waits(0.105).closes(SERVER), back.is_served().waits(0.1).closes(SERVER)]
    endpoints = analyzed(talks, until=60).endpoints
    assert list(endpoints["address"]) == ["10.0.0.1", PROXY]
    assert str(endpoints["waits_for"].iloc[1]).startswith("client 10.0.0.1 of 10.0.0.5:80: ")


def test_three_in_a_row_name_the_last() -> None:
    talks = []
    for n in range(4):
        for hop, (client, server) in enumerate((("10.0.0.1", "10.0.0.5"), ("10.0.0.5", "10.0.0.6"), ("10.0.0.6", "10.0.0.7"))):
            talks.append(Talk(10.0 * n + 1 + 0.01 * hop, client, server, 80).is_served().closes(CLIENT))
    endpoints = analyzed(talks, until=60).endpoints
    assert endpoints["address"].iloc[0] == "10.0.0.7"
    assert all(str(text).startswith("server 10.0.0.7:80: ") for text in endpoints["waits_for"][1:])


def test_closings_far_apart_are_no_chain() -> None:
    endpoints = analyzed([talk for n in range(4) for talk in legs(10.0 * n + 1, apart=2.0)], until=60).endpoints
    assert endpoints["waits_for"].isna().all()


def test_busy_endpoints_that_have_nothing_to_do_with_each_other_are_no_chain() -> None:
    chosen = random.Random(3)
    talks = [Talk(chosen.uniform(1, 8), "10.0.0.1", PROXY, 80).is_served().closes(CLIENT) for _ in range(100)]
    talks += [Talk(chosen.uniform(1, 8), PROXY, ROOT, 8080).is_served().closes(CLIENT) for _ in range(100)]
    assert analyzed(talks, until=12).endpoints["waits_for"].isna().all()


def test_an_application_that_ends_closes_all_at_once_and_is_no_proxy() -> None:
    """On one host, everything has the same address."""
    talks = []
    for n in range(5):
        talks += [
            Talk(10.0 * n + 1 + 0.002 * leg, "127.0.0.1", "127.0.0.1", 80 + leg).is_served().closes(CLIENT) for leg in (0, 1)
        ]
    assert analyzed(talks, until=60).endpoints["waits_for"].isna().all()
