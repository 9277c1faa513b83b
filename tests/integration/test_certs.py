"""Certificates on a running daemon: imported, listed, exported, written to files, sealed anew, deleted; never in clear."""

import json
import signal
import ssl
import urllib.request
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from couchpages.certs.certificates import Kind
from couchpages.testing.authority import Authority
from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.node import Node, wait_until
from tests.integration.past_the_api import Database


class Certificates(NodeCase):
    """``couchpages certs`` beside the daemon."""

    always = True

    def setUp(self) -> None:
        """Start a node that writes certificates to files and runs a command."""
        super().setUp()
        self.out = self.folder / "out"
        self.told = self.folder / "told"
        script = self.folder / "changed"
        script.write_text(f'#!/bin/sh\necho "$COUCHPAGES_CERTIFICATES" >> {self.told}\n')
        script.chmod(0o755)
        settings = {"certs": {"export_dir": str(self.out), "export_command": [str(script)]}}
        self.one = self.new_node(settings)
        self.one.start()
        self.authority = Authority()
        self.keys: list[bytes] = []
