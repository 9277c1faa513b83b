"""What both libraries would print of server names that strangers send (does I/O only by the hooks that were there before).

Bad handshakes write no lines into the log: anybody may begin as many as he likes.
"""

import sys
from typing import Any


def keep_quiet_of_names() -> None:
    """Have server names that are not ASCII not shown, from now on."""
    if not isinstance(sys.unraisablehook, _QuietOfNames):
        sys.unraisablehook = _QuietOfNames(sys.unraisablehook)


class _QuietOfNames:
    """Shows to the hook *former* what has no caller, but server names that are not ASCII: anybody may send them as often as he likes.

    Those come from the standard library's own part of the callback (``_servername_callback`` of ``_ssl.c``).
    """

    def __init__(self, former: Any) -> None:
        self._former = former

    def __call__(self, unraisable: Any) -> None:
        """Show it, or not."""
        of_name = isinstance(unraisable.object, bytes) or "servername" in (unraisable.err_msg or "")
        if not (of_name and issubclass(unraisable.exc_type, UnicodeDecodeError)):
            self._former(unraisable)


def unrecognized() -> Exception:
    """Give what to raise for a server name that is not ours.

    OpenSSL sends unrecognized_name when the callback fails, and pyOpenSSL has it fail when it raises, but shows the error by
    ``sys.excepthook`` first: to that very call, and no other, it is not shown.
    """
    if not isinstance(sys.excepthook, _Quiet):
        sys.excepthook = _Quiet(sys.excepthook)
    sys.excepthook.error = error = LookupError("no certificate for this name")
    return error


class _Quiet:
    """Stands for the hook *former* until it is called, once."""

    error: Exception | None = None

    def __init__(self, former: Any) -> None:
        self._former = former

    def __call__(self, kind: Any, value: BaseException, trace: Any) -> None:
        """Show it, or not, and be gone."""
        sys.excepthook = self._former
        if value is not self.error:
            self._former(kind, value, trace)
