"""What an integration test needs of the machine, and the words with which it is skipped where that is missing (asks the machine)."""

import os
import shutil
from pathlib import Path

COUCHDB = os.environ.get("COUCHPAGES_TEST_COUCHDB")
#: A second server, for tests with two nodes; they use databases of the first where there is none.
COUCHDB_2 = os.environ.get("COUCHPAGES_TEST_COUCHDB_2")


def lacking(*needs: str, couchdb: bool = False) -> str | None:
    """Say why tests cannot run here, or give None: what trial takes as ``skip``.

    *needs* are programs, and files with their whole paths; *couchdb* stands for an Apache CouchDB.
    """
    if not os.environ.get("COUCHPAGES_TEST_PEERS"):
        return "takes minutes, and servers and clients of others: run make test-peers, or set COUCHPAGES_TEST_PEERS=1"
    for need in needs:
        if not (Path(need).exists() if need.startswith("/") else program_path(need)):
            return f"{need} is not there; etc/install-peers installs it where the package exists"
    if couchdb and not COUCHDB:
        return "set COUCHPAGES_TEST_COUCHDB, for instance to http://admin:secret@127.0.0.1:5984"
    return None


def program_path(program: str) -> str | None:
    """Find a program, also among those that only root has in its PATH."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
