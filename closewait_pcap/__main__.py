"""Runs the command: ``python -m closewait_pcap CAPTURE``."""

from closewait_pcap.cli import main

if __name__ == "__main__":
    main()
