from twisted.trial.unittest import SynchronousTestCase

from tests.bench.hot_path.asking import Ask


class AskTests(SynchronousTestCase):
    """Tests of the requests."""

    def test_thirteen_headers(self) -> None:
        """A request is whole, and has as many headers as Chrome's."""
        first, *fields, end, nothing = Ask("/one.css", 1024).written().split(b"\r\n")
        self.assertEqual((first, end, nothing), (b"GET /one.css HTTP/1.1", b"", b""))
        self.assertEqual(len(fields), 13)
        self.assertIn(b"Connection: keep-alive", fields)

    def test_more(self) -> None:
        """A condition and another host stand in the request, and so does that the connection is to be closed."""
        written = Ask("/", 0, host="site7.test", closing=True, more={"If-None-Match": '"x"'}).written()
        for line in (b"Host: site7.test\r\n", b"Connection: close\r\n", b'If-None-Match: "x"\r\n'):
            self.assertIn(line, written)
