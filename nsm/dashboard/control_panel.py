"""A panel that starts, pauses, resumes and stops a training of the background."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm.analysis.live import run_view
from nsm.analysis.plots import png_bytes
from nsm.dashboard.background_runs import BackgroundRun, background, start
from nsm.dashboard.bars import Bar, bars_html
from nsm.dashboard.extra import notebook_module
from nsm.dashboard.keepsake import Keepsake, picture_html
from nsm.errors import NSMError
from nsm.runs import Run

if TYPE_CHECKING:
    from nsm.config import Config

__all__ = ["ControlPanel", "panel"]


class ControlPanel:
    """Buttons, a bar, a line of state and the curves of one run; each button is a method too.

    What it shows comes from the run folder, so several panels may show one run, and a panel made after a restart of
    the kernel shows what an earlier one started. Where the notebook is opened without its kernel, the line and the
    curves are still there.

    Args:
        config: What to train when start is pressed; None for a run that is there.
        job: The run; None before it is started.

    Attributes:
        job: The run in the background; None before the start.
        widget: What the notebook shows.
    """

    def __init__(self, config: Config | None, job: BackgroundRun | None) -> None:
        widgets = notebook_module("ipywidgets")
        self.config, self.job = config, job
        self._seen: object = None
        self._watcher: threading.Thread | None = None
        self._one_at_a_time = threading.Lock()
        self.buttons: dict[str, Any] = {
            name: widgets.Button(description=name.capitalize(), icon=icon, tooltip=told)
            for name, icon, told in (
                ("start", "play", "train in a process of its own"),
                ("pause", "pause", "finish the step, save, and end the process"),
                ("resume", "forward", "go on where the run stands"),
                ("stop", "stop", "like pause; kills a process that does not answer"),
            )
        }
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: self._press(name))
        self._line = widgets.HTML()
        self._picture = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", display="none"))
        row = widgets.HBox(list(self.buttons.values()), layout=widgets.Layout(flex_flow="row wrap"))
        self.widget: Any = widgets.VBox([row, self._line, self._picture])
        self._keepsake = Keepsake(self.widget)
        self.refresh()

    def start(self) -> BackgroundRun:
        """Starts the training.

        Raises:
            RunError: If it cannot be started, or runs already.
        """
        if self.job is not None or self.config is None:
            raise NSMError("the run has been started", hint="resume() goes on with it; a new panel starts another")
        self.job = start(self.config)
        self.watch()
        return self.job

    def pause(self) -> None:
        """Asks the training to finish its step, save and end."""
        self._job.pause()
        self.refresh()

    def resume(self) -> None:
        """Goes on where the run stands."""
        self._job.resume()
        self.watch()

    def stop(self) -> None:
        """Like :meth:`pause`; a process that does not answer is killed."""
        self._job.stop()
        self.refresh()

    @property
    def state(self) -> str:
        """``new``, or that of the run."""
        return "new" if self.job is None else self.job.state

    def refresh(self) -> None:
        """Shows what is there now."""
        with self._one_at_a_time:
            job = self.job
            is_alive, state = job is not None and job.is_alive, self.state
            usable = {
                "start": job is None,
                "pause": is_alive or state == "running",
                "resume": job is not None and not is_alive and state not in ("running", "finished"),
                "stop": is_alive or state == "running",
            }
            for name, button in self.buttons.items():
                button.disabled = not usable[name]
            self._show()

    def _show(self) -> None:
        """The line, and the curves where they have changed."""
        if self.job is None:
            self._line.value = bars_html([], "not started")
            self._keepsake.keep(self._line.value, "not started")
            return
        job, at = self.job, self.job.at
        line = f"{job.run.name}: {job.summary}"
        self._line.value = bars_html([Bar("epochs", at.epoch, at.epochs)], line)
        if self._seen == (at.epoch, at.state):
            return
        self._seen = (at.epoch, at.state)
        kept = self._line.value
        if at.records:
            self._picture.value = png_bytes(run_view(job.run))
            self._picture.layout.display = None
            kept += picture_html(self._picture.value, line)
        self._keepsake.keep(kept, line)

    def watch(self, *, every: float = 1.0) -> None:
        """Keeps the panel current from a thread, until the run has ended."""
        self.refresh()
        if self._watcher is None or not self._watcher.is_alive():
            self._watcher = threading.Thread(target=self._keep_current, args=(every,), daemon=True)
            self._watcher.start()

    def _keep_current(self, every: float) -> None:
        pause = threading.Event()
        while self.job is not None and (self.job.is_alive or self.state == "running"):
            pause.wait(every)
            self.refresh()
        self.refresh()

    def _press(self, name: str) -> None:
        """What a button does; an error becomes a line of the panel."""
        try:
            getattr(self, name)()
        except NSMError as failure:
            self._line.value = bars_html([], str(failure))

    @property
    def _job(self) -> BackgroundRun:
        if self.job is None:
            raise NSMError("nothing has been started yet", hint="start() does it")
        return self.job

    def _ipython_display_(self) -> None:
        self._keepsake.show()
        if self.job is not None:
            self.watch()


def panel(config_or_run: Config | BackgroundRun | Run | str | Path, *, root: Path | None = None) -> ControlPanel:
    """A panel for a new training, or for a run that is there.

    Args:
        config_or_run: What to train, or a run, its folder or its name.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.

    Raises:
        NSMError: If ipywidgets is not installed, or there is no such run.
    """
    from nsm.config import Config

    if isinstance(config_or_run, Config):
        return ControlPanel(config_or_run, None)
    return ControlPanel(None, background(config_or_run, root=root))
