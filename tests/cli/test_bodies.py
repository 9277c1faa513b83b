import os
from pathlib import Path

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.bodies import CHUNK, FileBody, FileChangedError
from tests.cli.traversal import make_files


class Paused(StringTransport):
    """A consumer that pauses its producer after each write."""

    body: FileBody

    def write(self, data: bytes) -> None:
        """Take the data, and ask for a pause."""
        super().write(data)
        self.body.pauseProducing()


class FileBodyTests(SynchronousTestCase):
    """A file as a push producer."""

    def setUp(self) -> None:
        """Make a file of four chunks, the last one short."""
        self.content = os.urandom(3 * CHUNK + 5)
        (self.file,) = make_files(Path(self.mktemp()), {"f": self.content})
        self.sent: list[int] = []
        self.body = FileBody(self.file, self.sent.append)
        self.addCleanup(self.body.stop)

    def test_whole(self) -> None:
        """All bytes in order, no chunk larger than CHUNK, and the file is closed at the end."""
        transport = StringTransport()
        self.successResultOf(self.body.startProducing(transport))
        self.assertEqual(transport.value(), self.content)
        self.assertEqual(self.sent, [CHUNK, CHUNK, CHUNK, 5])
        self.assertEqual(self.body._descriptor, -1)

    def test_pauses(self) -> None:
        """Not more than one chunk for each time that the consumer asks: memory stays small."""
        transport = Paused()
        transport.body = self.body
        done = self.body.startProducing(transport)
        for chunks in (1, 2, 3):
            self.assertNoResult(done)
            self.assertEqual(len(transport.value()), chunks * CHUNK)
            self.body.resumeProducing()
        self.successResultOf(done)
        self.assertEqual(transport.value(), self.content)

    def test_stop(self) -> None:
        """Stopped, it writes nothing more and holds no file; resuming then does nothing."""
        transport = Paused()
        transport.body = self.body
        done = self.body.startProducing(transport)
        self.body.stopProducing()
        self.body.resumeProducing()
        self.assertEqual(len(transport.value()), CHUNK)
        self.assertNoResult(done)
        self.assertEqual(self.body._descriptor, -1)

    def test_cut_short(self) -> None:
        """A file that became shorter meanwhile fails."""
        transport = Paused()
        transport.body = self.body
        done = self.body.startProducing(transport)
        os.truncate(self.file.source, CHUNK)
        self.body.resumeProducing()
        self.failureResultOf(done, FileChangedError)
        self.assertEqual(self.body._descriptor, -1)
