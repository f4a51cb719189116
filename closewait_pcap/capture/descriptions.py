"""What a capture describes beside its packets: interfaces; in pcapng also what they dropped, when it ended, and processes."""

from closewait_pcap.capture import headers
from closewait_pcap.capture.headers import INTERFACE
from closewait_pcap.capture.names import Names
from closewait_pcap.capture.pcapng import Order, Section, interface_description, interface_statistics, process_event
from closewait_pcap.engine import COMPILED, Mode, Record, Records, as_array

MOST_INTERFACES = 1 << 16
"""Interfaces kept of a section: a few bytes of a compressed file may describe many millions. Packets of more are damage."""
MOST_PROCESSES = 1 << 16
"""Processes kept of a section, likewise. Packets of more are nobody's."""


class Descriptions:
    """What was described so far.

    Args:
        mode: how the decoder is run.
        names: to number the names of interfaces in.
    """

    def __init__(self, mode: Mode, names: Names) -> None:
        self._mode = mode
        self._names = names
        self._section = Section()
        self.interfaces: Records = mode.records(INTERFACE, 8)
        """INTERFACE records of the section, for the decoder, which knows how many they are."""
        self.links: set[int] = set()
        """Link types seen."""
        self.processes: list[int] = []
        """The processes of the section, as numbers of their names."""
        self._processes_lost = False

    def drops(self, decoder: Record) -> int | None:
        """Tell how many packets the capturing machine lost, as blocks report; None where none says."""
        return self._section.total + int(decoder.drops) if self._section.reported or decoder.drops else None

    @property
    def ends(self) -> list[int]:
        """The latest end of the capture that a statistics block names, ns since the epoch, where one does."""
        return self._section.ends

    @property
    def told_end(self) -> int | None:
        """The latest of those ends, where the last section's interfaces all name one."""
        return max(self._section.ends) if self._section.told else None

    @property
    def pauses(self) -> list[tuple[int, int]]:
        """When no interface captured, as far as the statistics of sections that have ended tell."""
        return self._section.pauses

    @property
    def watched(self) -> dict[int, list[tuple[int, int]]]:
        """From when until when interfaces captured, by the numbers of their names, as far as those statistics tell."""
        return self._section.watched

    def compile(self) -> None:
        """Go over to tables for the compiled decoder."""
        self._mode = COMPILED
        self.interfaces = as_array(self.interfaces, INTERFACE, len(self.interfaces))

    def end_section(self, decoder: Record) -> None:
        """Forget interfaces and processes: what follows has its own."""
        self._section.close([int(row.name) for row in self.interfaces[: int(decoder.interfaces)]])
        self.processes.clear()
        self._processes_lost = False
        decoder.interfaces = decoder.processes = 0

    def lose_count(self) -> None:
        """Take note that blocks of the section were skipped.

        Processes are known by their number in it: those that are described from here on have one that cannot be known.
        """
        self._processes_lost = True

    def add_interface(
        self, decoder: Record, *, link: int, snaplen: int = 0, units: int = 10**6, shift: int = 0, offset: int = 0, name: str = ""
    ) -> None:
        """Describe one more interface.

        Args:
            decoder: the DECODER record, which counts them.
            link: its link type.
            snaplen: as all that follow, a field of INTERFACE.
            units: see there.
            shift: see there.
            offset: see there.
            name: as text.
        """
        number = int(decoder.interfaces)
        if number == MOST_INTERFACES:
            return
        if number == len(self.interfaces):
            self.interfaces = self._mode.grow(self.interfaces, INTERFACE, 2 * number)
        row = self.interfaces[number]
        row.link, row.snaplen, row.units, row.shift, row.offset = link, snaplen, units, shift, offset
        row.name = self._names.number(name)
        decoder.interfaces = number + 1
        self.links.add(link)

    def take_block(self, decoder: Record, kind: int, body: bytes, order: Order) -> str | None:
        """Take a pcapng block that describes something.

        Args:
            decoder: the DECODER record.
            kind: the block's type: one that the decoder stops at.
            body: the block without type and lengths.
            order: the section's byte order.

        Returns:
            What is wrong with it; None where all is well.
        """
        if kind == headers.SECTION_HEADER:
            self.end_section(decoder)
        elif kind == headers.INTERFACE_DESCRIPTION:
            description = interface_description(body, order)
            if description is None:
                return "an interface description that cannot be read"
            self.add_interface(decoder, **description)
        elif kind == headers.PROCESS_EVENT:
            if not self._processes_lost and len(self.processes) < MOST_PROCESSES:
                self.processes.append(self._names.number(process_event(body, order)))
                decoder.processes = len(self.processes)
        else:
            near = int(decoder.last_time) if decoder.timed else 0
            interface_statistics(body, order, self._section, self.interfaces, int(decoder.interfaces), near)
        return None
