"""The run folder: the single source of truth that training appends to and every view reads."""

from nsm.runs.files import locked, replacing, write_json, write_text
from nsm.runs.folder import (
    EPOCH_FILE,
    Run,
    create_run,
    discarding,
    ensure_writable,
    find_run,
    list_runs,
    new_run_name,
    require_unused,
    resolve_root,
)
from nsm.runs.lock import exclusive, holder, is_held, is_locked, require_free

__all__ = [
    "EPOCH_FILE",
    "Run",
    "create_run",
    "discarding",
    "ensure_writable",
    "exclusive",
    "find_run",
    "holder",
    "is_held",
    "is_locked",
    "list_runs",
    "locked",
    "new_run_name",
    "replacing",
    "require_free",
    "require_unused",
    "resolve_root",
    "write_json",
    "write_text",
]
