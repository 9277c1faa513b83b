"""What installs the reactors that a node may run on; programs of tests begin with it."""

EPOLL = "from twisted.internet import epollreactor; epollreactor.install()"
UVLOOP = """
from couchpages import reactors
reactors.install()
from twisted.internet import reactor
assert reactors.is_uvloop(reactor)
"""
REACTORS = {"epoll": EPOLL, "uvloop": UVLOOP}
