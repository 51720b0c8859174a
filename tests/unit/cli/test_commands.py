"""Every command, over a real store."""

from __future__ import annotations

import math
import re

import click
import pytest

import epochal
from epochal import cli, settings
from epochal.terminal import text
from epochal.terminal.overview import overview
from epochal.terminal.runs import table
from epochal.terminal.screen import Screen

SUBCOMMANDS = ("delete", "undelete", "purge", "rename", "tag", "notes")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.mark.parametrize("name", [*cli.BUILT_IN, *(f"runs {name}" for name in SUBCOMMANDS)])
def test_each_command_has_help_and_json(call, name):
    code, out, err = call(*name.split(), "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: epochal {name}")
    assert "--json" in out
    assert "--store" in out
    assert len(out.splitlines()) >= 6


def test_help_lists_every_command(call):
    _, out, _ = call("--help")
    for section, names in cli.SECTIONS.items():
        assert f"{section}:" in out
        assert all(re.search(rf"^  {name} +\S", out, re.MULTILINE) for name in names)


def test_without_a_command_there_is_help(call):
    assert call() == call("--help")


class Greeting:
    """A plugin with a command, and one whose name is taken."""

    @staticmethod
    def commands():
        @click.command()
        def greet() -> None:
            """Say hello."""
            click.echo("hello")

        return [greet, click.Command("runs", help="Not ours.")]


def test_plugins_add_commands(call):
    from epochal import plugins
    from epochal.hooks import hookimpl

    hookimpl(Greeting.commands)
    with plugins.using(greeting=Greeting):
        assert call("greet") == (0, "hello\n", "")
        _, out, _ = call("--help")
        assert "From plugins:" in out
        assert "Say hello." in out
        assert "Not ours." not in out
    assert call("greet")[0] == 2


def test_version(call, data):
    assert call("version")[1].startswith(f"epochal {epochal.__version__} (Python ")
    assert data("version")["epochal"] == epochal.__version__


# -- runs --------------------------------------------------------------------------------


def test_runs_into_a_pipe_are_whole_and_stable(call, store):
    code, out, err = call("runs")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split()[:5] == ["status", "name", "project", "id", "created"]
    assert [line.split()[0] for line in lines[1:]] == [
        "finished",
        "finished",
        "failed",
        "finished",
        "finished",
    ]
    for name in ("otter", "heron", "badger", "hostile", "parent"):
        assert store[name] in out
    assert store["child"] not in out
    assert call("runs")[1] == out
    assert not any(line != line.rstrip() for line in lines)


@pytest.mark.parametrize(
    ("args", "names"),
    [
        pytest.param(["metrics.accuracy > 0.92"], ["heron"], id="filter"),
        pytest.param(["--project", "birds"], ["heron", "otter"], id="project"),
        pytest.param(["--limit", 1, "-p", "birds"], ["heron"], id="limit"),
        pytest.param(["project = 'birds' limit 1"], ["heron"], id="limit-in-filter"),
        pytest.param(
            ["--sort", "metrics.accuracy", "-p", "birds"], ["heron", "otter"], id="best-accuracy-first"
        ),
        pytest.param(
            ["--sort", "metrics.val/loss", "-p", "birds"], ["otter", "heron"], id="least-loss-first"
        ),
        pytest.param(["--sort", "name", "-p", "birds"], ["heron", "otter"], id="by-name"),
        pytest.param(["--sort", "-name", "-p", "birds"], ["otter", "heron"], id="by-name-descending"),
        pytest.param(["name = 'fold-1'", "--children"], ["fold-1"], id="children"),
        pytest.param(["name = 'fold-1'"], [], id="no-children"),
        pytest.param(["--deleted"], [], id="deleted"),
        pytest.param(["list", "status = 'failed'"], ["badger"], id="list"),
    ],
)
def test_runs_found(data, store, args, names):
    assert [run["name"] for run in data("runs", *args)] == names


def test_a_filter_may_ask_for_more_than_a_screenful(call, root):
    for _ in range(25):
        epochal.start_run(name="one").finish()
    assert len(call("runs")[1].splitlines()) == 1 + 20
    assert len(call("runs", "limit 22")[1].splitlines()) == 1 + 22
    assert len(call("runs", "--all")[1].splitlines()) == 1 + 25


def test_runs_as_json(data, store):
    found = {run["name"]: run for run in data("runs", "-p", "birds")}
    assert set(found["otter"]) == {
        "id",
        "name",
        "project",
        "status",
        "created",
        "ended",
        "duration",
        "parent",
        "source",
        "group",
        "notes",
        "params",
        "metrics",
        "tags",
    }
    assert found["otter"]["id"] == store["otter"]
    assert found["otter"]["params"] == {"depth": 3, "lr": 0.1, "criterion": "gini"}
    assert found["otter"]["metrics"]["odd"] == "NaN"
    assert found["otter"]["tags"] == {"team": "a"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", found["otter"]["created"])


def test_columns_of_ones_own(call, store):
    _, out, _ = call(
        "runs", "-p", "birds", "--columns", "name,params.depth,metrics.accuracy,tags.team,source,ended"
    )
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["name", "depth", "accuracy", "team", "source", "ended"]
    assert lines[1][:5] == ["heron", "9", "0.95", "b", "-"]
    assert lines[2][:5] == ["otter", "3", "0.9", "a", "-"]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_a_terminal_is_never_overflown(store, width):
    screen = Screen.plain(width)
    found = list(epochal.runs())
    for things in ([table(found, screen)], list(overview(epochal.run(store["otter"]), screen))):
        assert max(map(text_width, screen.render(*things).splitlines())) <= width


def text_width(line):
    from rich.cells import cell_len

    return cell_len(line)


def test_the_best_is_marked_where_it_is_known_what_is_best(store):
    screen = Screen.plain(160)
    out = screen.render(table(list(epochal.runs(project="birds")), screen))
    assert "accuracy ↑" in out
    assert "closeness ↓" in out
    assert re.search(r"heron.* 0\.9500 ★", out)
    assert "1.0000 ★" in out
    assert "0.9000 ★" not in out
    assert re.search(r"[▁▂▃▄▅▆▇█]{5}", out)


def test_an_empty_store_says_how_to_begin(call, root):
    code, out, err = call("runs")
    assert (code, out) == (0, "")
    assert err.startswith(f"no runs yet in {root}; ")
    assert call("runs", "--json")[:2] == (0, "[]\n")


def test_nothing_found_says_what_may_be_wrong(call, store):
    code, out, err = call("runs", "metrics.accurracy > 0.5")
    assert (code, out) == (0, "")
    assert "accuracy" in err
    assert err.count("\n") == 1


def test_an_unknown_project_is_named(call, store):
    assert call("runs", "-p", "brids") == (
        0,
        "",
        "no run matches; no project named 'brids'; did you mean birds?\n",
    )


def test_a_run_of_a_thousand_metrics_is_still_an_overview(call, root):
    with epochal.start_run(name="wide", config={f"p{i}": i for i in range(1000)}) as run:
        for step in range(3):
            run.log({f"m{i}/loss": i / (step + 1) for i in range(1000)}, step=step)
    code, out, _ = call("show", "wide")
    assert code == 0
    assert "and 940 more: epochal show" in out
    assert "and 994 more charts" in out
    assert len(out.splitlines()) < 1400  # into a pipe every parameter is shown


def test_damage_and_load_are_shown(call, data, root):
    from epochal import journal

    with epochal.start_run(name="torn") as run:
        for step in range(5):
            run.log({"loss": 1.0}, step=step)
            run.event("system", {"values": {"cpu": 10.0 * step}})
    path = next(journal.run_folder(root, run.id).glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'{"step":2,', b'{"step":7,'))
    _, out, _ = call("show", "torn")
    assert "1 line could not be read" in out
    assert re.search(r"cpu +20 % +40 %", out)
    assert data("show", "torn")["damage"]["lines"] == 1


# -- show --------------------------------------------------------------------------------


def test_show_has_everything(call, store):
    code, out, err = call("show", "otter")
    assert (code, err) == (0, "")
    for part in (
        store["otter"],
        "finished",
        "birds",
        "team=a",
        "Parameters",
        "depth",
        "Metrics",
        "accuracy",
        "0.9000",
        "Curves",
        "━━ train",
        "━━ val",
        "Data",
        "120 × 4",  # noqa: RUF001 - the sign
        "cat: 60",
        "Tables",
        "confusion_matrix",
        "Histograms",
        "weights",
        "Media",
        "page",
        "Files",
        "info.json",
    ):
        assert part in out, part
    assert any(0x2800 < ord(c) <= 0x28FF for c in out)


@pytest.mark.parametrize("ref", ["otter", "otter-id", "otter-prefix", "last~4", "runs"])
def test_a_run_by_whatever_one_remembers(data, store, ref):
    whole = store["otter"]
    unique = max(text.shortest(store.values())[whole], whole[:13], key=len)
    ref = {"otter-id": whole, "otter-prefix": unique, "runs": f"runs:/{whole}/model"}.get(ref, ref)
    assert data("show", ref)["id"] == whole


def test_show_as_json(data, store):
    found = data("show", "otter")
    assert found["curves"] == {"accuracy": 1, "closeness": 1, "odd": 1, "train/loss": 50, "val/loss": 50}
    assert found["config"] == {"depth": 3, "lr": 0.1, "criterion": "gini"}
    assert {one["key"] for one in found["media"]} == {"confusion_matrix", "weights", "page"}
    assert [one["name"] for one in found["artifacts"]] == ["info.json"]
    assert found["documents"]["dataset/train"]["fingerprint"] == "9f8e"
    assert data("show", "badger")["error"]["type"] == "ValueError"
    assert data("show", "parent")["children"] == [store["child"]]


def test_show_a_failed_run_with_its_error(call, store):
    _, out, _ = call("show", "badger")
    assert "ValueError: no such column" in out
    assert "Traceback" in out
    assert "ValueError: ValueError" not in out


def test_the_newest_run_is_the_default(data, store):
    assert data("show")["id"] == store["parent"]


def test_figures_are_drawn_from_their_data(store):
    from epochal.terminal.figures import drawn

    screen = Screen.plain(80)
    matrix = screen.render(drawn("m", {"labels": ["a", "b"], "matrix": [[5, 1], [0, 7]]}, screen, 40))
    assert [line.split() for line in matrix.splitlines()[2:]] == [["a", "5", "1"], ["b", "0", "7"]]
    lines = screen.render(
        drawn(
            "roc",
            {"series": [{"name": "1", "x": [0, 0.5, 1], "y": [0, 0.9, 1]}], "x_label": "fpr"},
            screen,
            40,
        )
    )
    assert "fpr" in lines
    bars = screen.render(
        drawn("imp", {"names": ["long", "short", "none"], "values": [1.0, -0.5, 0]}, screen, 40)
    ).splitlines()
    assert bars[1].count("━") == 2 * bars[2].count("━") > 0
    for odd in (
        {},
        {"series": "x"},
        {"series": [{"x": 1}]},
        {"matrix": [[1]], "labels": []},
        {"names": ["a"], "values": [math.nan]},
    ):
        assert drawn("odd", odd, screen, 40) is None


def test_candidates_stand_in_the_order_of_their_rank(call, root):
    rows = [{"C": number, "rank_test_score": 30 - number, "score": number / 30} for number in range(30)]
    with epochal.start_run(name="search") as run:
        run.log({"candidates": epochal.Table(rows)})
    _, out, _ = call("show", "search")
    lines = out.partition("candidates")[2].splitlines()
    assert lines[1].split() == ["C", "rank_test_score", "score"]
    assert [line.split()[:2] for line in lines[2:4]] == [["29", "1"], ["28", "2"]]
    assert "and 20 more rows" in out


# -- compare and plot ----------------------------------------------------------------------


def test_compare_shows_what_differs(call, store):
    _, out, _ = call("compare", "otter", "heron")
    assert re.search(r"^depth +3 +9 +\+6", out, re.MULTILINE)
    assert re.search(r"^team +a +b", out, re.MULTILINE)
    assert re.search(r"^accuracy +0.9 +0.95 +\+0.05", out, re.MULTILINE)
    assert "criterion" not in out
    assert "criterion" in call("compare", "otter", "heron", "--all")[1]


def test_compare_as_json(data, store):
    found = data("compare", "otter", "heron", "badger")
    assert found["runs"] == [store["otter"], store["heron"], store["badger"]]
    assert found["params"]["depth"] == {store["otter"]: 3, store["heron"]: 9}
    assert "train/loss" in found["metrics"]


def test_plot_one_metric(call, store):
    _, out, _ = call("plot", "otter", "train/loss")
    assert out.splitlines()[0].startswith("train/loss  1.0 > 0.08")
    assert len(out.splitlines()) == 1 + 18
    assert call("plot", "otter", "train/loss", "--height", 10, "--width", 40)[1].count("\n") == 11


@pytest.mark.parametrize(
    ("args", "curves"),
    [
        pytest.param(["otter", "*/loss"], [("otter", "train/loss"), ("otter", "val/loss")], id="pattern"),
        pytest.param(
            ["otter", "heron", "train/loss"], [("otter", "train/loss"), ("heron", "train/loss")], id="runs"
        ),
        pytest.param(
            ["otter", "accuracy", "val/loss"], [("otter", "accuracy"), ("otter", "val/loss")], id="keys"
        ),
        pytest.param(["hostile"], [("hostile", "[red]k[/]"), ("hostile", "a\nb")], id="all"),
    ],
)
def test_plot_picks_curves(data, store, args, curves):
    found = data("plot", *(store.get(arg, arg) for arg in args))["series"]
    assert [(one["run"], one["key"]) for one in found] == [(store[run], key) for run, key in curves]


def test_plot_as_json_has_every_point(data, store):
    (found,) = data("plot", "otter", "val/loss")["series"]
    assert found["steps"] == list(range(50))
    assert found["values"][0] == 1.1
    assert len(found["times"]) == 50


@pytest.mark.parametrize(
    "options",
    [["--log"], ["--log-x"], ["-x", "time"], ["-x", "relative"], ["--smooth", "0.9"], ["--separate"]],
    ids=" ".join,
)
def test_plot_options(call, store, options):
    code, out, err = call("plot", "otter", "heron", "*/loss", *options)
    assert (code, err) == (0, "")
    assert any(0x2800 < ord(c) <= 0x28FF for c in out)


def test_plot_over_the_metric_that_was_defined_as_its_axis(call, root):
    with epochal.start_run(name="epochs") as run:
        run.define_metric("loss", step_metric="epoch")
        for step in range(6):
            run.log({"epoch": step / 2, "loss": 1 / (step + 1)}, step=step * 100)
    found = epochal.run("epochs")
    from epochal.terminal.metrics import points

    x, y = points(found, "loss")
    assert list(x) == [0, 0.5, 1, 1.5, 2, 2.5]
    foot = call("plot", "epochs", "loss")[1].splitlines()[-1]
    assert foot.split() == ["0", "epoch", "2.5"]
    assert call("plot", "epochs", "loss", "-x", "step")[1].splitlines()[-1].split() == ["0", "step", "500"]
    assert len(y) == 6


def test_plot_into_a_file(call, store, tmp_path):
    code, out, err = call("plot", "otter", "*/loss", "--svg", tmp_path / "loss.svg")
    assert (code, out) == (0, "")
    assert "wrote" in err
    assert (tmp_path / "loss.svg").read_text().count("<polyline") == 2


# -- changing ------------------------------------------------------------------------------


def test_delete_undelete_purge(call, data, fresh):
    assert data("runs", "delete", "otter", "heron") == {"deleted": [fresh["otter"], fresh["heron"]]}
    assert data("runs", "-p", "birds") == []
    assert [run["name"] for run in data("runs", "--deleted")] == ["heron", "otter"]
    assert data("runs", "undelete", fresh["otter"]) == {"undeleted": [fresh["otter"]]}
    assert [run["name"] for run in data("runs", "-p", "birds")] == ["otter"]
    assert data("runs", "purge", "--deleted", "--yes") == {"purged": [fresh["heron"]]}
    assert call("show", fresh["heron"])[0] == 2


def test_rm_asks(call, fresh):
    code, out, err = call("rm", "otter", input="n\n")
    assert (code, out) == (1, "")
    assert fresh["otter"] in err
    assert err.splitlines()[-1] == "error: nothing was done"
    assert call("show", "otter")[0] == 0
    assert call("rm", "otter", input="y\n")[0] == 0
    assert not epochal.runs("name = 'otter'")
    assert call("rm", "heron", "-y")[0] == 0


def test_rename_tag_notes(call, data, fresh):
    assert data("runs", "rename", "otter", "beaver") == {"renamed": [fresh["otter"]]}
    assert data("runs", "tag", "beaver", "best", "team=c") == {"tagged": [fresh["otter"]]}
    assert data("show", "beaver")["tags"] == {"best": "", "team": "c"}
    data("runs", "tag", "beaver", "best-")
    assert data("show", "beaver")["tags"] == {"team": "c"}
    data("runs", "notes", "beaver", "first line\nsecond")
    assert call("runs", "notes", "beaver")[1] == "first line\nsecond\n"
    call("runs", "notes", "beaver", "-", input="from a pipe")
    assert data("runs", "notes", "beaver")["notes"] == "from a pipe"


def test_tail(call, data, root):
    with epochal.start_run(name="chatty", console=True):
        print("one\rtwo\nthree\x1b[2J")
    assert data("tail", "chatty")["text"].endswith("two\nthree\x1b[2J\n")
    assert call("tail")[1] == "two\nthree\\x1b[2J\n"
    assert call("tail", "-n", 1)[1] == "three\\x1b[2J\n"
    assert call("tail", "-f")[0] == 0


# -- setting up ----------------------------------------------------------------------------


def test_init(call, data, tmp_path):
    folder = tmp_path / "project"
    assert data("init", folder) == {"store": str(folder / ".epochal"), "made": True}
    assert (folder / ".epochal").stat().st_mode & 0o777 == 0o700
    assert "*" in (folder / ".epochal" / ".gitignore").read_text().splitlines()
    assert "there is already" in call("init", folder)[1]
    assert call("runs", "--store", folder)[0] == 0


def test_config_says_where_a_value_comes_from(call, data, root, monkeypatch):
    monkeypatch.setenv("EPOCHAL_PROJECT", "whales")
    found = data("config")
    assert found["project"] == {"value": "whales", "source": "EPOCHAL_PROJECT"}
    assert found["store"]["value"] == str(root)
    assert set(found) == set(settings.Settings.__struct_fields__)
    assert re.search(r"^project +whales +EPOCHAL_PROJECT$", call("config")[1], re.MULTILINE)


def test_rebuild(call, data, fresh):
    before = data("runs", "--children")
    found = data("rebuild")
    assert found["runs"] == 6
    assert found["damage"] == []
    assert data("runs", "--children") == before
    assert call("rebuild")[1].startswith("made the index anew from")


def test_store_before_or_after_the_command(data, written, root):
    folder, _ = written
    for args in (
        ["--store", folder, "runs"],
        ["runs", "--store", folder],
        ["runs", "list", "--store", folder],
    ):
        assert len(data(*args)) == 5
    assert data("runs") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(call, shell):
    code, out, _ = call("completion", shell)
    assert code == 0
    assert "_EPOCHAL_COMPLETE" in out


@pytest.mark.parametrize(
    ("words", "incomplete", "offered"),
    [
        pytest.param([], "ru", ["runs"], id="commands"),
        pytest.param(["show"], "ott", ["otter"], id="names"),
        pytest.param(["show"], "la", ["last"], id="last"),
        pytest.param(["plot", "otter"], "train", ["train/loss"], id="metrics"),
        pytest.param(["runs", "--project"], "b", ["birds"], id="projects"),
        pytest.param(["runs"], "del", ["delete"], id="subcommands"),
        pytest.param(["runs", "list"], "params.d", ["params.depth"], id="fields"),
        pytest.param(["completion"], "z", ["zsh"], id="choices"),
    ],
)
def test_completion(store, words, incomplete, offered):
    from click.shell_completion import ShellComplete

    complete = ShellComplete(cli.main, {}, "epochal", "_EPOCHAL_COMPLETE")
    assert [item.value for item in complete.get_completions(words, incomplete)] == offered


def test_completion_of_ids_offers_nothing_a_shell_might_obey(store):
    from click.shell_completion import ShellComplete

    complete = ShellComplete(cli.main, {}, "epochal", "_EPOCHAL_COMPLETE")
    found = complete.get_completions(["show"], store["otter"][:4])
    assert store["otter"] in {item.value for item in found}
    assert all(item.value.isprintable() and (item.help or "").isprintable() for item in found)


def test_doctor_finds_all_well(call, data, store):
    found = data("doctor", "--quick")
    assert found["problems"] == []
    assert found["store"]["runs"] == 6
    assert "epochal.models.pickles" in {plugin["name"] for plugin in found["plugins"]}
    code, out, _ = call("doctor", "--quick")
    assert code == 0
    assert "all is well" in out


def test_doctor_finds_what_is_broken(call, data, fresh, root):
    from epochal import errors, journal, plugins
    from epochal.hooks import hookimpl

    class Broken:
        @staticmethod
        @hookimpl
        def flavors():
            raise RuntimeError("no luck today")

    path = next(journal.run_folder(root, fresh["otter"]).glob("*.jsonl"))
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"accuracy":0.9', b'"accuracy":0.8'))
    (root / "epochal.db").unlink(missing_ok=True)
    with plugins.using(broken=Broken):
        found = data("doctor", "--quick", code=1)
        assert any(p.startswith("plugin broken: ") and "no luck today" in p for p in found["problems"])
        assert any(p.startswith("store: ") and "damaged" in p for p in found["problems"])
        code, out, _ = call("doctor", "--quick")
        assert code == 1
        assert "2 to mend" in out
    errors.forget()


# -- hostile content -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["runs"],
        ["show", "hostile"],
        ["compare", "hostile", "otter"],
        ["plot", "hostile"],
        ["runs", "--columns", "name,tags.[red]"],
    ],
    ids=lambda args: args[0],
)
@pytest.mark.parametrize("coloured", [False, True], ids=["plain", "colour"])
def test_nothing_hostile_reaches_the_terminal(call, store, monkeypatch, args, coloured):
    if coloured:
        monkeypatch.setenv("FORCE_COLOR", "1")
    code, out, err = call(*(store.get(arg, arg) for arg in args), color=coloured)
    assert code == 0
    shown = re.sub(r"\x1b\[[\d;]*m", "", out) if coloured else out
    assert not CONTROL.search(shown + err)
    if coloured:  # only the colours that were meant: the name's own red is an escape in letters
        assert "\\x1b[31mevil" in shown or args[0] == "plot"
    if args[0] in {"runs", "show"} and len(args) < 3:
        assert r"\x1b[31mevil\x1b[0m\n[bold]x[/bold]\u202e\x00" in shown


# -- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(["show", "oter"], "otter", id="unknown-run"),
        pytest.param(["show", "0"], "more than one run", id="ambiguous"),
        pytest.param(["show", "last~99"], "there are only 5", id="too-far-back"),
        pytest.param(["show", "\x1b[2J"], r"\x1b[2J", id="hostile-run"),
        pytest.param(["runs", "metrics.accuracy >"], "", id="filter-ends-early"),
        pytest.param(["runs", "metrics.accuracy = = 3"], "", id="filter-typo"),
        pytest.param(["runs", "nme = 'x'"], "name", id="filter-field"),
        pytest.param(["runs", "--limit", "0"], "--limit", id="limit"),
        pytest.param(["runs", "--frobnicate"], "--frobnicate", id="option"),
        pytest.param(["rnus"], "did you mean runs?", id="command"),
        pytest.param(["plot", "otter", "lose"], "", id="unknown-metric"),
        pytest.param(["plot", "parent"], "no curves", id="no-curves"),
        pytest.param(["plot", "otter", "--svg", "/nowhere/x.svg"], "/nowhere/x.svg", id="svg-folder"),
        pytest.param(["compare", "otter"], "two different runs", id="compare-one"),
        pytest.param(["compare", "otter", "otter"], "two different runs", id="compare-same"),
        pytest.param(["runs", "purge"], "name the runs", id="purge-nothing"),
        pytest.param(["runs", "tag", "otter", "="], "no tag", id="tag"),
        pytest.param(["runs", "rename", "otter", " "], "empty", id="empty-name"),
        pytest.param(["load-check", "/nowhere"], "/nowhere", id="no-model"),
        pytest.param(["load-check", "runs:/otter/modell"], "modell", id="no-model-of-run"),
        pytest.param(["load-check", "models:/x/1"], "models:/", id="registry"),
        pytest.param(["runs", "--store", "/nowhere"], "epochal init", id="no-store"),
        pytest.param(["completion", "csh"], "csh", id="shell"),
        pytest.param(["completion"], "bash, zsh, fish", id="no-shell"),
        pytest.param(["runs", "delete"], "RUN...", id="no-run"),
        pytest.param(["runs", "--columns", "nmae"], "did you mean name?", id="column"),
        pytest.param(["runs", "--store", "/etc"], "no store at /etc", id="no-store-but-a-folder"),
    ],
)
def test_refusals_are_one_line(refused, store, args, said):
    assert said in refused(*args)


@pytest.mark.parametrize(
    ("name", "value"),
    [("EPOCHAL_DURABILITY", "never"), ("EPOCHAL_AUTOLOG", "perhaps"), ("EPOCHAL_CONSOLE", "often")],
)
def test_settings_that_make_no_sense(refused, root, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert value in refused("runs") or name.removeprefix("EPOCHAL_").lower() in refused("runs")


def test_a_filter_is_never_sql(refused, call, store):
    assert call("runs", "name = '''; drop table run; --'")[0] == 0
    refused("runs", "1; drop table run")
    assert len(call("runs")[1].splitlines()) == 6
