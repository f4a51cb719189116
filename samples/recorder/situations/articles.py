"""What four articles about CLOSE_WAIT describe, played again."""

from ..flow import Flow
from ..network import loopback, wire
from ..situation import situation
from ..stage import Stage


@situation(loopback)
def echo_never_closes(stage: Stage) -> None:
    """An echo server answers 5 bytes; the client quits; the server neither closes the connection nor exits."""
    flow = _echo_until_the_client_quits(stage)
    stage.tables("client_quit")
    stage.let_pass(2.6)
    flow.expect("close_wait", "FIN_WAIT_2", "CLOSE_WAIT", waiting_side="server", stuck=True)


@situation(loopback)
def echo_cut_at_fin_ack(stage: Stage) -> None:
    """The same echo server, but the capture ends at the ACK of the client's FIN: too early to call it stuck."""
    flow = _echo_until_the_client_quits(stage)
    flow.expect("close_wait", "FIN_WAIT_2", "CLOSE_WAIT", waiting_side="server")


def _echo_until_the_client_quits(stage: Stage) -> Flow:
    listener = stage.program(stage.server, "echo-server").listen(stage.server.address, 9000)
    stage.tables("server_runs")
    flow = stage.flow(40001, 9000)
    shell = stage.program(stage.client, "echo-client")
    client = shell.connect(flow)
    server = listener.accept(flow)
    stage.tables("client_connected")
    client.send(b"test\n")
    server.send(server.receive(5))
    client.receive(5)
    stage.tables("echoed")
    shell.quit()
    server.receive(1)
    stage.wait_for(flow, "FIN-WAIT-2", "CLOSE-WAIT")
    return flow


@situation(wire)
def busy_worker(stage: Stage) -> None:
    """A server with one worker serves its first client; a second one only gets into the kernel's queue, and leaves."""
    listener = stage.program(stage.server, "single-worker").listen(stage.server.address, 8000)
    first = stage.flow(40001, 8000)
    client = stage.program(stage.client, "first-client").connect(first)
    server = listener.accept(first)
    client.send(b"hello\n")
    server.send(server.receive(6))
    client.receive(6)
    stage.tables("first_is_served")
    second = stage.flow(40002, 8000)
    shell = stage.program(stage.client, "second-client")
    shell.connect(second)
    stage.wait_for(second, "ESTAB", "ESTAB")
    stage.tables("second_is_queued")
    shell.quit()
    stage.wait_for(second, "FIN-WAIT-2", "CLOSE-WAIT")
    stage.tables("second_left")
    stage.let_pass(2.6)
    first.expect("open", "ESTABLISHED", "ESTABLISHED")
    second.expect("close_wait", "FIN_WAIT_2", "CLOSE_WAIT", waiting_side="server", stuck=True)


@situation(loopback, needs=("nc",))
def backlog_nc(stage: Stage) -> None:
    """A real netcat serves client A; client B waits in its queue and leaves: CLOSE_WAIT without a process."""
    stage.netcat(stage.server, "-l", "127.0.0.1", "1234")
    stage.wait_for_listener(1234)
    stage.tables("server_runs")
    a = stage.flow(40001, 1234)
    stage.netcat(stage.client, "-4", "-p", "40001", "127.0.0.1", "1234")
    stage.wait_for(a, "ESTAB", "ESTAB")
    stage.tables("a_connected")
    b = stage.flow(40002, 1234)
    waiting = stage.netcat(stage.client, "-4", "-p", "40002", "127.0.0.1", "1234")
    stage.wait_for(b, "ESTAB", "ESTAB")
    stage.tables("b_queued")
    waiting.interrupt()
    stage.wait_for(b, "FIN-WAIT-2", "CLOSE-WAIT")
    stage.tables("b_left")
    stage.let_pass(2.6)
    a.expect("open", "ESTABLISHED", "ESTABLISHED")
    b.expect("close_wait", "FIN_WAIT_2", "CLOSE_WAIT", waiting_side="server", stuck=True)


@situation(loopback)
def backlog_python(stage: Stage) -> None:
    """listen(1) holds two: A is accepted, B queues and leaves, C fills the queue up, D's SYNs go unanswered."""
    listener = stage.program(stage.server, "accepts-one").listen("127.0.0.1", 1234, backlog=1)
    a = stage.flow(40001, 1234)
    stage.program(stage.client, "client-a").connect(a)
    listener.accept(a)
    stage.tables("a_accepted")
    b = stage.flow(40002, 1234)
    leaving = stage.program(stage.client, "client-b")
    leaving.connect(b)
    stage.wait_for(b, "ESTAB", "ESTAB")
    stage.tables("b_queued")
    leaving.quit()
    stage.wait_for(b, "FIN-WAIT-2", "CLOSE-WAIT")
    stage.tables("b_left")
    c = stage.flow(40003, 1234)
    stage.program(stage.client, "client-c").connect(c)
    stage.wait_for(c, "ESTAB", "ESTAB")
    stage.tables("c_fills_the_queue")
    d = stage.flow(40004, 1234)
    stage.program(stage.client, "client-d").start_connecting(d)
    stage.tables("d_knocks")
    stage.let_pass(3.3)
    a.expect("open", "ESTABLISHED", "ESTABLISHED")
    b.expect("close_wait", "FIN_WAIT_2", "CLOSE_WAIT", waiting_side="server", stuck=True)
    c.expect("open", "ESTABLISHED", "ESTABLISHED")
    d.expect("unanswered", "SYN_SENT", "LISTEN")
