"""A RST ends it, one way or another."""

import time

from ..network import wire
from ..situation import situation
from ..stage import Stage


@situation(wire)
def reset(stage: Stage) -> None:
    """A client aborts its connection; then a server is killed that sat in CLOSE_WAIT for 2 s with a request unread."""
    program = stage.program(stage.server, "server")
    listener = program.listen(stage.server.address, 9000)
    caller = stage.program(stage.client, "client")
    aborted = stage.flow(40001, 9000)
    client = caller.connect(aborted)
    server = listener.accept(aborted)
    client.send(b"request")
    server.receive(7)
    client.abort()
    stage.wait_for(aborted, None, None)
    killed = stage.flow(40002, 9000)
    client = caller.connect(killed)
    listener.accept(killed)
    client.send(b"unread")
    client.close()
    stage.wait_for(killed, "FIN-WAIT-2", "CLOSE-WAIT")
    stage.tables("second_client_closed")
    time.sleep(2.0)
    stage.tables("before_the_kill")
    program.quit()
    stage.wait_for(killed, None, None)
    aborted.expect("reset", "CLOSED", "CLOSED")
    killed.expect("close_wait_reset", "CLOSED", "CLOSED", waiting_side="server")


@situation(wire)
def port_reuse(stage: Stage) -> None:
    """A client comes back from the same port while the server still holds its last connection in CLOSE_WAIT."""
    stage.client.set("net.ipv4.tcp_fin_timeout", 1)
    listener = stage.program(stage.server, "leaky-server").listen(stage.server.address, 9000)
    caller = stage.program(stage.client, "fixed-port")
    leaked = stage.flow(40001, 9000)
    client = caller.connect(leaked)
    server = listener.accept(leaked)
    client.send(b"first")
    server.receive(5)
    client.close()
    stage.wait_for(leaked, "FIN-WAIT-2", "CLOSE-WAIT")
    stage.tables("first_leaks")
    stage.wait_for(leaked, None, "CLOSE-WAIT")
    stage.tables("client_forgot_the_first")
    time.sleep(0.7)
    second = stage.flow(40001, 9000)
    client = caller.connect(second)
    server = listener.accept(second)
    stage.tables("second_connected")
    client.send(b"second")
    server.receive(6)
    server.close()
    client.receive(1)
    client.close()
    stage.wait_for(second, None, "TIME-WAIT")
    leaked.expect("close_wait_reset", "CLOSED", "CLOSED", waiting_side="server", kernel=(None, None))
    second.expect("closed", "CLOSED", "TIME_WAIT")
