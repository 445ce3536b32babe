"""Which run and which of its checkpoints a notebook looks at."""

from __future__ import annotations

from pathlib import Path

from nsm.errors import RunError
from nsm.runs import Run, find_run, list_runs, resolve_root

__all__ = ["choose"]


def choose(named: str | Path | None = None, root: Path | str | None = None) -> tuple[Run, Path]:
    """A run and its checkpoint: those that are named, else the newest run that has a best model.

    A run that is named and has no best model yet, since it was never validated, is opened where it stands.

    Args:
        named: A run (its folder, its name, or the beginning of it), or the file of a run's checkpoint.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.

    Raises:
        RunError: If there is no such run or file.
    """
    home = resolve_root(None if root is None else Path(root))
    if named is None:
        trained = [run for run in list_runs(home) if run.best.is_file()]
        if not trained:
            raise RunError("no run here has a best model yet", file=home, hint="train one: sections 2 to 5")
        return trained[-1], trained[-1].best
    file = Path(named).expanduser()
    if file.suffix != ".pt":
        run = find_run(named, home)
        kept = next((path for path in (run.best, run.last) if path.is_file()), None)
        if kept is None:
            raise RunError("this run has no checkpoint yet", file=run.folder, hint="train it: sections 4 and 5")
        return run, kept
    file = next((path for path in (file, home / file) if path.is_file()), file)
    if not file.is_file():
        raise RunError("there is no such checkpoint", file=file, hint="section 6 lists those that there are")
    if not (file.parent / "config.toml").is_file():
        hint = "its weights can be loaded all the same: pipeline.open_model(FILE)"
        raise RunError("this checkpoint lies in no run's folder", file=file, hint=hint)
    return Run(file.parent), file
