"""Names of services: what is known everywhere, and what this machine adds."""

from pathlib import Path

import pytest

from closewait_pcap import services


def test_services_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "services"
    file.write_text("# names\nours 4711/tcp mine # and more\nours 4712/udp\nhttp 99/tcp\nbroken\nworse x/tcp\n\n")
    monkeypatch.setattr(services, "SERVICES", file)
    services._table.cache_clear()
    try:
        assert [services.service_port(name) for name in ("ours", "mine", "http", "broken", "worse")] == [
            4711,
            4711,
            80,
            None,
            None,
        ]
        file.unlink()
        services._table.cache_clear()
        assert [services.service_port(name) for name in ("ours", "https")] == [None, 443]
    finally:
        services._table.cache_clear()
