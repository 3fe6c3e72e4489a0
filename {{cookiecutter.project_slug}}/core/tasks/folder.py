"""Tasks as files in a folder: a queue for development and tests, with no server to install.

The tasks of a worker that is killed are gone, and each worker looks for new ones ten times a second.
"""

from pathlib import Path
from time import time_ns
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Kombu's own, in a folder that it makes, with messages that nobody sees half written."""

    @property
    def control_folder(self) -> Path:
        folder = Path(self.transport_options["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    data_folder_in = data_folder_out = control_folder

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        # https://github.com/celery/kombu/issues/1551
        name = f"{time_ns()}_{uuid4()}"
        unfinished = self.control_folder / name
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.replace(self.control_folder / f"{name}.{queue}.msg")


class Transport(filesystem.Transport):
    """Named by `CELERY_BROKER_TRANSPORT`; its option `folder` says where."""

    Channel = Channel
    polling_interval = 0.1
