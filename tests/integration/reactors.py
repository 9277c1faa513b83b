"""What installs the reactors that a node may run on; programs of tests begin with it."""

EPOLL = "from twisted.internet import epollreactor; epollreactor.install()"
UVLOOP = """
import asyncio, uvloop
from twisted.internet import asyncioreactor
asyncio.set_event_loop(uvloop.new_event_loop())
asyncioreactor.install(asyncio.get_event_loop())
"""
REACTORS = {"epoll": EPOLL, "uvloop": UVLOOP}
