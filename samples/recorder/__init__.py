"""Records the samples: real sockets, a real capture and the kernel's own socket tables, all of the same moments."""
