"""What testssl.sh, which looks for weaknesses of TLS servers, finds here."""

import json
import subprocess
from typing import Any, ClassVar

from couchpages.certs.certificates import Kind
from tests.integration.https_case import HttpsCase

#: What says something of a certificate that a test's authority issued, or of the machine that the test runs on.
NOT_OURS = ("cert_", "DNS_CAArecord", "engine_problem", "OCSP")
BAD = ("MEDIUM", "HIGH", "CRITICAL")


class ByTestssl(HttpsCase):
    """testssl.sh on the reactor that twistd installs."""

    needs: ClassVar[tuple[str, ...]] = ("testssl", "openssl")

    def found(self) -> list[dict[str, Any]]:
        """Give what it finds, with certificates of both kinds."""
        node = self.serving({"https": {"hsts": 63_072_000}})
        for kind in Kind:
            self.import_(node, self.site, kind=kind)
        self.wait_for(node, self.site)
        file = self.folder / "found.json"
        command = [
            "testssl",
            "--quiet",
            "--color",
            "0",
            "--warnings",
            "off",
            "--severity",
            "LOW",
            "--jsonfile",
            str(file),
        ]
        address = f"https://{self.site}:{node.https}/"
        subprocess.run(
            [*command, "--add-ca", str(self.root), "--ip", "127.0.0.1", address],
            capture_output=True,
            timeout=400,
            check=False,
        )
        found: list[dict[str, Any]] = json.loads(file.read_text())
        self.assertTrue(found, "not even what every certificate of a test has was found")
        return found

    def test_nothing_above_low(self) -> None:
        """Nothing is found that is worse than low, but for what comes from the certificate's own chain."""
        bad = [each for each in self.found() if each["severity"] in BAD and not each["id"].startswith(NOT_OURS)]
        self.assertEqual(bad, [])


class ByTestsslOnEpoll(ByTestssl):
    """The same on Twisted's epoll reactor, whose TLS is pyOpenSSL's."""

    twistd = ("--reactor=epoll",)
