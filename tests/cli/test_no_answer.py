from OpenSSL.SSL import Error as TLSError
from twisted.internet import error
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web._newclient import ParseError, RequestNotSent, RequestTransmissionFailed, ResponseNeverReceived
from twisted.web.http import _DataLoss

from couchpages.cli.no_answer import causes, no_answer


class NoAnswerTests(SynchronousTestCase):
    """Twisted's failures, told in plain words."""

    def test_table(self) -> None:
        """For each: what is said, whether there was a connection, and whether trying again is in vain."""
        table: list[tuple[Exception, str, bool, bool]] = [
            (error.ConnectionRefusedError(), "connection refused", False, False),
            (error.TimeoutError(), "no answer to connecting", False, False),
            (error.DNSLookupError(), "the host name was not found", False, False),
            (error.NoRouteError(), "No route to host", False, False),
            (error.ConnectionLost(), "the connection was lost", True, False),
            (error.ConnectionDone(), "the connection was lost", True, False),
            (RequestNotSent(), "the connection was lost", True, False),
            (_DataLoss(), "the connection was lost", True, False),
            (ParseError("x", b"y"), "does not speak HTTP", True, True),
            (TLSError([("SSL", "", "certificate verify failed")]), "certificate verify failed", True, True),
            (ValueError("odd"), "ValueError: odd", True, True),
        ]
        for cause, told, connected, final in table:
            found = no_answer(cause)
            self.assertIn(told, str(found))
            self.assertEqual((found.connected, found.final), (connected, final), told)

    def test_wrapped(self) -> None:
        """The innermost cause is found in whatever Twisted wrapped around it."""
        lost = error.ConnectionLost()
        wrapped = ResponseNeverReceived([Failure(RequestTransmissionFailed([Failure(lost)]))])
        self.assertIs(causes(wrapped)[-1], lost)
