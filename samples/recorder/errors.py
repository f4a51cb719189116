"""The one error a recording can end with."""


class RecordingError(RuntimeError):
    """The recording could not be made, or the kernel did something else than the situation says."""
