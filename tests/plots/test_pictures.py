"""Each picture against the one that was looked at and found right, and what it must say beside that."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from closewait_pcap import Analysis, analyze, plots
from closewait_pcap.plots import ladders, svg
from closewait_pcap.views.ladder import ladder_of, spoken
from tests.cli.running import ROOT, SAMPLES, sample
from tests.conversations import CLIENT, SERVER, Talk, analyzed

OF_ENDPOINTS = {"concurrent", "ages", "opens_and_closes", "closing_times"}
pictured = pytest.mark.mpl_image_compare(style="default", tolerance=12, remove_text=False, savefig_kwargs={"dpi": 80})


@pytest.fixture(autouse=True, scope="module")
def drawn_without_a_screen() -> Iterator[None]:
    before = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.switch_backend(before)


@pytest.fixture(scope="module")
def leak() -> Analysis:
    """A server that forgets a fifth of its connections, closes a fifth late, and the others at once."""
    talks = []
    for n in range(120):
        talk = Talk(n / 2, "10.0.0.3", "10.0.0.9").is_served().closes(CLIENT)
        talks.append(talk if n % 5 == 3 else talk.waits(n / 8 if n % 5 == 1 else 0.002).closes(SERVER))
    return analyzed(talks, until=90)


def figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    return figure


@pictured
def test_concurrent(leak: Analysis) -> Figure:
    ax = plots.concurrent(leak)
    words = [text.get_text() for text in ax.texts]
    onset = leak.close_wait.loc[leak.close_wait["stuck"], "since"].min()
    assert words == [f"first stuck {onset:%H:%M:%S.%f}"]
    lines = {str(line.get_label()): line for line in ax.get_lines()}
    assert np.max(np.asarray(lines["CLOSE_WAIT"].get_ydata())) == leak.endpoints["peak"].iloc[0] + 1  # that one closed in time
    assert lines["CLOSE_WAIT"].get_ydata()[-1] == len(leak.close_wait) == 24
    return figure_of(ax)


@pictured
def test_ages(leak: Analysis) -> Figure:
    ax = plots.ages(leak)
    assert sum(int(text.get_text()) for text in ax.texts) == 120
    return figure_of(ax)


@pictured
def test_opens_and_closes(leak: Analysis) -> Figure:
    ax = plots.opens_and_closes(leak)
    lines = {str(line.get_label()).partition(":")[0]: line for line in ax.get_lines()}
    assert (lines["begun"].get_ydata()[-1], lines["closed"].get_ydata()[-1]) == (120, 96)
    assert f"{leak.endpoints['per_minute'].iloc[0]:.3g} per minute" in str(lines["began to wait, and stayed"].get_label())
    return figure_of(ax)


@pictured
def test_closing_times(leak: Analysis) -> Figure:
    ax = plots.closing_times(leak)
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["not yet closed (of 120)", "no close seen: 24"]
    assert np.min(np.asarray(ax.get_lines()[0].get_ydata())) == pytest.approx(24 / 120)
    return figure_of(ax)


def test_closing_times_count_those_that_close_with_one_packet() -> None:
    """A FIN that also acknowledges the peer's: in CLOSE_WAIT for no time at all, and yet closed."""
    analysis = analyze(ROOT / sample("healthy_and_leaking"))
    ax = plots.closing_times(analysis)
    assert ax.get_legend_handles_labels()[1] == ["not yet closed (of 30)", "no close seen: 3"]
    x, share = (np.asarray(values) for values in ax.get_lines()[0].get_data())
    assert share[-1] == pytest.approx(3 / 30)
    took = (analysis.flows["server_fin_time"] - analysis.flows["client_fin_time"]).dropna().dt.total_seconds()
    assert x[share < 0.5][0] == pytest.approx(took.sort_values().iloc[15])
    plt.close("all")


@pictured
def test_ladder() -> Figure:
    return figure_of(plots.ladder(analyze(ROOT / sample("healthy_and_leaking")), 6))


@pictured
def test_ladder_that_a_reset_ends() -> Figure:
    return figure_of(plots.ladder(analyze(ROOT / sample("port_reuse")), 0))


@pictured
def test_ladder_of_a_simultaneous_close() -> Figure:
    return figure_of(plots.ladder(analyze(ROOT / sample("close_simultaneous")), 0))


@pytest.mark.parametrize("name", sorted(OF_ENDPOINTS))
def test_a_picture_goes_where_it_is_wanted(name: str, leak: Analysis) -> None:
    ax = plt.figure().add_subplot()
    assert getattr(plots, name)(leak, 0, ax=ax) is ax
    assert ax.get_title(loc="left") == "server 10.0.0.9:8080"
    with pytest.raises(IndexError, match="no endpoint 1: 1 wait or did"):
        getattr(plots, name)(leak, 1, ax=ax)
    plt.close("all")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_can_be_drawn(name: str) -> None:
    analysis = analyze(ROOT / sample(name))
    for function in sorted(OF_ENDPOINTS):
        figure_of(getattr(plots, function)(analysis)).canvas.draw()
    for stream in analysis.flows.index:
        figure_of(plots.ladder(analysis, stream)).canvas.draw()
        plt.close("all")


def test_an_empty_capture_has_a_picture_that_says_so() -> None:
    analysis = analyze(ROOT / sample("close_by_client"))
    analysis.result.facts.flows["first_frame"] = 0
    for function in sorted(OF_ENDPOINTS):
        ax = getattr(plots, function)(analysis)
        assert [text.get_text() for text in ax.texts] == ["No TCP flows."]
    with pytest.raises(KeyError, match="no flow 7"):
        plots.ladder(analysis, 7)
    plt.close("all")


def test_a_ladder_is_told_in_words_too() -> None:
    analysis = analyze(ROOT / sample("late_close"))
    words = spoken(ladder_of(analysis.result, 0))
    assert words.startswith("Stream 0, client 192.0.2.1:40001, server 192.0.2.2:9000. frame 1, client: SYN seq 0, client SYN_")
    assert words.endswith(". closed_late: the server in CLOSE_WAIT for 2.57 s.")
    flow = analysis.flow(0)
    for step in flow.ladder.steps:
        assert f"-- {step.label} {step.numbers} --" in repr(flow)


def test_svg_is_the_same_in_every_thread_and_leaves_settings_alone(leak: Analysis) -> None:
    found, before = ladder_of(leak.result, int(leak.result.rows[3])), dict(mpl.rcParams)

    def draw(_: int) -> str:
        return str(svg.picture(lambda ax: ladders.draw(ax, found), ladders.size(found), "one", 'a "title" <b>', (0, 0, 0, 0)))

    with ThreadPoolExecutor(4) as pool:
        pictures = set(pool.map(draw, range(8)))
    assert len(pictures) == 1
    picture = pictures.pop()
    assert '<title id="one">a &#34;title&#34; &lt;b&gt;</title>' in picture
    names = re.findall(r' id="([^"]*)"', picture)
    assert len(names) == len(set(names))
    assert {one or other for one, other in re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', picture)} <= set(names)
    assert dict(mpl.rcParams) == before
