"""Connections that end as they should."""

from ..network import CLIENT_MAC, SERVER_MAC, wire
from ..situation import situation
from ..stage import Stage


@situation(wire)
def close_by_client(stage: Stage) -> None:
    """Three connections that the client closes first and the server right after it."""
    listener = stage.program(stage.server, "server").listen(stage.server.address, 9000)
    caller = stage.program(stage.client, "client")
    for port, request, reply in ((40001, b"one", b"first"), (40002, b"two", b""), (40003, b"", b"")):
        flow = stage.flow(port, 9000)
        client = caller.connect(flow)
        server = listener.accept(flow)
        client.send(request)
        server.send(reply)
        client.receive(len(reply))
        server.receive(len(request))
        client.close()
        server.receive(1)
        server.close()
        stage.wait_for(flow, "TIME-WAIT", None)
        flow.expect("closed", "TIME_WAIT", "CLOSED")


@situation(wire)
def close_by_server(stage: Stage) -> None:
    """Three connections that the server closes first and the client right after it."""
    listener = stage.program(stage.server, "server").listen(stage.server.address, 9000)
    caller = stage.program(stage.client, "client")
    for port, request, reply in ((40001, b"one", b"first"), (40002, b"", b"banner"), (40003, b"", b"")):
        flow = stage.flow(port, 9000)
        client = caller.connect(flow)
        server = listener.accept(flow)
        client.send(request)
        server.receive(len(request))
        server.send(reply)
        server.close()
        client.receive(len(reply) + 1)
        client.close()
        stage.wait_for(flow, None, "TIME-WAIT")
        flow.expect("closed", "CLOSED", "TIME_WAIT")


@situation(wire)
def close_simultaneous(stage: Stage) -> None:
    """Both applications close at once and their FINs cross on the wire: both ends go through CLOSING.

    Neither machine knows where to send frames for the moment, so both FINs are written before either of them travels.
    """
    listener = stage.program(stage.server, "server").listen(stage.server.address, 9000)
    flow = stage.flow(40001, 9000)
    client = stage.program(stage.client, "client").connect(flow)
    server = listener.accept(flow)
    client.send(b"bye")
    server.receive(3)
    server.send(b"bye")
    client.receive(3)
    stage.settle()
    stage.tables("talked")
    stage.client.forgets(stage.server)
    stage.server.forgets(stage.client)
    client.close()
    server.close()
    stage.client.knows(stage.server, SERVER_MAC)
    stage.tables("client_fin_arrived")
    stage.server.knows(stage.client, CLIENT_MAC)
    stage.wait_for(flow, "TIME-WAIT", "TIME-WAIT")
    flow.expect("closed", "TIME_WAIT", "TIME_WAIT")
