"""h2's protocol core with what twisted.web needs beside it: events in an order that it bears, GOAWAY while it goes on (pure)."""

from copy import deepcopy
from typing import TYPE_CHECKING

from h2.connection import H2Connection
from h2.events import DataReceived, Event, RemoteSettingsChanged, RequestReceived, StreamReset
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Frames(H2Connection):
    """One connection, whose other end is told to have no more than *streams* at once.

    :ivar gone: the streams that were reset in what came last.
    :ivar opened: whether it changed the windows that streams begin with, which opens those of streams that there are
        (RFC 9113 section 6.9.2).
    """

    def __init__(self, former: H2Connection, streams: int) -> None:
        super().__init__(config=former.config)
        self._most = streams
        self.gone: dict[int, StreamReset] = {}
        self.opened = False

    def initiate_connection(self) -> None:
        """Begin, with a first SETTINGS that says how many streams there may be.

        That holds once it is acknowledged, and h2's own limit until then (RFC 9113 section 6.5.3). Said in a second frame it would hold
        too early: whichever is acknowledged, h2 takes that for every change that it sent.
        """
        until_then = self.local_settings
        self.local_settings = deepcopy(until_then)
        self.local_settings.max_concurrent_streams = self._most
        self.local_settings.acknowledge()
        super().initiate_connection()
        self.local_settings = until_then
        self.local_settings.max_concurrent_streams = self._most

    def receive_data(self, data: "Buffer") -> list[Event]:
        """Give the events in *data*, of streams that are reset in it only that, and that they were begun: h2 takes no answer for them."""
        events = super().receive_data(data)
        self.gone = {event.stream_id: event for event in events if isinstance(event, StreamReset)}
        self.opened = any(isinstance(event, RemoteSettingsChanged) and _opens(event) for event in events)
        return self._without_gone(events) if self.gone else events

    def go_away(self, last: int) -> None:
        """Say that no stream after *last* is answered; those up to it still are, for which :meth:`close_connection` has no way."""
        frame = GoAwayFrame(0)
        frame.last_stream_id = last
        self._prepare_for_sending([frame])

    def room(self, stream: int) -> int:
        """Give how many bytes the window of *stream* has room for, the connection's apart."""
        found = self.streams.get(stream)
        return 0 if found is None else found.outbound_flow_control_window

    def _without_gone(self, events: list[Event]) -> list[Event]:
        begun = {event.stream_id for event in events if isinstance(event, RequestReceived)}
        given: list[Event] = [event for stream, event in self.gone.items() if stream not in begun]
        for event in events:
            stream = getattr(event, "stream_id", None)
            if stream not in self.gone:
                given.append(event)
            elif isinstance(event, RequestReceived):
                given += [event, self.gone[stream]]
            elif isinstance(event, DataReceived):
                self.acknowledge_received_data(event.flow_controlled_length, stream)
        return given


def _opens(event: RemoteSettingsChanged) -> bool:
    return SettingCodes.INITIAL_WINDOW_SIZE in event.changed_settings
