"""Shows how far a deployment is: a bar on a terminal, a line for each step elsewhere, nothing when asked (I/O: stderr)."""

from typing import TYPE_CHECKING, Protocol

from couchpages.cli.output import amount, counted, remark

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Progress(Protocol):
    """Hears what a deployment does. Called in one thread; ``close`` may be repeated."""

    def hashing(self, files: int) -> None:
        """So many files will be hashed."""
        ...

    def hashed(self, files: int) -> None:
        """So many more files are hashed."""
        ...

    def uploading(self, files: int, octets: int) -> None:
        """So much will be uploaded."""
        ...

    def sent(self, octets: int) -> None:
        """So many more octets went out; negative when they have to go again."""
        ...

    def notice(self, text: str) -> None:
        """Something that people should know."""
        ...

    def close(self) -> None:
        """Nothing follows."""
        ...


class Silent:
    """Shows nothing."""

    def hashing(self, files: int) -> None:
        """Show nothing."""

    def hashed(self, files: int) -> None:
        """Show nothing."""

    def uploading(self, files: int, octets: int) -> None:
        """Show nothing."""

    def sent(self, octets: int) -> None:
        """Show nothing."""

    def notice(self, text: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""


class Lines(Silent):
    """Writes a line where something begins: for logs."""

    def uploading(self, files: int, octets: int) -> None:
        """Say how much."""
        remark(f"uploading {counted(files)}, {amount(octets)}" if files else "nothing to upload")

    def notice(self, text: str) -> None:
        """Say it."""
        remark(text)


class Bar(Silent):
    """Draws a bar; remarks appear above it."""

    def __init__(self) -> None:
        # Imported here: only a terminal needs it.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._console = Console(stderr=True)
        self._bar: RichProgress = Progress(*columns, console=self._console, transient=True)
        self._task: TaskID | None = None
        self._bar.start()

    def hashing(self, files: int) -> None:
        """Begin the bar of the hashing."""
        self._begin("hashing", files)

    def hashed(self, files: int) -> None:
        """Move it."""
        self._advance(files)

    def uploading(self, files: int, octets: int) -> None:
        """Begin the bar of the upload."""
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn

        self._bar.columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._begin(f"uploading {counted(files)}", octets)

    def sent(self, octets: int) -> None:
        """Move it, also back."""
        self._advance(octets)

    def notice(self, text: str) -> None:
        """Say it above the bar."""
        self._console.print(f"couchpages: {text}", markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def _begin(self, what: str, total: int) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(what, total=total)

    def _advance(self, by: int) -> None:
        if self._task is not None:
            self._bar.advance(self._task, by)


def choose(*, quiet: bool, terminal: bool) -> Progress:
    """Give the way of showing that fits."""
    if quiet:
        return Silent()
    return Bar() if terminal else Lines()
