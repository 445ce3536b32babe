"""A process that draws the view of a run, so that the one that trains need not wait for it."""

from __future__ import annotations

import os
import select
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from nsm.dashboard.child import launch
from nsm.runs import Run

__all__ = ["Painter"]

NICENESS = 10


class Painter:
    """Draws on demand, one picture at a time, in a process that ends with this one.

    Args:
        run: What is drawn.

    Attributes:
        is_busy: Whether a picture has been asked for that is not there yet.
        seconds: Processor time of the last picture.
    """

    def __init__(self, run: Run) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="nsm-view-"))
        self._target = self._folder / "view.png"
        self._process = launch([__name__, str(run.folder.absolute()), str(self._target)])
        self.is_busy, self.seconds = False, 0.0

    @property
    def is_alive(self) -> bool:
        """Whether it can draw."""
        return self._process.poll() is None

    def ask(self) -> None:
        """Asks for a picture of what there is now."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
            self.is_busy = True
        except OSError:  # it has died
            self.is_busy = False

    def fetch(self) -> bytes | None:
        """The picture that was asked for; None while it is being drawn, or where it failed."""
        pipe = self._process.stdout
        assert pipe is not None
        if not self.is_busy or not select.select([pipe], [], [], 0.0)[0]:
            return None
        said, self.is_busy = os.read(pipe.fileno(), 64), False
        try:
            self.seconds = float(said)
            return self._target.read_bytes()
        except (OSError, ValueError):  # it has died, or could not draw
            return None

    def close(self) -> None:
        """Ends the process, and removes what it has drawn."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):  # it has died, and cannot be told what it was to draw
                pipe.close()
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def main(folder: str, target: str) -> None:
    """Draws a run whenever a line comes, to the end of them; answers with the processor time that it took."""
    from nsm.analysis.live import run_view
    from nsm.analysis.plots import png_bytes

    for _ in sys.stdin:
        began = time.process_time()
        part = Path(f"{target}.part")
        part.write_bytes(png_bytes(run_view(Run(Path(folder)))))
        part.replace(target)
        sys.stdout.write(f"{time.process_time() - began:.4f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    os.nice(NICENESS)
    main(*sys.argv[1:])
