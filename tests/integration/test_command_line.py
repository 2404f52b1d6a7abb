"""The commands as people type them: exit codes, one clear text for what they can mend, and never a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker import RealKafka
from tests.integration.bad_records import event
from tests.integration.kafka_log import Sending, write
from tests.integration.processes import (
    INTERRUPTIBLE,
    LISTENING,
    ROOT,
    Ended,
    Process,
    Processes,
    cxloop,
    processes,
    until,
)

COMMANDS = ("demo", "run", "replay", "check", "topics", "schemas", "deadletters")
NOBODY = "127.0.0.1:1"
EVENTS = ROOT / "tests" / "golden" / "late-truth-retracts-the-alert-and-mends-the-metric" / "events.jsonl"
TWICE = ("--source", "one.yml", "--source", "other.yml")

BROKEN_RULES = """\
rules:
  - id: first
    summary: A type that nobody knows.
    when: {event: survey.answred, nps: "<= 6"}
    alert: warning
  - id: second
    summary: A metric that nobody knows, and a window that there is not.
    when: {metric: npss, over: 90d, is: "< 0"}
    alert: urgent
  - id: second
    summary: The same id again, and a field that nobody knows.
    when: {event: survey.answered, npz: 3}
    alert: info
"""


def run(*arguments: str | Path, **env: str) -> Ended:
    """A command, which must not show a traceback."""
    ended = cxloop(*arguments, env=env)
    assert "Traceback" not in ended.said
    return ended


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Processes]:
    with processes(tmp_path) as some:
        yield some


# -- help and usage


@pytest.mark.parametrize(
    "command", [*COMMANDS, *(f"deadletters {one}" for one in ("list", "show", "replay"))]
)
def test_the_help_of_a_command_shows_an_example(command: str) -> None:
    ended = run(*command.split(), "--help")
    assert ended.code == 0
    assert f"Example: cxloop {command} " in ended.out
    assert f"Usage: cxloop {command} " in ended.out


def test_help_names_every_command() -> None:
    ended = run("--help")
    assert ended.code == 0
    assert set(COMMANDS) <= set(ended.out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demmo"], "demmo"),
        (["check", "--jsn"], "--jsn"),
        (["replay"], "events"),
        (
            ["replay", EVENTS, "--until", "tomorrow"],
            '--until: "tomorrow" is no time; write for example 2026-',
        ),
        (["replay", EVENTS, "--until", "2026-01-01T00:00:00"], "has no offset from UTC"),
        (["replay", EVENTS, "--until", "20260101"], "write for example 2026-01-01T00:00:00Z"),
        (["replay", EVENTS, "--partitions", "0"], "--partitions"),
        (["replay", EVENTS, "--zone", "Mars"], '--zone (CXLOOP_ZONE): "Mars" is no time zone'),
        (["replay", EVENTS, *TWICE], "--source stands twice; one mapping is for all files"),
        (["explain", "any", "anna", EVENTS, *TWICE], "--source stands twice"),
        (["backtest", EVENTS, "--against", "rules", *TWICE], "--source stands twice"),
        (["rules", EVENTS, *TWICE], "--source stands twice"),
        (["deadletters", "list", "--reason", "jsn.invalid"], 'is no reason; did you mean "json.invalid"?'),
        (["deadletters", "replay"], "name dead letters by their ids, or all of one reason with --reason"),
        (["deadletters", "replay", "a", "b", "--with", "mended.json"], "so name one id"),
        (["run", "--web-port", "99999"], "--web-port"),
        (["run", "--workers", "0"], "--workers"),
        (["run", "--broker", "127.0.0.1:99999"], '"127.0.0.1:99999" has no port from 1 to 65535'),
        (["topics", "--broker", "a:1 b:2"], '"a:1 b:2" is no address; write host:port'),
        (["run", "--web-port", "65535", "--workers", "3"], "3 workers have a port each from here on"),
        (["run", "--prefix", "my topics"], "--prefix (CXLOOP_PREFIX)"),
        (["demo", "--speed", "fast"], '--speed: "fast" is no length of time; write for example'),
        (["demo", "--speed", "1000d"], "--speed: no machine follows 1000d a second; write at most 24h"),
        (["demo", "--for", "soon"], '--for: "soon" is no length of time'),
    ],
    ids=lambda value: " ".join(map(str, value[:2])) if isinstance(value, list) else "",
)
def test_wrong_usage_is_told_with_exit_code_2(arguments: list[str | Path], said: str) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert said in ended.err
    assert not ended.out


def test_a_wrong_setting_in_the_environment_is_wrong_usage_too() -> None:
    ended = run("topics", "--broker", NOBODY, CXLOOP_LATENESS="soon", CXLOOP_WEB_PORT="http")
    assert ended.code == 2
    assert [line.split(":")[0] for line in ended.err.splitlines()] == [
        "CXLOOP_LATENESS",
        "--web-port (CXLOOP_WEB_PORT)",
    ]


# -- check


def test_what_comes_with_cxloop_is_right() -> None:
    ended = run("check")
    assert (ended.code, ended.err) == (0, "")
    assert re.fullmatch(
        r"All is right: \d+ rules in \d+ files, 1 journey and 0 source mappings\.\n", ended.out
    )


def test_all_mistakes_of_a_rule_file_are_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(BROKEN_RULES)
    ended = run("check", file)
    assert ended.code == 1
    lines = ended.err.splitlines()
    assert all(re.match(rf"{file}:\d+:\d+: \S", line) for line in lines)
    for place, what in [
        ("4:19", 'did you mean "survey.answered"?'),
        ("8:20", 'did you mean "nps"?'),
        ("8:32", "up to 28d in whole hours"),
        ("9:12", "info, warning or critical"),
        ("10:9", '"second" is taken'),
        ("12:36", 'did you mean "nps"?'),
    ]:
        assert [line for line in lines if line.startswith(f"{file}:{place}: ") and what in line], (
            place,
            lines,
        )
    assert len(lines) == 6


def test_check_tells_scripts_the_same_in_json(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(BROKEN_RULES)
    told = run("check", file).err.splitlines()
    ended = run("check", file, "--json")
    assert (ended.code, ended.err) == (1, "")
    found = json.loads(ended.out)
    assert [f"{one['file']}:{one['line']}:{one['column']}: {one['text']}" for one in found] == told
    right = run("check", "--json")
    assert (right.code, json.loads(right.out)) == (0, [])


def test_check_refuses_what_a_replay_refuses(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "journey.yml").write_text("journey: own\nstages: {till: {target: {npss: 3}}}\n")
    rules = ROOT / "tests" / "golden" / "late-truth-retracts-the-alert-and-mends-the-metric" / "rules.yml"
    for given, journey, said in [
        (rules, str(tmp_path / "journey.yml"), "journey.yml:2:32: unknown metric"),
        (rules, "five-phase", 'did you mean "five-phases"?'),
        (tmp_path / "rules", "five-phases", "rules: no rule files (*.yml) are there"),
    ]:
        checked = run("check", given, CXLOOP_JOURNEY=journey)
        replayed = run("replay", EVENTS, "--rules", given, "--out", tmp_path, CXLOOP_JOURNEY=journey)
        assert (checked.code, checked.err) == (replayed.code, replayed.err)
        assert said in checked.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Nothing yet.\n", '1:1: the file is empty; a rule file begins with "rules:", a journey with'),
        ("type: review.posted\n", '1:1: "source" is missing'),
        ("journey: own\n", '1:1: "stages" is missing'),
        ("journey: own\nsource: x\n", '2:1: "source" is not known here'),
        ("rules: []\ntype: x\n", '2:1: "type" is not known here; a rule file has'),
        ("rules: [care.yml]\ntests: []\n", "1:1: this is a file of tests; cxloop test reads and runs it"),
    ],
)
def test_a_file_is_checked_as_what_it_is(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "some.yml"
    file.write_text(text)
    ended = run("check", file)
    assert ended.code == 1
    assert f"{file}:{said}" in ended.err


@pytest.mark.parametrize(
    ("before", "name"),
    [
        (["check"], "missing"),
        (["check"], "noise"),
        (["replay", EVENTS, "--rules"], "noise"),
        (["run", "--broker", NOBODY, "--rules"], "missing"),
        (["demo", "--rules"], "noise"),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, list) else str(value),
)
def test_a_rule_file_that_cannot_be_read_is_told_in_one_line(
    before: list[str | Path], name: str, tmp_path: Path
) -> None:
    (tmp_path / "noise.yml").write_bytes(b"\x00\xff\xfe rules")
    file = tmp_path / f"{name}.yml"
    ended = run(*before, file)
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith(str(file))


# -- replay


def test_a_replay_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder, more in zip(folders, (["--batch", "1"], [], ["--batch", "7"]), strict=True):
        seed = str(len(folder.name))
        assert run("replay", EVENTS, *more, "--out", folder, PYTHONHASHSEED=seed).code == 0
    one, two, three = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders]
    assert set(one) == {"alerts.jsonl", "followups.jsonl", "metrics.jsonl", "deadletters.jsonl"}
    assert one == two == three
    assert one["metrics.jsonl"].count(b"\n") > 2


def test_a_replay_tells_scripts_what_came_out(tmp_path: Path) -> None:
    ended = run("replay", EVENTS, "--out", tmp_path, "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["events"] == len(EVENTS.read_text().splitlines())


def test_a_replay_tells_what_became_of_each_line(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    lines = [event(id=name) for name in ("a", "b", "a")]
    file.write_bytes(b"\n".join([*lines, b"{", event(id="z", time="2027-01-01T00:00:00Z")]))
    ended = run("replay", file, "--until", "2026-12-01", "--out", tmp_path)
    assert (ended.code, ended.err) == (0, "")
    rows = dict(
        re.findall(r"^(Events|  duplicates|  after --until|Dead letters) +(\d+) *$", ended.out, re.MULTILINE)
    )
    assert rows == {"Events": "5", "  duplicates": "1", "  after --until": "1", "Dead letters": "1"}
    assert ended.out.endswith(f"{tmp_path}/; deadletters.jsonl says what was rejected, and why\n")


@pytest.mark.parametrize(
    ("name", "text", "code", "said"),
    [
        ("events.jsonl", "{\n[\n", 1, "every row was rejected; OUT/deadletters.jsonl says why\n"),
        (
            "rows.csv",
            "id,nps\n1,2\n",
            1,
            "every row was rejected: FILE is CSV, which needs a mapping (--source)\n",
        ),
        (
            "tickets.jsonl",
            '{"ticket": 1}\n\n{"ticket": 2}\n',
            1,
            "every row was rejected: no row of FILE has a type; rows of another shape need a mapping (--source)\n",
        ),
        (
            "events.jsonl",
            '{"ticket": 1}\n{"type": "cx.review.posted"}\n',
            1,
            "every row was rejected; OUT/deadletters.jsonl says why\n",
        ),
        ("events.jsonl", "\n", 0, "FILE: no row is there\n"),
    ],
    ids=["all rejected", "a CSV without a mapping", "rows without a type", "one with a type", "no rows"],
)
def test_a_replay_of_which_nothing_came_says_so(
    name: str, text: str, code: int, said: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(text)
    ended = run("replay", file, "--out", tmp_path / "out")
    assert (ended.code, ended.err) == (
        code, said.replace("OUT", str(tmp_path / "out")).replace("FILE", str(file)),
    )  # fmt: skip
    assert re.search(r"Dead letters +[02] *\n", ended.out)


def test_a_table_through_a_mapping_of_json_is_told_as_such(tmp_path: Path) -> None:
    rows, mapping = tmp_path / "rows.csv", tmp_path / "source.yml"
    rows.write_text("id,at,who,nps\n1,2026-01-01T00:00:00Z,anna,3\n")
    mapping.write_text(
        "{source: /x, type: survey.answered, id: id, time: at, subject: who, data: {nps: nps}}"
    )
    ended = run("replay", rows, "--source", mapping, "--out", tmp_path)
    assert (ended.code, ended.err) == (
        1, f"every row was rejected: {rows} is CSV, and {mapping} says format: json\n",
    )  # fmt: skip


def test_a_replay_of_a_missing_file_is_told_in_one_line(tmp_path: Path) -> None:
    ended = run("replay", tmp_path / "missing.jsonl", "--out", tmp_path)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert "missing.jsonl" in ended.err


@pytest.mark.parametrize(
    "command", [["replay", EVENTS], ["schemas"], ["dashboards"]], ids=lambda command: str(command[0])
)
def test_a_folder_in_which_nothing_can_be_written_is_told_in_one_line(
    command: list[str | Path], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    for place, why in [
        (file, f"{file} is a file, not a folder"),
        (file / "below", f"{file} is a file, not a folder"),
        (Path("/proc/cxloop"), "No such file or directory"),
    ]:
        ended = run(*command, "--out", place)
        assert (ended.code, ended.err) == (
            1, f"{place}: cannot be written: {why}; name another folder with --out\n",
        )  # fmt: skip


def test_a_file_that_cannot_be_written_is_told_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "alerts.jsonl").mkdir()
    ended = run("replay", EVENTS, "--out", tmp_path)
    assert (ended.code, ended.err) == (
        1, f"{tmp_path / 'alerts.jsonl'}: cannot be written: Is a directory; name another folder with --out\n",
    )  # fmt: skip


# -- schemas


def test_schemas_that_differ_from_the_code_are_found(tmp_path: Path) -> None:
    assert run("schemas", "--out", tmp_path).code == 0
    assert run("schemas", "--out", tmp_path, "--check").code == 0
    changed = [
        tmp_path / "events" / "cx.survey.answered.schema.json",
        tmp_path / "rules" / "rules.schema.json",
    ]
    for file in changed:
        file.write_text("{}")
    ended = run("schemas", "--out", tmp_path, "--check")
    assert ended.code == 1
    assert [line for line in ended.err.splitlines() if line.endswith(".json")] == [*map(str, changed)]


@pytest.mark.parametrize("command", ["schemas", "dashboards"])
def test_files_to_check_that_are_not_there_are_told_as_such(command: str, tmp_path: Path) -> None:
    ended = run(command, "--check", "--out", tmp_path / "none")
    why = f"none of the files is there; write them with `cxloop {command}`, or name another folder with --out"
    assert (ended.code, ended.err) == (1, f"{tmp_path / 'none'}: {why}\n")
    run(command, "--out", tmp_path)
    changed, gone, *_ = sorted(tmp_path.rglob("*.json"))
    changed.write_bytes(b"\xff")
    gone.unlink()
    ended = run(command, "--check", "--out", tmp_path)
    assert (ended.code, ended.err.splitlines()) == (1, [
        f"these differ from the code; write them anew with `cxloop {command}`:", str(changed),
        f"these are not there; write them with `cxloop {command}`:", str(gone),
    ])  # fmt: skip


def test_the_schemas_that_come_with_cxloop_are_as_the_code_says() -> None:
    assert run("schemas", "--check").code == 0


# -- topics and run


@pytest.fixture(scope="module", autouse=True)
def unreachable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Process, float]]]:
    """Commands that wait for a broker that is not there, and when they began: they wait while other tests run."""
    with processes(tmp_path_factory.mktemp("unreachable")) as some:
        yield {
            "run": (some.start("run", "--broker", NOBODY, "--web-port", "0"), time.monotonic()),
            "topics": (some.start("topics", "--broker", NOBODY), time.monotonic()),
        }


@pytest.mark.parametrize(("command", "option"), [("run", "--web-port"), ("demo", "--port")])
def test_a_port_that_is_taken_is_told_in_one_line(command: str, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run(command, option, port, CXLOOP_BROKER=NOBODY)
    assert ended.code == 1
    assert f"127.0.0.1:{port}" in ended.err
    assert f"choose another port with {option}, or another address with CXLOOP_WEB_HOST" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_topics_are_made_once_and_described(kafka: RealKafka, prefix: str) -> None:
    where = ("--broker", kafka.address, "--prefix", prefix)
    ended = run("topics", *where, "--no-create")
    assert ended.code == 1
    assert ended.err.count("is missing; `cxloop topics` makes it") == 6
    ended = run("topics", *where, "--partitions", "2")
    assert ended.code == 0
    assert ended.out.count("made just now") == 9
    ended = run("topics", *where, "--partitions", "2", "--json")
    found = {one["name"]: one for one in json.loads(ended.out)["topics"]}
    assert ended.code == 0
    assert len(found) == 9
    assert found[f"{prefix}.touchpoints"] | {"made": None} == {
        "name": f"{prefix}.touchpoints", "partitions": 2, "replicas": 1, "made": None,
    }  # fmt: skip
    assert not any(one["made"] for one in found.values())
    ended = run("topics", *where, "--partitions", "3")
    assert ended.code == 1
    assert ended.err.count("has 2 partitions; it needs at least 3") == 4
    assert len(re.findall(r" 0 +0 +0 *$", ended.out, re.MULTILINE)) == 5  # what waits is shown all the same


def test_topics_says_what_waits_where_a_topic_is_missing(kafka: RealKafka, prefix: str) -> None:
    where = ("--broker", kafka.address, "--prefix", prefix, "--partitions", "1")
    run("topics", *where)
    kafka.delete_topics(f"{prefix}.reviews")
    ended = run("topics", *where, "--no-create", "--json")
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert {one["topic"] for one in json.loads(ended.out)["inputs"]} == {
        f"{prefix}.touchpoints", f"{prefix}.metrics",
    }  # fmt: skip


def test_topics_says_what_waits(kafka: RealKafka, prefix: str, running: Processes) -> None:
    where = ("--broker", kafka.address, "--prefix", prefix)
    assert run("topics", *where, "--partitions", "1").code == 0

    def inputs() -> dict[str, tuple[int, int]]:
        """Next to process, and waiting, by topic."""
        ended = run("topics", *where, "--partitions", "1", "--json")
        assert (ended.code, ended.err) == (0, "")
        found = json.loads(ended.out)["inputs"]
        return {one["topic"].rpartition(".")[2]: (one["next"], one["records"]) for one in found}

    review = event("review.posted", data={"review_id": "r", "rating": 1})
    write(kafka.address, [Sending(f"{prefix}.touchpoints", event(id=f"{n}"), b"k") for n in range(5)])
    write(kafka.address, [Sending(f"{prefix}.reviews", review, b"r")])
    assert inputs() == {"touchpoints": (0, 5), "reviews": (0, 1), "metrics": (0, 0)}
    running.worker(kafka.address, prefix, "--partitions", "1")
    # Behind the copy of the review, on touchpoints too, is the marker of a transaction, which nobody waits for.
    until("all is processed", lambda: inputs()["touchpoints"] >= (6, 0))
    until("nothing waits", lambda: not any(waits for _, waits in inputs().values()))
    shown = run("topics", *where, "--partitions", "1").out
    found = re.search(rf"{prefix}\.touchpoints +0 +(\d+) +(\d+) +0\b", shown)
    assert found is not None
    assert found[1] == found[2]


def test_several_workers_start_and_end_together(kafka: RealKafka, prefix: str, running: Processes) -> None:
    where = ("--broker", kafka.address, "--prefix", prefix, "--web-port", "0")
    parent = running.start("run", *where, "--workers", "2")

    def both_have_partitions() -> bool:
        return (
            len(re.findall(r"partitions: \w", parent.said)) >= 2
            and len(re.findall("http://", parent.said)) == 2
        )

    until("both workers have partitions", both_have_partitions)
    assert parent.end(signal.SIGTERM) == 0
    assert "Traceback" not in parent.said


def test_one_of_several_workers_that_is_killed_is_started_again(
    kafka: RealKafka, prefix: str, running: Processes
) -> None:
    where = ("--broker", kafka.address, "--prefix", prefix, "--web-port", "0", "--log-json")
    parent = running.start("run", *where, env={"CXLOOP_WORKERS": "2"})

    def started() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in parent.said.splitlines()]
        return [line for line in lines if line["event"].startswith("partitions: ")]

    until("both have partitions", lambda: {line["worker"] for line in started()} == {1, 2})
    (killed,) = {line["process"] for line in started() if line["worker"] == 2}
    os.kill(killed, signal.SIGKILL)
    until("it is there again", lambda: len({one["process"] for one in started() if one["worker"] == 2}) == 2)
    assert parent.end(signal.SIGTERM) == 0


def test_why_a_worker_could_not_start_is_json_where_its_log_is(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(BROKEN_RULES)
    for env in ({"CXLOOP_RULES": str(rules)}, {"CXLOOP_ZONE": "Mars"}):
        ended = run("run", CXLOOP_LOG_JSON="true", **env)
        (line,) = [json.loads(line) for line in ended.err.splitlines()]
        assert line["level"] == "critical"
        assert ended.code == (1 if "CXLOOP_RULES" in env else 2)


def test_a_worker_that_waits_for_a_broker_says_so_and_ends_when_told(running: Processes) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    waiting = running.start("run", "--broker", NOBODY, "--web-port", str(port))
    until("it waits", lambda: f"waiting up to 30 s for a broker at {NOBODY}" in waiting.said)
    with pytest.raises(ConnectionRefusedError):  # rather than a page that never answers
        socket.create_connection(("127.0.0.1", port), 5)
    assert waiting.end(signal.SIGTERM) == 0
    assert "told to end" in waiting.said


# -- demo


def test_a_demo_ends_in_time_with_a_summary(running: Processes) -> None:
    began = time.monotonic()
    demo = running.start("demo", "--for", "8s", "--port", "0")
    until("its page is there", lambda: demo.get("healthz")[0] == 200)
    assert demo.process.wait(40) == 0
    assert time.monotonic() - began > 8
    said = demo.said
    assert "Traceback" not in said
    events, alerts = (
        int(found[1].replace(",", "")) if (found := re.search(rf"{what}\s+([\d,]+)", said)) else 0
        for what in ("Events applied", "Alerts fired")
    )
    assert events > 100
    assert alerts > 0


def test_a_demo_ends_cleanly_with_ctrl_c(running: Processes) -> None:
    demo = running.start("demo", "--port", "0", command=INTERRUPTIBLE)
    until("it is ready", lambda: demo.is_ready)
    began = time.monotonic()
    assert demo.end(signal.SIGINT) == 0
    assert time.monotonic() - began < 10
    assert "What came of it" in demo.said
    assert "Traceback" not in demo.said


@pytest.mark.parametrize("after_s", [0.05, 0.3, 0.6, 1.2])
def test_ctrl_c_at_any_moment_of_the_start_is_no_accident(running: Processes, after_s: float) -> None:
    demo = running.start("demo", "--port", "0", command=INTERRUPTIBLE)
    until("it listens", lambda: LISTENING in demo.said, every_s=0.01)
    time.sleep(after_s)
    assert demo.end(signal.SIGINT) in {0, 130}
    assert "Traceback" not in demo.said


# -- last, for they wait all the time


@pytest.mark.parametrize("command", ["run", "topics"])
def test_a_broker_that_does_not_answer_is_told_in_one_line(
    command: str, unreachable: dict[str, tuple[Process, float]]
) -> None:
    waiting, began = unreachable[command]
    assert waiting.process.wait(max(1.0, 40 - (time.monotonic() - began))) == 1
    last = waiting.said.splitlines()[-1]
    assert f"no Kafka broker answers at {NOBODY}" in last
    assert "--broker" in last
    assert "Traceback" not in waiting.said
    assert "ERROR" not in waiting.said
