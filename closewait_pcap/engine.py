"""Runs the kernels: plain Python for a small capture, machine code for a large one, from one function body.

The kernels (`capture.headers`, `tcp.kernel`) are ordinary Python functions over *records*: things with named integer fields.
Uncompiled, a record is a small object with ``__slots__`` and a table of records is a list; compiled by Numba, a table is a NumPy
structured array and a record is a row of it. The function body cannot tell the difference, so both answers are the same by
construction, and importing Numba (0.15 s) is left out where a capture is too small to earn it.

Numba's own cache looks only at the file of the function it was asked for. The machine code is therefore kept in a folder named
after a digest of all kernel sources, so that a stale entry can never be loaded. Where no folder is writable it is compiled anew
in memory.
"""

import hashlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])
Record = Any
"""A row with named integer fields: a slotted object, or a row of a structured array."""
Records = Any
"""A table of records: a list of slotted objects, or a structured array."""
Structured = np.ndarray[Any, np.dtype[np.void]]

WORTH_COMPILING = 3 << 20
"""Bytes of input from which the compiled kernels win. Measured: plain 130,000 packets/s; importing and loading 0.3 s."""

LARGE_TABLE = 128 << 20
"""Bytes from which a table grows in place."""

_BLOCK = 1 << 16
"""Rows moved at once."""

CACHE_LINE = 64
PREFETCHED = 128
"""Bytes of a row that `prefetch` asks for: the tables have in front what every packet needs."""

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
"""How everything is compiled. Kernels allocate nothing, so nothing in them need be counted: without Numba's run time (NRT) the
decoder is rid of atomic counting for each array at each helper, 14 of 40 ns per packet."""

_helpers: list[Callable[..., Any]] = []
_hints: list[tuple[Callable[..., None], Callable[..., None]]] = []
"""What plain Python calls, and what compiled kernels call in its place."""


def helper(function: Function) -> Function:
    """Register a function that kernels call, so that it is compiled together with them."""
    _helpers.append(function)
    return function


def hint(function: Callable[..., None]) -> Callable[..., None]:
    """Register a function that tells the processor what is coming. Plain Python gains nothing by it and leaves it out."""

    def left_out(*_: Any) -> None:
        pass

    _hints.append((left_out, function))
    return left_out


def prefetch(records: Records, row: int) -> None:
    """Ask for a row of a table, or an entry of an index, that will be needed soon (in a `hint` only)."""


@cache
def record_class(dtype: np.dtype[np.void]) -> type:
    """Make the plain-Python twin of one row of a structured array.

    Args:
        dtype: a structured dtype of integer fields.

    Returns:
        A class with one slot per field; its constructor takes no arguments and sets every field to 0.
    """
    names = tuple(dtype.names or ())
    body = "\n".join(f"    self.{name} = 0" for name in names)
    namespace: dict[str, Any] = {}
    exec(f"def __init__(self):\n{body}", namespace)  # an unrolled constructor is 3 times faster than a loop of setattr
    return type("Row", (), {"__slots__": names, "__init__": namespace["__init__"]})


@cache
def row_class(dtype: np.dtype[np.void]) -> type:
    """Make the type of a structured array's rows: fields as attributes, as with ``np.record``.

    The reader asks for some 10 fields per chunk, and ``np.record`` takes 1.8 us for each. This takes 0.4 us, and passing such
    a row to a compiled kernel 1.3 us instead of 2.3: 10 us less for each chunk, a tenth of what full-size frames take.

    Args:
        dtype: a structured dtype.

    Returns:
        A subclass of ``np.void`` with a property per field.
    """

    def attribute(number: int) -> property:
        return property(itemgetter(number), lambda row, value: row.__setitem__(number, value))

    return type("Row", (np.void,), {"__slots__": ()} | {name: attribute(i) for i, name in enumerate(dtype.names or ())})


class Mode:
    """How kernels are run; `PLAIN` and `COMPILED` are the two there are.

    A capture is begun plain where its size is not known, and goes over to compiled when it turns out large: `as_array`
    turns plain tables into compiled ones.
    """

    compiled = False

    def records(self, dtype: np.dtype[np.void], count: int) -> Records:
        """Make a table of ``count`` records, all fields 0, whose rows have the fields as attributes."""
        make = record_class(dtype)
        return [make() for _ in range(count)]

    def counters(self, values: Iterable[int]) -> Any:
        """Make a table of integers."""
        return list(values)

    def index(self, size: int) -> Any:
        """Make an empty hash table of row numbers."""
        return [-1] * size

    def buffer(self, buffer: bytearray) -> Any:
        """Show a chunk of input to a kernel."""
        return buffer

    def kernel(self, entry: Callable[..., Any]) -> Callable[..., Any]:
        """Give the runnable form of a kernel."""
        return entry

    def assign(self, record: Record, source: Record) -> None:
        """Copy all fields of a plain record into a record of this mode."""
        for name in source.__slots__:
            setattr(record, name, getattr(source, name))

    def grow(self, records: Records, dtype: np.dtype[np.void], count: int) -> Records:
        """Make a table longer, keeping its rows (in place where that is possible)."""
        records.extend(self.records(dtype, count - len(records)))
        return records

    def keep(self, records: Records, dtype: np.dtype[np.void], stays: np.ndarray[Any, np.dtype[np.bool_]], count: int) -> Records:
        """Move the rows that stay to the front of a table, in place, and make those behind them new.

        Args:
            records: the table.
            dtype: of its rows.
            stays: which of its rows to keep, shape (count,).
            count: rows in use.

        Returns:
            The table, as long as it was.
        """
        kept = [record for record, stay in zip(records[:count], stays.tolist(), strict=True) if stay]
        return kept + self.records(dtype, len(records) - len(kept))


class CompiledMode(Mode):
    """Tables are NumPy arrays, kernels machine code."""

    compiled = True

    def records(self, dtype: np.dtype[np.void], count: int) -> Records:  # noqa: D102
        return np.zeros(count, np.dtype((row_class(dtype), dtype)))

    def counters(self, values: Iterable[int]) -> Any:  # noqa: D102
        return np.array(list(values), np.int64)

    def index(self, size: int) -> Any:  # noqa: D102
        return np.full(size, -1, np.int32)

    def buffer(self, buffer: bytearray) -> Any:  # noqa: D102
        return np.frombuffer(buffer, np.uint8)

    def kernel(self, entry: Callable[..., Any]) -> Callable[..., Any]:  # noqa: D102
        return compiled(entry)

    def assign(self, record: Record, source: Record) -> None:  # noqa: D102
        for name in source.__slots__:
            record[name] = getattr(source, name)  # by name: ``flags`` as an attribute is the array's own

    def grow(self, records: Records, dtype: np.dtype[np.void], count: int) -> Records:  # noqa: D102
        if count * dtype.itemsize > LARGE_TABLE:
            records.resize(count, refcheck=False)  # realloc moves pages instead of copying them: never two tables at once
            return records
        longer = self.records(dtype, count)  # NumPy asks for huge pages, which spare a sixth of the time; realloc's are small
        longer.view(np.uint8)[: records.nbytes] = records.view(np.uint8)  # whole rows, not field by field
        return longer

    def keep(self, records: Records, dtype: np.dtype[np.void], stays: np.ndarray[Any, np.dtype[np.bool_]], count: int) -> Records:  # noqa: D102, ARG002
        left = 0
        for at in range(0, count, _BLOCK):  # block by block, so that there is never a second table
            kept = records[at : min(at + _BLOCK, count)][stays[at : at + _BLOCK]]
            records[left : left + len(kept)] = kept
            left += len(kept)
        records.view(np.uint8)[left * records.itemsize :] = 0
        return records


PLAIN = Mode()
COMPILED = CompiledMode()


def as_array(records: Records, dtype: np.dtype[np.void], count: int) -> Structured:
    """Give the first ``count`` rows of a table as a structured array: a view of a compiled one, a copy of a plain one.

    Args:
        records: a table.
        dtype: of its rows.
        count: how many rows are used.

    Returns:
        A structured array, shape (count,).
    """
    if isinstance(records, np.ndarray):
        return records[:count]
    array: Structured = COMPILED.records(dtype, count)
    for name in dtype.names or ():
        array[name] = [getattr(record, name) for record in records[:count]]
    return array


@cache
def numba_available() -> bool:
    """Whether kernels can be compiled here; says once, as a warning, why they cannot."""
    try:
        import numba  # noqa: PLC0415 - 0.15 s that small captures need not pay
    except Exception as error:  # a broken installation raises whatever it likes
        warnings.warn(
            f"Numba cannot be imported ({error}); large captures are read about 80 times slower. "
            "Remedy: pip install --force-reinstall numba",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return not numba.config.DISABLE_JIT


@cache
def compiled(entry: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel, or load it from the cache.

    Args:
        entry: a kernel: a function over arrays and records, all of whose callees are registered with `helper`.

    Returns:
        The compiled kernel, with the same arguments. Compilation happens at the first call and takes a few seconds where
        the cache is empty or not writable.
    """
    from numba import njit  # noqa: PLC0415

    _compile_helpers()
    folder = cache_folder()
    if folder is None:
        return njit(nogil=True, **_OPTIONS)(entry)  # type: ignore[no-any-return]
    with _numba_cache_in(folder):
        return njit(nogil=True, cache=True, **_OPTIONS)(entry)  # type: ignore[no-any-return]


def is_cached() -> bool:
    """Whether the compiled kernels are on disk already, so that no compilation is ahead."""
    folder = cache_folder()
    return folder is not None and any(folder.rglob("*.nbi"))


@cache
def _compile_helpers() -> None:
    """Make Numba know all that kernels call."""
    from numba.extending import overload, register_jitable  # noqa: PLC0415

    for function in _helpers:
        register_jitable(forceinline=True, **_OPTIONS)(function)
    options: Any = {"forceinline": True} | _OPTIONS
    for stub, function in _hints:
        overload(stub, jit_options=options, strict=False)(partial(_whatever_types, function))
    instruction = _prefetch_instruction()

    @overload(prefetch, jit_options=options)
    def _(records, row):  # type: ignore[no-untyped-def] # noqa: ARG001 - Numba matches the names
        return lambda records, row: instruction(records, row)  # noqa: PLW0108 - it calls no intrinsic by another name


def _whatever_types(function: Callable[..., None], *_: Any) -> Callable[..., None]:
    return function


def _prefetch_instruction() -> Any:
    """Give the processor's own instruction, for which LLVM has a name and Numba has none."""
    from numba import types  # noqa: PLC0415
    from numba.extending import intrinsic  # noqa: PLC0415

    ir: Any = import_module("llvmlite.ir")  # untyped, as cgutils is
    cgutils: Any = import_module("numba.core.cgutils")

    def prefetch_instruction(_typing, records, row):  # type: ignore[no-untyped-def] # noqa: ARG001
        def generate(context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
            array = context.make_array(records)(context, builder, arguments[0])
            start = builder.bitcast(cgutils.get_item_pointer(context, builder, records, array, [arguments[1]]), cgutils.voidptr_t)
            of = ir.FunctionType(ir.VoidType(), [start.type] + 3 * [cgutils.int32_t])
            function = cgutils.get_or_insert_function(builder.module, of, "llvm.prefetch.p0i8")
            for offset in range(0, min(PREFETCHED, context.get_abi_sizeof(context.get_data_type(records.dtype))), CACHE_LINE):
                line = cgutils.pointer_add(builder, start, offset)
                builder.call(function, [line, *map(cgutils.int32_t, (0, 3, 1))])  # to read, to keep in all caches, data
            return context.get_dummy_value()

        return types.void(records, types.intp), generate

    return intrinsic(prefetch_instruction)


@contextmanager
def _numba_cache_in(folder: Path) -> Iterator[None]:
    """Let Numba choose ``folder`` for the functions decorated meanwhile; its setting is global to the process."""
    from numba import config  # noqa: PLC0415

    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


@cache
def cache_folder() -> Path | None:
    """Find the first writable folder for machine code: beside the package, else the user's cache, else none."""
    name = f"kernels-{_digest()}"
    package = Path(__file__).parent / "__pycache__"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path.home() raises without one
    candidates = [package / name]
    if Path(home).is_absolute():
        candidates.append(Path(home) / "closewait-pcap" / name)
    return next((folder for folder in candidates if _writable(folder)), None)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _digest() -> str:
    """Name what the machine code depends on: the kernels' sources, Python, and Numba's own switches."""
    here = Path(__file__).parent
    sources = ("engine.py", "capture/packets.py", "capture/headers.py", "tcp/records.py", "tcp/kernel.py")
    digest = hashlib.sha256(repr((sys.version_info, os.environ.get("NUMBA_BOUNDSCHECK"))).encode())
    for source in sources:
        digest.update((here / source).read_bytes())
    return digest.hexdigest()[:16]
