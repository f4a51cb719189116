"""What a capture describes beside its packets: its interfaces, and in pcapng what each of them dropped, and when it ended."""

from closewait_pcap.capture import headers
from closewait_pcap.capture.headers import INTERFACE
from closewait_pcap.capture.names import Names
from closewait_pcap.capture.pcapng import Order, Section, interface_description, interface_statistics
from closewait_pcap.engine import COMPILED, Mode, Record, Records, as_array

MOST_INTERFACES = 1 << 16
"""Interfaces kept of a section: a few bytes of a compressed file may describe many millions. Packets of more are damage."""


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

    def drops(self, decoder: Record) -> int | None:
        """Tell how many packets the capturing machine lost, as blocks report; None where none says."""
        return self._section.total + int(decoder.drops) if self._section.reported or decoder.drops else None

    @property
    def ends(self) -> list[int]:
        """The latest end of the capture that a statistics block names, ns since the epoch, where one does."""
        return self._section.ends

    def compile(self) -> None:
        """Go over to tables for the compiled decoder."""
        self._mode = COMPILED
        self.interfaces = as_array(self.interfaces, INTERFACE, len(self.interfaces))

    def end_section(self, decoder: Record) -> None:
        """Forget the interfaces: what follows has its own."""
        self._section.close()
        decoder.interfaces = 0

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
        else:
            interface_statistics(body, order, self._section, self.interfaces, int(decoder.interfaces))
        return None
