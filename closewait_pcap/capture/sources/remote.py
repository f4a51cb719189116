"""Captures behind a URL: fetched through fsspec as one stream, from first byte to last.

Over HTTP this is a single GET, with no HEAD before it: a pre-signed URL allows nothing else. Whatever a URL holds that is secret
(a password, a signature in its query) is shown nowhere.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from closewait_pcap.errors import CaptureError, MissingExtra

CONNECT_S = 20.0
"""How long a server may take to accept a connection."""
SILENCE_S = 60.0
"""How long a server may send nothing."""
_BLOCK = 8 << 20
"""Bytes asked for at once where a store is read by ranges; the next ones are fetched with them."""
_EXTRA = "pip install 'closewait-pcap[remote]'"


class Remote:
    """A file of fsspec's as a stream that ends where the connection breaks.

    Args:
        file: as fsspec opened it.
        url: where it is, for what went wrong.
    """

    def __init__(self, file: Any, url: str) -> None:
        self._file = file
        self._url = url
        self._left = b""
        self.trouble: str | None = None
        """What ended the reading too early."""

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as one read goes; 0 at the end."""
        if not self._left:
            if self.trouble is not None:
                return 0
            try:
                self._left = self._file.read(len(buffer))
            except Exception as error:  # every protocol has its own errors
                self.trouble = f"fetching it failed: {_reason(error, self._url)}"
                self._left = _received(self._file)
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


@contextmanager
def open_url(url: str) -> Iterator[BinaryIO]:
    """Open what a URL names.

    Args:
        url: of any protocol that fsspec knows: https, s3, gs, az, sftp, file ...

    Yields:
        A stream; where the connection breaks it ends, and its ``trouble`` says why.

    Raises:
        CaptureError: it cannot be reached, or is not there.
        MissingExtra: a package is missing; the message has the pip line.
    """
    protocol = url.partition("://")[0]
    try:
        import fsspec  # noqa: PLC0415 - for URLs only
    except ImportError as error:
        raise MissingExtra(f"{shown(url)}: reading URLs needs a package: {_EXTRA}") from error
    options: dict[str, Any] = {"block_size": _BLOCK}
    try:
        if protocol in ("http", "https"):
            # a stream, not ranges; with a size, fsspec does not ask for it; no time limit on the whole: captures are large
            options = {"block_size": 0, "size": 1}
            system, path = fsspec.core.url_to_fs(url, client_kwargs={"timeout": _timeout(), "trust_env": True})
        else:
            system, path = fsspec.core.url_to_fs(url)
        file = system.open(path, "rb", **options)
    except ImportError as error:
        raise MissingExtra(f"{shown(url)}: reading {protocol} needs a package: {_pip_line(protocol)}") from error
    except Exception as error:
        raise CaptureError(f"{shown(url)}: cannot be fetched: {_reason(error, url)}") from error
    with file:
        yield cast("BinaryIO", Remote(file, url))


def shown(url: str) -> str:
    """Write a URL without what is secret in it: user and password, query, fragment."""
    return re.split("[?#]", re.sub("://[^/]*@", "://", url))[0]


def _received(file: Any) -> bytes:
    """Take what had come over HTTP before the connection broke: aiohttp would rather raise its error than hand that out."""
    content = getattr(getattr(file, "r", None), "content", None)
    if content is None:
        return b""
    from fsspec.asyn import sync  # noqa: PLC0415

    async def take() -> bytes:
        content.set_exception(None)
        return bytes(content.read_nowait(-1))

    return bytes(sync(file.loop, take))


def _timeout() -> Any:
    import aiohttp  # noqa: PLC0415

    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)


def _pip_line(protocol: str) -> str:
    """Say what to install for a protocol, by what fsspec's registry says of it."""
    from fsspec.registry import known_implementations  # noqa: PLC0415

    package = known_implementations[protocol]["class"].partition(".")[0]
    if package == "fsspec":  # its own code, which needs somebody else's
        package = {"sftp": "paramiko", "ssh": "paramiko", "smb": "smbprotocol"}.get(protocol, "")
    return f"pip install {package}" if package else _EXTRA


def _reason(error: BaseException, url: str) -> str:
    """Say in a few words what went wrong, and what to do; libraries like to print the whole URL."""
    said = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), "") or type(error).__name__
    status = getattr(error, "status", 0)
    if "Not enough data" in str(error):
        said = "the connection was cut"
    elif isinstance(error, FileNotFoundError):
        said = "there is no such file; is the URL right?"
    elif isinstance(error, TimeoutError):
        said = f"no answer (waited {CONNECT_S:g} s for a connection, {SILENCE_S:g} s for data)"
    elif "Connect call failed" in str(error):
        said = "nobody answers there; is the server running, and the port right?"
    elif "Protocol not known" in str(error):
        said = "no such protocol; there are https, s3, gs, az, sftp, file and more"
    elif status:
        said = f"the server answers {status} {getattr(error, 'message', '')}".rstrip()
        said += " (is the link still valid, and are you allowed to read it?)" if status in (401, 403) else ""
    secrets = [word for part in re.findall("://([^/]*)@", url) for word in part.split(":")] + re.split("[?#]", url)[1:]
    return type(error).__name__ if any(secret and secret in said for secret in secrets) else said
