"""What stuck flows share that closed ones do not: numbers are counted, and chance is not taken for a cause."""

import pytest

from closewait_pcap.verdicts.traits import Trait, TraitKind, chance_of
from tests.conversations import CLIENT, SERVER, Talk, analyzed


def shared(*talks: Talk) -> list[str]:
    """What is said of the one endpoint that waits."""
    [text] = analyzed(talks, until=1000).endpoints["shared"]
    return str(text).split("; ") if isinstance(text, str) else []


def closed(at: float, client: str = "10.0.0.1") -> Talk:
    return Talk(at, client).is_served().closes(CLIENT).closes(SERVER)


def stuck(at: float, client: str = "10.0.0.1") -> Talk:
    return Talk(at, client).is_served().closes(CLIENT)


def test_the_peer() -> None:
    talks = [closed(n, f"10.0.1.{n % 200}") for n in range(397)] + [closed(500 + n, "10.0.0.7") for n in range(3)]
    talks += [stuck(600 + n, "10.0.0.7") for n in range(12)]
    assert shared(*talks) == ["12 of 12 waiting flows have the client 10.0.0.7 (3 of 400 that it closed)"]


def test_no_request_at_all() -> None:
    talks = [closed(n) for n in range(40)] + [Talk(100 + n).closes(CLIENT) for n in range(5)]
    assert shared(*talks)[0] == "5 of 5 waiting flows carry no request: the client sent no payload (0 of 40 that it closed)"


def test_the_fin_before_the_reply() -> None:
    hurried = [Talk(100 + n).says(CLIENT).closes(CLIENT).says(SERVER) for n in range(5)]
    said = shared(*[closed(n) for n in range(40)], *hurried)
    assert said == ["5 of 5 waiting flows were closed by the peer before the server had sent anything (0 of 40 that it closed)"]


def test_an_idle_timeout_of_the_peer() -> None:
    idle = [Talk(100 + n).is_served().waits(60.05).closes(CLIENT) for n in range(5)]
    said = shared(*[closed(n) for n in range(40)], *idle)
    what = "were closed by the peer after 60 s of silence, as by an idle timeout"
    assert said == [f"5 of 5 waiting flows {what} (0 of 40 that it closed)"]


def test_closing_only_when_it_is_first() -> None:
    own = [Talk(n).is_served().closes(SERVER).closes(CLIENT) for n in range(40)]
    said = shared(*own, *[stuck(100 + n) for n in range(5)])
    assert said[0] == "5 of 5 waiting flows were closed by the peer first (0 of 40 that it closed)"


def test_nothing_that_closed_flows_share_too() -> None:
    assert shared(*[closed(n) for n in range(40)], *[stuck(100 + n) for n in range(12)]) == []


@pytest.mark.parametrize(("stuck_flows", "closed_flows"), [(2, 40), (12, 0), (12, 2)])
def test_nothing_of_too_few(stuck_flows: int, closed_flows: int) -> None:
    talks = [closed(n, "10.0.0.3") for n in range(closed_flows)] + [stuck(100 + n, "10.0.0.7") for n in range(stuck_flows)]
    assert shared(*talks) == []


@pytest.mark.parametrize(
    ("numbers", "chance"),
    [((3, 3, 0, 27), 1 / 4060), ((3, 4, 1, 4), 0.242857), ((0, 3, 5, 30), 1.0), ((4000, 4000, 0, 54000), 0.0)],
)
def test_chance_is_fishers(numbers: tuple[int, int, int, int], chance: float) -> None:
    """The second is Fisher's lady tasting tea."""
    assert chance_of(Trait(TraitKind.peer, *numbers, "")) == pytest.approx(chance, rel=1e-4)
