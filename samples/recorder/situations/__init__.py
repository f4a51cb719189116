"""The situations, in the order of the samples' table."""

from . import articles, failing, healthy, incident, leaks, slow

SITUATIONS = {
    situation.name: situation
    for situation in (
        articles.echo_never_closes,
        articles.echo_cut_at_fin_ack,
        articles.busy_worker,
        articles.backlog_nc,
        articles.backlog_python,
        healthy.close_by_client,
        healthy.close_by_server,
        healthy.close_simultaneous,
        slow.half_close_sending,
        slow.late_close,
        failing.reset,
        leaks.client_pool_leak,
        failing.port_reuse,
        leaks.ipv6_never_closes,
        slow.not_reading,
        leaks.healthy_and_leaking,
        leaks.proxy_chain,
        incident.leak_after_deploy,
        slow.fin_unanswered,
    )
}
"""Every situation by its name."""
