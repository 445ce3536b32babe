"""The control plane itself, by the real client: volumes, limits, what containers see, and its end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.cloud.conftest import ROOT, Cloud
from tests.cloud.end_to_end.runs import APP, hows, names, run, told, wait_until

pytestmark = [pytest.mark.needs_modal, pytest.mark.usefixtures("things")]

SIZES = (0, 5, 9 * 1024 * 1024)  # bytes; the client sends a large file apart and fetches it in blocks


def test_files_come_back_from_a_volume_as_they_went(cloud: Cloud, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    for folder in (sent, back):
        folder.mkdir()
    for size in SIZES:
        (sent / f"{size} & %41.bin").write_bytes((b"0123456789abcdef" * (size // 16 + 1))[:size])
    cloud.modal("volume", "put", "things", str(sent), "/folder/sent")
    assert names(cloud, "/folder/sent") == {f"folder/sent/{file.name}" for file in sent.iterdir()}
    again = cloud.modal("volume", "put", "things", str(sent), "/folder/sent", check=False)
    assert again.returncode and "already exists" in again.stdout + again.stderr
    cloud.modal("volume", "get", "things", "folder/sent", str(back))
    assert all((back / "sent" / file.name).read_bytes() == file.read_bytes() for file in sent.iterdir())


def test_only_what_is_committed_is_seen(cloud: Cloud, things: Path) -> None:
    assert cloud.modal("run", f"{APP}::write", "--name=lost", "--text=a", "--no-is-committed", check=False).returncode
    run(cloud, "write", "--name=first", "--text=a", "--is-committed")
    run(cloud, "write", "--name=first", "--text=later", "--is-committed")
    assert "lost" not in names(cloud) and (things / "first").read_text() == "later"


def test_a_commit_of_others_is_seen_after_a_reload(cloud: Cloud, things: Path, tmp_path: Path) -> None:
    client = cloud.start("run", f"{APP}::print_what_is_seen")
    wait_until(lambda: (things / "waiting").exists())
    (tmp_path / "other").write_text("of others")
    cloud.modal("volume", "put", "things", str(tmp_path / "other"), "/other")
    assert client.wait() == 0, client.output
    assert told(client.output, "seen") == (False, True)


def test_a_reload_is_refused_while_the_volume_is_in_use(cloud: Cloud) -> None:
    refused = told(run(cloud, "print_refusals"), "refused")
    assert isinstance(refused, list) and len(refused) == 2
    assert all("there are open files preventing the operation" in each for each in refused)
    reloads = [each["refused_for"] for each in cloud.state()["reloads"]]
    assert ["held"] in reloads and ["."] in reloads and reloads[-1] == []


def test_a_container_sees_what_was_sent_and_not_this_checkout(cloud: Cloud, things: Path) -> None:
    places = ["/things", str(ROOT / "nsm" / "config"), str(things)]
    assert all(Path(place).is_dir() for place in places[1:])
    several = told(run(cloud, "call_several", f"--paths={':'.join(places)}"), "several")
    assert isinstance(several, list) and [each["seen"] for each in several] == [["/things"], [], []]
    for each in several:
        assert "small_app.py" in each["files"]
        assert each["colour"] == "sea green" and each["password"] == "open sesame"
        assert each["processes"] < 10, "it sees processes of this machine"
    assert "open sesame" not in json.dumps(cloud.state())


def test_a_variant_has_its_own_gpu(cloud: Cloud) -> None:
    assert told(run(cloud, "vary"), "varied") == ["/root"]
    variants = [function for function in cloud.state()["functions"].values() if function["variant_of"]]
    assert [variants[-1]["gpus"], variants[-1]["timeout"]] == [["H100"], 60]


def test_large_results_and_long_lines_are_kept_whole(cloud: Cloud) -> None:
    output = run(cloud, "fetch_large")
    assert f"intact {5 * 2**20}" in output
    assert "x" * 300_000 + "end of the line" in cloud.logs()


REFUSED = {
    "gpu='Z80'": "Unknown GPU type 'Z80'",
    "gpu=['A100-40GB', 'A1000']": "Unknown GPU type 'A1000'",
    "timeout=86_401": "86400",
    "retries=11": "10",
}


@pytest.mark.parametrize("option", REFUSED)
def test_what_modal_refuses_is_refused(cloud: Cloud, tmp_path: Path, option: str) -> None:
    file = tmp_path / "refused.py"
    file.write_text(f"import modal\napp = modal.App('refused')\n@app.function({option})\ndef work() -> None: pass\n")
    done = cloud.modal("run", str(file), check=False)
    assert done.returncode == 1 and REFUSED[option] in done.stdout + done.stderr


def test_a_function_that_cannot_be_imported_says_why(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text(
        "import modal\napp = modal.App('broken')\nif not modal.is_local():\n    import no_such_module\n"
        "@app.function()\ndef work() -> None: pass\n"
    )
    done = cloud.modal("run", str(file), check=False)
    assert done.returncode == 1 and "No module named 'no_such_module'" in done.stdout + done.stderr


def test_a_wrong_token_is_refused(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cloud.environment, "MODAL_TOKEN_SECRET", "as-wrong")
    done = cloud.modal("volume", "ls", "things", check=False)
    assert done.returncode == 1 and "Token missing" in done.stdout + done.stderr


def test_nothing_that_the_client_asks_is_unknown(cloud: Cloud) -> None:
    assert cloud.state()["unimplemented"] == []
    assert {"FunctionMap", "VolumeCommit", "AppClientDisconnect"} <= set(cloud.calls())


def commands() -> set[str]:
    """The command lines of all processes."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.add(file.read_bytes().decode(errors="replace").replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("is_killed", [False, True])
def test_nothing_is_left_when_it_ends(tmp_path: Path, is_killed: bool) -> None:
    mine = (str(tmp_path / "cloud"), "sleep(598.75)")
    with Cloud(tmp_path / "cloud", []) as made:
        made.start("run", f"{APP}::endure", "--seconds=598.75").wait_for("enduring")
        wait_until(lambda: all(any(part in command for command in commands()) for part in mine))
        if is_killed:
            made.process.kill()
    assert made.log() == ""
    wait_until(lambda: not any(part in command for command in commands() for part in mine))
    assert mine[0] not in Path("/proc/mounts").read_text()


def test_what_would_never_end_is_ended(tmp_path: Path) -> None:
    with Cloud(tmp_path / "cloud", [], "--patience=4", "--grace=2") as made:
        made.environment["MODAL_HEARTBEAT_INTERVAL"] = "1"
        run(made, "linger")
        client = made.start("run", f"{APP}::endure", "--seconds=600")
        client.wait_for("enduring")
        time.sleep(5)
        assert hows(made, "endure") == [], "its client lives"
        client.close()
        wait_until(lambda: hows(made, "endure") == ["stopped"])
        first = made.state()["attempts"][0]
        assert (first["how"], first["exit_status"]) == ("ok", 137)
