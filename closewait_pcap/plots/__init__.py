"""Pictures of an analysis, drawn with matplotlib: each function takes an analysis, draws into ``ax``, and returns it.

Without ``endpoint`` they are of the worst one; it is named by its row in ``analysis.endpoints``. Without ``ax`` they draw into a
new figure. They can be read without colour: by line styles, hatches, and words beside them.
"""

from closewait_pcap.plots.age_histogram import ages
from closewait_pcap.plots.ladders import ladder
from closewait_pcap.plots.states_over_time import concurrent
from closewait_pcap.plots.survival import closing_times
from closewait_pcap.plots.turnovers import opens_and_closes

__all__ = ["ages", "closing_times", "concurrent", "ladder", "opens_and_closes"]
