"""Finds libdrn, loads it, and turns its errors into exceptions."""

import ctypes
import glob
import os
import signal
import threading

from . import _abi
from ._version import __version__

SONAME = "libdrn.so.0"


class Error(Exception):
    """What libdrn says when a call fails; `name` is its code, such as "DRN_ERR_IO"."""

    name = "DRN_ERR_INTERNAL"


class InvalidError(Error, ValueError):
    """An argument or option makes no sense."""


class NoMemoryError(Error, MemoryError):
    """Memory was refused."""


class FileError(Error, OSError):
    """A file could not be opened, read or written."""


class FormatError(Error, ValueError):
    """A file was read but is broken or of another kind."""


class UnsupportedError(Error, NotImplementedError):
    """Correct, but this build or model cannot do it."""


class CancelledError(Error):
    """The callback asked to stop."""


class NumericError(Error, ArithmeticError):
    """NaN or infinity where a finite number is needed."""


class InternalError(Error, RuntimeError):
    """A bug of libdrn."""


class DeviceError(Error, RuntimeError):
    """The GPU or its driver is missing, too old, or failed."""


_BY_CODE = {
    1: InvalidError,
    2: NoMemoryError,
    3: FileError,
    4: FormatError,
    5: UnsupportedError,
    6: CancelledError,
    7: NumericError,
    8: InternalError,
    9: DeviceError,
}


def _candidates():
    """Where libdrn may lie: named, beside this package, in the checkout it lies in, or known to the loader."""
    named = os.environ.get("DRN_LIBRARY")
    if named:
        if os.path.isdir(named):
            yield os.path.join(named, SONAME)
        else:
            yield named
        return
    here = os.path.dirname(os.path.abspath(__file__))
    checkout = os.path.dirname(os.path.dirname(here))
    if os.path.exists(os.path.join(checkout, "include", "drn", "drn.h")):
        builds = glob.glob(os.path.join(checkout, "build", "*", SONAME))
        # release first: the others are for finding bugs
        yield from sorted(builds, key=lambda path: (os.sep + "release" + os.sep not in path, path))
    # <prefix>/lib/python3/dist-packages/drn -> <prefix>/lib and the folders below it
    folder = here
    for _ in range(4):
        folder = os.path.dirname(folder)
        found = os.path.join(folder, SONAME)
        if os.path.exists(found):
            yield found
        yield from sorted(glob.glob(os.path.join(folder, "*-linux-gnu*", SONAME)))
    yield SONAME


def _load():
    problems = []
    for path in _candidates():
        try:
            return ctypes.CDLL(path)
        except OSError as problem:
            problems.append(str(problem))
    raise ImportError(
        "drn cannot find %s; install it, or name it in DRN_LIBRARY (%s)" % (SONAME, "; ".join(problems))
    )


def _open():
    library = _load()
    for name, (result, arguments) in _abi.FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError("%s has no %s: not the libdrn of drn %s" % (library._name, name, __version__))
        function.restype, function.argtypes = result, arguments
    version = library.drn_version().decode()
    # structures may change from one 0.x to the next
    if version.split(".")[:2] != __version__.split(".")[:2]:
        raise ImportError("%s is version %s, drn for Python is %s" % (library._name, version, __version__))
    return library


lib = _open()


def call(function, *arguments):
    """Call a function whose last parameter is a drn_error; raise what it returns."""
    err = _abi.Error()
    status = function(*arguments, ctypes.byref(err))
    if status != _abi.OK:
        problem = _BY_CODE.get(status, Error)(err.message.decode("utf-8", "replace"))
        problem.name = lib.drn_status_name(status).decode()
        raise problem


class Callback:
    """A Python function called from C.

    What it raises cancels the call and is raised again behind it; so is Ctrl-C on the main thread.
    """

    def __init__(self, kind, function):
        self.problem = None
        self.interrupt = None

        def guarded(ctx, value):
            try:
                answer = function(value)
            except BaseException as problem:
                self.problem = problem
                return False
            return self.interrupt is None and (answer is None or bool(answer))

        self.c = kind(guarded)

    def call(self, function, *arguments):
        # An exception from a signal would strike between C and the try above, where nothing catches
        # it; so the signal is only noted, and passed on when the call has ended.
        mine = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if mine:
            signal.signal(signal.SIGINT, self._note)
        try:
            call(function, *arguments)
        except CancelledError:
            if self.problem is not None:
                raise self.problem from None
            if self.interrupt is None:
                raise
        finally:
            if mine:
                signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.interrupt is not None:
            signal.default_int_handler(*self.interrupt)

    def _note(self, number, frame):
        self.interrupt = (number, frame)
