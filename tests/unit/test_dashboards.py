"""The dashboards are sound, ask only for what there is, show every metric, and the files are what the code says."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard as AsGrafanaReadsIt
from prometheus_client import CollectorRegistry
from prometheus_client import Metric as Family

from pipeline.cli.dashboards import dashboards as command
from pipeline.errors import CxloopError, FileError
from pipeline.metrics.catalogue import METRICS
from pipeline.observe import Gauges, MetricValue, PartitionView
from pipeline.observe.dashboards import dashboards, expressions, files, substituted, variables_of
from pipeline.observe.dashboards.advice import to_do
from pipeline.observe.dashboards.panel import ref_id
from pipeline.observe.timings import Timings
from tests.deploy.promql import asked

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "grafana" / "dashboards"


#: What prometheus_client says of a process, on Linux.
PROCESS = frozenset((
    "process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
))  # fmt: skip
#: What Grafana itself puts in place of a variable.
BUILT_IN = frozenset(("__rate_interval", "__range", "__interval", "__url_time_range", "__value"))

BOARDS: Mapping[str, dict[str, Any]] = {name: json.loads(text) for name, text in files().items()}
each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


class NoBoard:
    def values(self) -> Iterable[MetricValue]:
        return ()

    def kept(self) -> Collection[str]:
        return METRICS

    def levels(self) -> Mapping[tuple[str, str], int]:
        return {}

    def heard(self) -> Mapping[str, int]:
        return {}

    def overflow(self) -> Mapping[str, int]:
        return {}


class NoHealth:
    def alive(self) -> Sequence[str]:
        return ()

    ready = warnings = alive

    def ending(self) -> bool:
        return False

    def rebalances(self) -> int:
        return 0

    def partitions(self) -> Sequence[PartitionView]:
        return ()


@cache
def there() -> frozenset[str]:
    """Names of all series that a worker shows."""
    registry = CollectorRegistry()
    Timings(registry)
    families: list[Family] = [*Gauges(NoBoard, NoHealth()).look().collect(), *registry.collect()]
    names = {name for family in families for name in _series(family)}
    names |= {"cxloop_feed_malformed_total", "cxloop_metric_timestamp_seconds"}  # not of an empty worker
    return frozenset(names) | PROCESS


def _series(family: Family) -> Iterator[str]:
    match family.type:
        case "counter":
            yield f"{family.name}_total"
        case "histogram":
            yield from (f"{family.name}_{of}" for of in ("bucket", "sum", "count"))
        case _:
            yield family.name


def panels(board: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All that draw something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def named(panel: Mapping[str, Any]) -> str:
    return f"{panel['id']} {panel['title']!r}"


def everything() -> Iterator[tuple[str, str]]:
    for name, board in BOARDS.items():
        for title, expr in expressions(board):
            yield f"{name}: {title}", substituted(expr)


def test_the_files_are_what_the_code_says() -> None:
    assert {file.name: file.read_text("utf-8") for file in FOLDER.iterdir()} == files()


def test_the_files_are_sorted_and_the_same_each_time() -> None:
    for text in files().values():
        assert json.dumps(json.loads(text), ensure_ascii=False, indent=2, sort_keys=True) + "\n" == text
    assert files() == files()


def test_the_page_about_them_names_each() -> None:
    page = (ROOT / "docs" / "dashboards.md").read_text("utf-8")
    assert [(board.uid, board.title) for board in dashboards()] == re.findall(
        r"^\| `([\w-]+)` \| ([^|]+?) \|", page, re.MULTILINE
    )


def test_there_are_seven_each_with_its_own_name() -> None:
    assert [board["uid"] for board in BOARDS.values()] == [
        "cxloop-journey", "cxloop-voice", "cxloop-reviews", "cxloop-service", "cxloop-loop", "cxloop-rules", "cxloop-pipeline",
    ]  # fmt: skip
    assert all(board.says.endswith(".") for board in dashboards())


@each_board
def test_every_panel_has_an_id_and_every_query_a_name_of_its_own(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(isinstance(number, int) and number > 0 for number in ids)
    for panel in panels(board):
        names = [target["refId"] for target in panel["targets"]]
        assert names, named(panel)
        assert all(re.fullmatch("[A-Z]+", name) for name in names), named(panel)
        assert len(set(names)) == len(names), named(panel)


@each_board
def test_every_panel_says_what_it_shows_and_why_it_may_be_empty(board: dict[str, Any]) -> None:
    titles = [panel["title"] for panel in panels(board)]
    for panel in panels(board):
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"], named(panel)
        assert len(defaults["noValue"]) > 12, named(panel)
        assert "What to do: " in panel["description"], named(panel)
        assert panel["description"].endswith((".", "?")), named(panel)
        assert "decimals" in defaults, named(panel)
        assert panel["links"], named(panel)
    assert len(set(titles)) == len(titles), sorted(titles)


@each_board
def test_every_query_goes_to_the_data_source_that_is_chosen(board: dict[str, Any]) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels(board):
        assert panel["datasource"] == chosen, named(panel)
        assert all(target["datasource"] == chosen for target in panel["targets"]), named(panel)
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["cxloop"]["query"] == "http://127.0.0.1:6066"
    assert all(one["datasource"] == chosen for one in variables.values() if one["type"] == "query")


@each_board
def test_panels_lie_beside_each_other_within_24_columns(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert 0 <= at["x"] <= at["x"] + at["w"] <= 24, named(panel)
        assert at["w"] in {6, 8, 12, 16, 24}, named(panel)
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, named(panel)
        taken |= cells


@each_board
def test_no_section_is_empty(board: dict[str, Any]) -> None:
    kinds = [panel["type"] for panel in board["panels"]] + ["row"]
    assert ("row", "row") not in set(pairwise(kinds))


@each_board
def test_every_variable_that_is_used_is_there(board: dict[str, Any]) -> None:
    there_are = {one["name"] for one in board["templating"]["list"]}
    used = set().union(*(variables_of(expr) for _, expr in expressions(board)))
    assert used - BUILT_IN <= there_are
    assert there_are - {"datasource", "cxloop"} <= used | {"stage"}
    for url in _urls(board):
        assert variables_of(url) - BUILT_IN <= there_are, url
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            assert variables_of(variable["definition"]) <= there_are
            assert set(re.findall(r"cxloop_\w+", variable["definition"])) <= there()


def _urls(inside: Any) -> Iterator[str]:
    if isinstance(inside, dict):
        yield from (value for name, value in inside.items() if name == "url")
        inside = list(inside.values())
    if isinstance(inside, list):
        for one in inside:
            yield from _urls(one)


def test_queries_ask_only_for_what_there_is() -> None:
    for where, expr in everything():
        for selector in asked(expr):
            assert selector.name in there(), where


def test_labels_that_queries_ask_for_are_the_metrics_own() -> None:
    labels = {metric.gauge: {name for name, _ in metric.labels} for metric in METRICS.values()}
    for where, expr in everything():
        for selector in asked(expr):
            if selector.name in labels:
                expected = labels[selector.name] | {"window", "dimension"}
                assert selector.labels - {"value"} == expected, where


def test_a_series_that_two_workers_have_is_drawn_once() -> None:
    for where, expr in everything():
        assert not list(_bare(promql_parser.parse(expr))), f"{where}: nothing brings workers together"


def _bare(node: Any) -> Iterator[Any]:
    """Selectors that are in no aggregation, and decide not merely which series there are."""
    match type(node).__name__:
        case "AggregateExpr":
            return
        case "VectorSelector" | "MatrixSelector":
            yield node
        case "BinaryExpr":
            yield from _bare(node.lhs)
            if str(node.op) not in {"and", "unless"}:
                yield from _bare(node.rhs)
        case "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
            yield from _bare(node.expr)
        case "Call":
            for argument in node.args:
                yield from _bare(argument)


def test_every_metric_of_the_catalogue_is_shown() -> None:
    shown = set()
    for board in BOARDS.values():
        for _, expr in expressions(board):
            for selector in asked(substituted(expr)):
                shown.add((selector.name, selector.values))
    missing = [
        metric.name
        for metric in METRICS.values()
        if not any(name == metric.gauge and set(metric.labels) <= labels for name, labels in shown)
    ]
    assert missing == []


def test_a_score_stands_beside_what_it_rests_on() -> None:
    scores = {metric.gauge for metric in METRICS.values() if metric.formula != "a count"}
    for name, board in BOARDS.items():
        for panel in panels(board):
            names = {one.name for target in panel["targets"] for one in asked(substituted(target["expr"]))}
            if names & scores:
                assert "cxloop_metric_samples" in names, f"{name}: {named(panel)}"


def test_every_metric_has_its_formula_and_advice() -> None:
    text = "\n".join(panel["description"] for board in BOARDS.values() for panel in panels(board))
    for metric in METRICS.values():
        assert f"`{metric.formula}`" in text
        assert len(to_do(metric)) > 20
        assert "by touchpoint, channel and segment." not in to_do(metric), (
            f"{metric.name} wants advice of its own"
        )


def test_what_operating_has_in_its_table_is_on_a_dashboard() -> None:
    rows = (ROOT / "docs" / "operating.md").read_text("utf-8").splitlines()
    documented = {
        name
        for row in rows
        if row.startswith("| `cxloop_")
        for name in re.findall(r"cxloop_\w+", row.split("|")[1])
    }
    shown = {one.name for _, expr in everything() for one in asked(expr)}
    histograms = {re.sub("_(bucket|sum|count)$", "", name) for name in shown}
    assert documented - shown - histograms == set()


@each_board
def test_overrides_are_for_names_that_there_are(board: dict[str, Any]) -> None:
    for panel in panels(board):
        names = {target["legendFormat"] for target in panel["targets"]}
        for step in panel["transformations"]:
            names |= set(step["options"].get("renameByName", {}).values())
        for override in panel["fieldConfig"]["overrides"]:
            matcher = override["matcher"]
            if matcher["id"] == "byName" and not any("{{" in name for name in names):
                assert matcher["options"] in names, named(panel)


@each_board
def test_grafana_knows_every_field(board: dict[str, Any]) -> None:
    register_default_plugins()
    read = json.loads(JSONEncoder(sort_keys=True).encode(AsGrafanaReadsIt.from_json(board)))
    assert list(_lost(board, read, "")) == []


#: What Grafana reads and its own library does not know: how annotations are told, and queries of variables as text.
UNKNOWN_TO_THE_LIBRARY = re.compile(
    r"^/annotations/list/\d+/(tagKeys|textFormat|titleFormat|useValueForTime|target/.*)$|^/templating/list/\d+/definition$"
)


def _lost(ours: Any, theirs: Any, where: str) -> Iterator[str]:
    """Places of what was not read, or was read as something else."""
    if UNKNOWN_TO_THE_LIBRARY.match(where) or ours in (None, [], {}):
        return
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            yield from _lost(value, theirs.get(name), f"{where}/{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for n, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _lost(one, other, f"{where}/{n}")
    elif ours != theirs:
        yield f"{where}: {ours!r} is {theirs!r}"


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ('cxloop_nps{window="$window"}', 'cxloop_nps{window="24h"}'),
        ('x{value=~"$touchpoint", rule=~"${rule:regex}"}', 'x{value=~".+", rule=~".+"}'),
        ("rate(x[$__rate_interval]) + increase(y[$__range])", "rate(x[1m]) + increase(y[1h])"),
        (
            'label_replace(x, "a", "$1", "b", "(.+)") >= $least',
            'label_replace(x, "a", "$1", "b", "(.+)") >= 1',
        ),
    ],
)
def test_variables_are_put_in_place(expr: str, expected: str) -> None:
    assert substituted(expr) == expected


def test_a_choice_is_put_in_place() -> None:
    assert substituted('x{window="$window"}', {"window": "28d"}) == 'x{window="28d"}'


def test_the_queries_of_a_panel_are_named_as_grafana_does() -> None:
    assert [ref_id(n) for n in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "AZ", "BA"]


def test_the_command_writes_them_and_finds_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(tmp_path / "new", check=False)
    command(tmp_path / "new", check=True)
    assert "7 dashboards are as the code says." in capsys.readouterr().out
    (tmp_path / "new" / "cxloop-voice.json").write_text("{}", "utf-8")
    (tmp_path / "new" / "cxloop-loop.json").unlink()
    (tmp_path / "new" / "cxloop-old.json").write_text("{}", "utf-8")
    (tmp_path / "new" / "mine.json").write_text("{}", "utf-8")
    with pytest.raises(CxloopError) as error:
        command(tmp_path / "new", check=True)
    assert error.value.exit_code == 1
    found = re.findall(r"[\w-]+\.json", str(error.value))
    assert found == ["cxloop-voice.json", "cxloop-loop.json", "cxloop-old.json"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(FileError, match="name another folder with --out"):
        command(tmp_path / "file", check=False)
