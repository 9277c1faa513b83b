"""The machine's own resolvers."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.lookups.resolv_conf import ResolvConf
from couchpages.config_values import SocketAddress


class ResolvConfTests(SynchronousTestCase):
    """``ResolvConf``."""

    def setUp(self) -> None:
        """Name a file."""
        self.path = Path(self.mktemp())
        self.conf = ResolvConf(self.path)

    def write(self, text: str, moment: int) -> None:
        """Write the file, at a moment."""
        self.path.write_text(text)
        os.utime(self.path, (moment, moment))

    def test_read_anew(self) -> None:
        """It is read when it has changed, and then alone."""
        self.write("# x\nsearch example.org\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions edns0\n", 1)
        expected = (SocketAddress("192.0.2.1", 53), SocketAddress("2001:db8::1", 53))
        self.assertEqual(self.conf.servers(), expected)
        self.assertIs(self.conf.servers(), self.conf.servers())
        self.write("nameserver 192.0.2.2\n", 2)
        self.assertEqual(self.conf.servers(), (SocketAddress("192.0.2.2", 53),))

    def test_none(self) -> None:
        """Where none is named, or nothing can be read, it says what to do; and it is read once that is mended."""
        for text in (None, "", "nameserver nonsense\n", "search example.org\n"):
            if text is not None:
                self.write(text, 1)
            error = self.assertRaises(ValueError, self.conf.servers)
            self.assertIn("[acme] resolvers", str(error))
            self.assertIn(str(self.path), str(error))
        self.write("nameserver 192.0.2.1\n", 1)
        self.assertEqual(self.conf.servers(), (SocketAddress("192.0.2.1", 53),))
