"""One side is late, for good reasons or bad ones."""

import time

from ..network import NOBODYS_MAC, wire
from ..situation import situation
from ..stage import Stage


@situation(wire)
def half_close_sending(stage: Stage) -> None:
    """The client has said all it wants to say; the server goes on sending 100 bytes every 0.2 s, and rightly so."""
    listener = stage.program(stage.server, "streamer").listen(stage.server.address, 9000)
    flow = stage.flow(40001, 9000)
    client = stage.program(stage.client, "subscriber").connect(flow)
    server = listener.accept(flow)
    client.send(b"subscribe\n")
    server.receive(10)
    client.finish_sending()
    stage.wait_for(flow, "FIN-WAIT-2", "CLOSE-WAIT")
    stage.tables("client_finished")
    for _ in range(13):
        time.sleep(0.2)
        server.send(b"." * 100)
        client.receive(100)
    flow.expect("close_wait", "FIN_WAIT_2", "CLOSE_WAIT", waiting_side="server", stuck=False)


@situation(wire)
def late_close(stage: Stage) -> None:
    """The server closes in the end, but 2.5 s after the client did."""
    listener = stage.program(stage.server, "slow-server").listen(stage.server.address, 9000)
    flow = stage.flow(40001, 9000)
    client = stage.program(stage.client, "client").connect(flow)
    server = listener.accept(flow)
    client.send(b"question")
    server.receive(8)
    server.send(b"answer")
    client.receive(6)
    client.close()
    stage.wait_for(flow, "FIN-WAIT-2", "CLOSE-WAIT")
    stage.tables("client_closed")
    time.sleep(2.5)
    server.close()
    stage.wait_for(flow, "TIME-WAIT", None)
    flow.expect("closed_late", "TIME_WAIT", "CLOSED", waiting_side="server")


@situation(wire)
def not_reading(stage: Stage) -> None:
    """The client writes until the server, which never reads, has no room left; its FIN has to wait behind its data."""
    server = stage.program(stage.server, "never-reads")
    listener = server.listen(stage.server.address, 9000, receive_buffer=16384)
    flow = stage.flow(40001, 9000)
    client = stage.program(stage.client, "uploader").connect(flow, send_buffer=8192)
    listener.accept(flow)
    client.fill()
    stage.tables("window_is_zero")
    client.close()
    stage.tables("client_closed")
    stage.let_pass(3.0)
    flow.expect("not_reading", "ESTABLISHED", "ESTABLISHED", kernel=("FIN-WAIT-1", "ESTAB"))


@situation(wire, tap="client")
def fin_unanswered(stage: Stage) -> None:
    """The path dies before the client closes: its FIN is sent again and again, and nobody acknowledges it."""
    listener = stage.program(stage.server, "server").listen(stage.server.address, 9000)
    flow = stage.flow(40001, 9000)
    client = stage.program(stage.client, "client").connect(flow)
    server = listener.accept(flow)
    client.send(b"hello")
    server.receive(5)
    server.send(b"world")
    client.receive(5)
    stage.settle()
    stage.tables("path_is_alive")
    stage.client.knows(stage.server, NOBODYS_MAC)
    client.close()
    stage.tables("fin_sent")
    stage.let_pass(2.5)
    flow.expect("fin_unanswered", "FIN_WAIT_1", "ESTABLISHED")
