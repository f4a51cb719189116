"""Evidence: the few packets that prove what is said of the flagged flows, as a capture that is safe to attach to a ticket.

Frames are not copied and cleaned, but written anew from a list of header fields that may be shown. What is not on the list cannot
be in the file: MAC addresses, VLANs, tunnels, IP and unknown TCP options, padding, trailers, and (unless asked for) payload.
"""
