"""The reactor that the daemon runs on (installs it; imports no reactor before).

Twisted's asyncio reactor on a uvloop loop, where uvloop is installed, else on asyncio's own: the sites' connections are native asyncio
transports there, and everything else is Twisted's as ever. docs/adr/0005 has the reasons and the figures.
"""

import asyncio
import resource
import sys
from typing import Any


def install() -> None:
    """Install the reactor, unless somebody did already: an explicit ``twistd --reactor`` wins."""
    if "twisted.internet.reactor" in sys.modules:
        return
    from twisted.internet import asyncioreactor
    from twisted.internet.main import installReactor

    from couchpages.uvloop_reactor import UvloopReactor

    loop = new_loop()
    if _is_uvloops(loop):
        installReactor(UvloopReactor(loop))
    else:
        asyncioreactor.install(loop)


def new_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop: uvloop's where that is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def description(reactor: Any) -> str:
    """Say in words what *reactor* is, and the loop that it runs on, if any."""
    # Twisted has no public name for the loop, and it is needed before that runs.
    loop = getattr(reactor, "_asyncioEventloop", None)
    name = type(reactor).__name__
    if loop is None:
        return name
    # asyncio's loops are of modules that nobody knows by name.
    return f"{name} with {type(loop).__module__.partition('.')[0]}.{type(loop).__name__}"


def is_asyncio(reactor: Any) -> bool:
    """Whether *reactor*, which may not run yet, runs on an asyncio loop."""
    return getattr(reactor, "_asyncioEventloop", None) is not None


def is_uvloop(reactor: Any) -> bool:
    """Whether *reactor*, which may not run yet, runs on a loop of uvloop."""
    return _is_uvloops(getattr(reactor, "_asyncioEventloop", None))


def _is_uvloops(loop: object) -> bool:
    return type(loop).__module__.partition(".")[0] == "uvloop"


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Give the asyncio loop that runs in this thread, or None on a reactor of another kind."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def raise_descriptor_limit() -> int:
    """Let this process have as many open files as it may, and give how many that is.

    The soft limit is 1,024 for the sake of programs that use select(2); Go's runtime raises it at start as well.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else sys.maxsize
