"""The steps of a deployment over the API: check, upload what is missing, deploy (I/O, on the reactor of its ApiClient)."""

from collections import deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults

from couchpages.cli.answers import Deployment, RefusedError
from couchpages.cli.api import ApiClient
from couchpages.cli.bodies import FileChangedError
from couchpages.cli.errors import CommandError, StoppedError, WrongCallError
from couchpages.cli.files import FoundFile, HashedFile
from couchpages.cli.hashing import CHUNK, hash_file
from couchpages.cli.plan import to_upload
from couchpages.cli.progress import Progress

MOST_ROUNDS = 3
"""How often blobs are uploaded that the server misses at the end: another node may answer than the one that took them."""

_CONFLICT = 409
_UNPROCESSABLE = frozenset({400, 422})

UNCHANGED = "interrupted; the live deployment is unchanged, and what was uploaded need not be uploaded again"
UNKNOWN = "interrupted while the deployment was being made; couchpages deployments shows whether it was"


@dataclass(frozen=True, slots=True)
class Task:
    """What to deploy: *body* as plan.deployment_body made it, *idempotency_key* one of its own for each run."""

    site: str
    files: Sequence[HashedFile]
    body: bytes
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment that was made, and what had to be uploaded for it."""

    deployment: Deployment
    uploaded_files: int
    uploaded_octets: int


class Deploying:
    """One run of a deployment, with *parallel* uploads at once. Cancelling ``run`` gives StoppedError."""

    def __init__(self, api: ApiClient, task: Task, progress: Progress, parallel: int) -> None:
        self._api = api
        self._task = task
        self._progress = progress
        self._parallel = parallel
        self._if_stopped = UNCHANGED
        self._uploaded: list[HashedFile] = []

    async def run(self) -> Deployed:
        """Deploy, or raise a CommandError; whatever fails, the old deployment stays live until the new one is whole."""
        try:
            deployment = await self._deploy()
        except CancelledError:
            raise StoppedError(self._if_stopped) from None
        return Deployed(deployment, len(self._uploaded), sum(file.size for file in self._uploaded))

    async def _deploy(self) -> Deployment:
        missing = await self._api.missing(self._task.site, self._task.body)
        for _ in range(MOST_ROUNDS - 1):
            await self._upload(missing)
            try:
                return await self._commit()
            except RefusedError as error:
                if error.status != _CONFLICT or not self._ours(error.missing):
                    raise
                missing = await self._api.missing(self._task.site, self._task.body) | error.missing
        await self._upload(missing)
        return await self._commit()

    async def _commit(self) -> Deployment:
        self._if_stopped = UNKNOWN
        try:
            return await self._api.deploy(self._task.site, self._task.body, self._task.idempotency_key)
        except RefusedError:
            self._if_stopped = UNCHANGED
            raise

    def _ours(self, missing: AbstractSet[str]) -> bool:
        return any(file.sha256 in missing for file in self._task.files)

    async def _upload(self, missing: AbstractSet[str]) -> None:
        files = to_upload(self._task.files, missing)
        self._progress.uploading(len(files), sum(file.size for file in files))
        waiting = deque(files)
        workers = [Deferred.fromCoroutine(self._work(waiting)) for _ in range(min(self._parallel, len(files)))]
        try:
            await gatherResults(workers, consumeErrors=True)
        except FirstError as error:
            for worker in workers:
                worker.cancel()
            raise error.subFailure.value or error from None

    async def _work(self, waiting: deque[HashedFile]) -> None:
        while waiting:
            file = waiting.popleft()
            await self._put(file)
            self._uploaded.append(file)

    async def _put(self, file: HashedFile) -> None:
        try:
            await self._api.put_blob(file, self._progress.sent)
        except RefusedError as error:
            if error.status in _UNPROCESSABLE and _has_changed(file):
                raise FileChangedError(file.path) from None
            raise CommandError(f"{file.path}: {error}") from None


def _has_changed(file: HashedFile) -> bool:
    """Read the file again: its times may not tell of a change within one tick of the file system's clock."""
    try:
        return hash_file(FoundFile(file.path, file.source), bytearray(CHUNK)).sha256 != file.sha256
    except WrongCallError:
        return True
