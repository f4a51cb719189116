"""Which TCP connections has somebody failed to close, who, since when, and why?

>>> from closewait_pcap import analyze
>>> analysis = analyze("samples/echo_never_closes/capture.pcap")
>>> analysis.close_wait[["server", "server_port", "waiting_side", "held"]]  # doctest: +SKIP
"""

from closewait_pcap.analysis import Analysis
from closewait_pcap.analyzing import analyze, analyze_text
from closewait_pcap.errors import (
    CaptureError,
    CaptureWarning,
    ClosewaitError,
    MissingExtra,
    NoPackets,
    SnapshotError,
    TsharkError,
)
from closewait_pcap.socket_analysis import SocketAnalysis, analyze_sockets
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.verdict import Verdict
from closewait_pcap.version import VERSION

__version__ = VERSION

__all__ = [
    "Analysis",
    "CaptureError",
    "CaptureWarning",
    "ClosewaitError",
    "MissingExtra",
    "NoPackets",
    "SnapshotError",
    "SocketAnalysis",
    "State",
    "TsharkError",
    "Verdict",
    "__version__",
    "analyze",
    "analyze_sockets",
    "analyze_text",
]
