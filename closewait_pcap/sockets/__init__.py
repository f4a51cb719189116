"""Socket tables: what ss, netstat, lsof and /proc/net/tcp say of a host's own connections, whatever tool printed it."""
