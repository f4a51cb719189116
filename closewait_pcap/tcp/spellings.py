"""Spellings of TCP states that differ from RFC 9293's by more than a hyphen."""

SPELLINGS = {
    "ESTAB": "ESTABLISHED",  # ss
    "FIN_WAIT1": "FIN_WAIT_1",  # netstat, lsof
    "FIN_WAIT2": "FIN_WAIT_2",
    "FINWAIT1": "FIN_WAIT_1",
    "FINWAIT2": "FIN_WAIT_2",
    "SYN_RECV": "SYN_RECEIVED",  # Linux
    "SYN_RCVD": "SYN_RECEIVED",  # BSD, macOS
    "SYN_RECEIVED": "SYN_RECEIVED",  # Windows
    "LISTENING": "LISTEN",  # Windows
    "CLOSE": "CLOSED",  # Linux
    "UNCONN": "CLOSED",  # ss
    "SYNSENT": "SYN_SENT",  # PowerShell's Get-NetTCPConnection
    "SYNRECEIVED": "SYN_RECEIVED",
    "TIMEWAIT": "TIME_WAIT",
    "CLOSEWAIT": "CLOSE_WAIT",
    "LASTACK": "LAST_ACK",
    # /proc/net/tcp: include/net/tcp_states.h
    "01": "ESTABLISHED",
    "02": "SYN_SENT",
    "03": "SYN_RECEIVED",
    "04": "FIN_WAIT_1",
    "05": "FIN_WAIT_2",
    "06": "TIME_WAIT",
    "07": "CLOSED",
    "08": "CLOSE_WAIT",
    "09": "LAST_ACK",
    "0A": "LISTEN",
    "0B": "CLOSING",
    "0C": "SYN_RECEIVED",  # TCP_NEW_SYN_RECV
}
