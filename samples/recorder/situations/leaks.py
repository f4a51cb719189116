"""Applications that leak some connections and close others."""

import time

from ..flow import Flow
from ..network import wire, wire_ipv6
from ..program import Connection, Listener, Program
from ..situation import situation
from ..stage import Stage


@situation(wire)
def client_pool_leak(stage: Stage) -> None:
    """A server closes keep-alive connections idle for 0.5 s; the client's pool notices it for one of five only."""
    listener = stage.program(stage.server, "http-server").listen(stage.server.address, 8080)
    pool = stage.program(stage.client, "pool")
    flows = [stage.flow(port, 8080) for port in range(40001, 40006)]
    pairs = [_ask(pool, listener, flow, "/item") for flow in flows]
    stage.tables("all_idle")
    time.sleep(0.5)
    for _, server in pairs:
        server.close()
    noticed, forgotten = flows[-1], flows[:-1]
    pairs[-1][0].close()
    for flow in forgotten:
        stage.wait_for(flow, "CLOSE-WAIT", "FIN-WAIT-2")
    stage.wait_for(noticed, None, "TIME-WAIT")
    stage.tables("server_closed")
    stage.let_pass(2.6)
    for flow in forgotten:
        flow.expect("close_wait", "CLOSE_WAIT", "FIN_WAIT_2", waiting_side="client", stuck=True)
    noticed.expect("closed", "CLOSED", "TIME_WAIT")


@situation(wire_ipv6)
def ipv6_never_closes(stage: Stage) -> None:
    """Three clients over IPv6 quit; the server closes the connection of the second one only."""
    listener = stage.program(stage.server, "echo-server").listen(stage.server.address, 9000)
    for port in (40001, 40002, 40003):
        flow = stage.flow(port, 9000)
        shell = stage.program(stage.client, "echo-client")
        client = shell.connect(flow)
        server = listener.accept(flow)
        client.send(b"test\n")
        server.send(server.receive(5))
        client.receive(5)
        shell.quit()
        if port == 40002:
            server.close()
            stage.wait_for(flow, "TIME-WAIT", None)
            flow.expect("closed", "TIME_WAIT", "CLOSED")
        else:
            stage.wait_for(flow, "FIN-WAIT-2", "CLOSE-WAIT")
            flow.expect("close_wait", "FIN_WAIT_2", "CLOSE_WAIT", waiting_side="server", stuck=True)
    stage.tables("all_quit")
    stage.let_pass(2.6)


@situation(wire, needs=("editcap",), capture_format="pcapng")
def healthy_and_leaking(stage: Stage) -> None:
    """Thirty short requests to one service, which forgets to close those three that asked for a report."""
    listener = stage.program(stage.server, "http-server").listen(stage.server.address, 8080)
    caller = stage.program(stage.client, "browser")
    for number in range(1, 31):
        leaks = number % 10 == 7
        flow = stage.flow(40000 + number, 8080)
        client, server = _ask(caller, listener, flow, "/report" if leaks else "/item")
        client.close()
        if leaks:
            stage.wait_for(flow, "FIN-WAIT-2", "CLOSE-WAIT")
            flow.expect("close_wait", "FIN_WAIT_2", "CLOSE_WAIT", waiting_side="server", stuck=True)
        else:
            server.close()
            stage.wait_for(flow, "TIME-WAIT", None)
            flow.expect("closed", "TIME_WAIT", "CLOSED")
    stage.tables("thirty_served")
    stage.let_pass(2.6)


@situation(wire)
def proxy_chain(stage: Stage) -> None:
    """A proxy hands on what its clients close; the service behind it forgets four of five connections."""
    browser, proxy = stage.program(stage.client, "browser"), stage.program(stage.server, "proxy")
    front = proxy.listen(stage.server.address, 8080)
    service = stage.program(stage.client, "service").listen(stage.client.address, 9000)
    for number in range(1, 6):
        outer, inner = stage.flow(40000 + number, 8080), stage.flow(50000 + number, 9000, back=True)
        client = browser.connect(outer)
        taken = front.accept(outer)
        client.send(b"/item\n")
        taken.receive(6)
        onward, server = _ask(proxy, service, inner, "/item")
        taken.send(b"ok\n")
        client.receive(3)
        client.close()
        taken.receive(1)  # the end of the stream, which the proxy hands on
        onward.finish_sending()
        server.receive(1)
        if number == 3:
            for end in (server, onward, taken):
                end.close()
            for flow in (outer, inner):
                stage.wait_for(flow, "TIME-WAIT", None)
                flow.expect("closed", "TIME_WAIT", "CLOSED")
        else:
            for flow in (outer, inner):
                stage.wait_for(flow, "FIN-WAIT-2", "CLOSE-WAIT")
                flow.expect("close_wait", "FIN_WAIT_2", "CLOSE_WAIT", waiting_side="server", stuck=True)
        time.sleep(0.2)
    stage.tables("five_served")
    stage.let_pass(1.6)


def _ask(caller: Program, listener: Listener, flow: Flow, path: str) -> tuple[Connection, Connection]:
    """Make one HTTP request over a new connection, and return both ends of it."""
    client = caller.connect(flow)
    server = listener.accept(flow)
    request = f"GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode()
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    client.send(request)
    server.receive(len(request))
    server.send(reply)
    client.receive(len(reply))
    return client, server
