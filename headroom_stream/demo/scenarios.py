"""The three agents of the demo: one looks into an incident, one mends a failing test, one takes stock of the environment."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headroom_stream.demo import shop as shop_module
from headroom_stream.demo import tools
from headroom_stream.demo.agent import Scenario, Script
from headroom_stream.demo.project import FAULT, MENDED, Project
from headroom_stream.demo.shapes import Anthropic, Gemini, OpenAI, Step, ToolCall
from headroom_stream.demo.shop import Shop

_SLOWEST = (
    "SELECT path, status, count(*) AS n, round(max(ms), 2) AS max_ms FROM requests "
    "GROUP BY path, status ORDER BY max_ms DESC LIMIT 40"
)


def scenarios(shop: Shop, folder: Path) -> list[Scenario]:
    """The agents, on a running shop and an empty folder."""
    return [incident(shop), failing_test(Project(folder)), stocktaking()]


def _call(tool: str, **arguments: Any) -> ToolCall:
    return ToolCall(tool, arguments)


def _field(text: str, *path: str | int) -> Any:
    """A value of a tool's JSON output; None when the tool failed, so that the demo goes on as an agent would."""
    try:
        value = json.loads(text)
        for step in path:
            value = value[step]
    except (ValueError, LookupError, TypeError):
        return None
    return value


def incident(shop: Shop) -> Scenario:
    """OpenAI's shape: some orders of a shop answer 500."""

    def script() -> Script:
        (sent,) = yield Step(
            say="I send the shop a mix of requests first, to see whether it still fails.",
            calls=(_call("send_traffic", count=shop_module.REQUESTS),),
        )
        errors = _field(sent, "statuses", "500") or 0
        (log,) = yield Step(say=f"{errors} of the requests answered 500. The access log shows which.", calls=(_call("access_log"),))
        failed = [m[1] for m in re.finditer(r'"\w+ (\S+) HTTP/1.1" 500 ', log)]
        common = Counter(re.sub(r"\d+", "<id>", path) for path in failed).most_common(1)
        (log,) = yield Step(
            say=f"All {len(failed)} failures are of {common[0][0] if common else 'one path'}, for instance "
            f"{', '.join(failed[:3])}. The application log has the tracebacks.",
            calls=(_call("application_log"),),
        )
        cause = (re.findall(r"^\w*Error: .*$", log, re.MULTILINE) or ["no traceback"])[-1]
        yield Step(
            say=f"They all end in `{cause}`. I read the code that raises it, and one of the orders.",
            calls=(_call("read_file", path=shop_module.__file__), _call("http_get", path="/orders")),
        )
        (rows,) = yield Step(say="Are there slow requests as well?", calls=(_call("query", sql=_SLOWEST),))
        slow, ms = _field(rows, 0, "path"), _field(rows, 0, "max_ms")
        (table,) = yield Step(
            say=f"The slowest is {slow} with {ms} ms, so it is no overload. I look at the machine to be sure.",
            calls=(_call("processes"),),
        )
        yield Step(
            say=f"{len(table.splitlines()) - 1} processes and none that stands out. I send traffic again: do the same orders fail?",
            calls=(_call("send_traffic", count=120),),
        )
        (log,) = yield Step(say="The end of the log says it.", calls=(_call("access_log", last=120),))
        again = re.findall(r'"\w+ (\S+) HTTP/1.1" 500 ', log)
        yield Step(
            say=f"{len(again)} failures in the last 120, {len(set(again) - set(failed))} of orders that had not failed before. "
            f"The cause is `{cause}` in `total_in_euro`: `RATES` in shop.py has no rate for that currency. Add it there, "
            "and let an unknown currency answer 422 instead of 500.",
            then_user="Thanks. Which orders are concerned, and since when?",
        )
        yield Step(
            say="The rows by path and status say it.",
            calls=(_call("query", sql=_SLOWEST.replace("GROUP", "WHERE status = 500 GROUP")),),
        )

    return Scenario(
        name="incident",
        title="why do orders answer 500?",
        model="gpt-5",
        shape=OpenAI(),
        system="You look into incidents of a web shop. Look before you conclude, change nothing, name the line at fault.",
        task="Since this morning some orders of the shop answer 500. Find out which, and why.",
        tools={
            "send_traffic": shop.send_traffic,
            "access_log": shop.access_log,
            "application_log": shop.application_log,
            "http_get": shop.get,
            "query": shop.query,
            "processes": tools.processes,
            "read_file": lambda path: tools.read(Path(path)),
        },
        script=script,
        turns=11,
    )


def failing_test(project: Project) -> Scenario:
    """Anthropic's shape: a test fails, the agent mends the code."""
    test_file = project.root / "tests" / "test_shopping.py"

    def failures(output: str) -> Sequence[str]:
        return re.findall(r"^FAIL: (\w+)", output, re.MULTILINE)

    def script() -> Script:
        yield Step(say="I look at what is there.", calls=(_call("find_files", path=str(project.root)),))
        (run,) = yield Step(say="The tests first.", calls=(_call("run_tests"),))
        failed = failures(run)
        first = failed[0] if failed else "test_share_of_100_in_3_adds_up"
        yield Step(
            say=f"{len(failed)} fail: {', '.join(failed)}. They are about `share`, so I read both modules.",
            calls=(
                _call("read_file", path=str(project.money)),
                _call("read_file", path=str(project.root / "shopping" / "ledger.py")),
            ),
        )
        yield Step(
            say=f"`share` loses the cents that are left over. I read the tests, to see what `{first}` wants exactly.",
            calls=(_call("read_file", path=str(test_file)),),
        )
        (found,) = yield Step(
            say="How does the standard library hand out a remainder? I look for `divmod` there.",
            calls=(_call("grep", pattern=r"\bdivmod\(|// *len\(", path=str(tools.standard_library())),),
        )
        yield Step(
            say=f"{len(found.splitlines())} places. `statistics` splits numbers as well; what does it offer?",
            calls=(_call("outline", path=str(tools.standard_library() / "statistics.py")),),
        )
        yield Step(
            say="Nothing that splits. I give the first parts one more, as `divmod` suggests.",
            calls=(_call("edit_file", path=str(project.money), old=FAULT, new=MENDED),),
        )
        (run,) = yield Step(say=f"Does `{first}` pass now?", calls=(_call("run_tests", pattern=first),))
        verdict = (run.rstrip().splitlines() or ["nothing"])[-1]
        yield Step(
            say=f"It says `{verdict}`. I read the file once more as a whole.", calls=(_call("read_file", path=str(project.money)),)
        )
        (run,) = yield Step(say="And all tests.", calls=(_call("run_tests"),))
        ran = (re.findall(r"^Ran (\d+) tests", run, re.MULTILINE) or ["?"])[0]
        yield Step(
            say=f"All {ran} tests pass. `share` gives the cents that are left over to the first parts, so that they add up.",
            then_user="Good. Where else do we divide amounts?",
        )
        yield Step(
            say="I look for divisions in the project.", calls=(_call("grep", pattern=r"//|divmod| / ", path=str(project.root)),)
        )

    return Scenario(
        name="failing-test",
        title="mend the failing test",
        model="claude-sonnet-4-5",
        shape=Anthropic(),
        system="You mend code. Run the tests before and after.",
        task=f"Some tests of the project in {project.root} fail. Mend the code, not the tests.",
        tools={
            "find_files": lambda path: tools.tree(Path(path)),
            "run_tests": project.run_tests,
            "read_file": lambda path: tools.read(Path(path)),
            "outline": lambda path: tools.outline(Path(path)),
            "edit_file": lambda path, old, new: project.edit(Path(path), old, new),
            "grep": lambda pattern, path: tools.grep(pattern, Path(path), limit=120),
        },
        script=script,
        turns=13,
    )


def stocktaking() -> Scenario:
    """Gemini's shape: what is installed here, and what will break with the next Python."""
    library = tools.standard_library()

    def script() -> Script:
        (listed,) = yield Step(say="I list the installed packages.", calls=(_call("list_packages"),))
        found = _field(listed) or []
        unlicensed = [row["name"] for row in found if not row["license"]]
        yield Step(
            say=f"{len(found)} packages, {len(unlicensed)} of them without a licence field ({', '.join(unlicensed[:4])}). "
            "Which interpreter is it?",
            calls=(_call("build_settings"),),
        )
        (listed,) = yield Step(
            say="What does the standard library consist of?", calls=(_call("list_directory", path=str(library)),)
        )
        largest = _field(listed, "entries", 0) or {}
        (matches,) = yield Step(
            say=f"{_field(listed, 'total')} entries, the largest is {largest.get('name')} with {largest.get('size')} bytes. "
            "What is deprecated?",
            calls=(_call("grep", pattern=r"DeprecationWarning|_deprecated\(", path=str(library)),),
        )
        modules = Counter(Path(line.split(":")[0]).name for line in matches.splitlines() if line.count(":") > 1)
        busiest = modules.most_common(1)[0][0] if modules else "warnings.py"
        yield Step(
            say=f"Most of it is in {busiest}. How does a warning get out?",
            calls=(_call("read_file", path=str(library / "warnings.py")),),
        )
        (times,) = yield Step(say="Some timings, to compare with after the upgrade.", calls=(_call("timings"),))
        slowest: dict[str, Any] = max(
            (json.loads(line) for line in times.splitlines() if line.startswith("{")), key=lambda row: row["max"], default={}
        )
        yield Step(
            say=f"The slowest single run was {slowest.get('benchmark')} with {slowest.get('max')} us. Is the machine busy?",
            calls=(_call("processes"),),
        )
        yield Step(
            say="Not much. I list the packages again, since the report needs their Python versions beside the licences.",
            calls=(_call("list_packages"),),
        )
        yield Step(
            say=f"{len(found)} packages, {len(unlicensed)} without a licence field, and {sum(modules.values())} lines "
            f"about deprecation in {len(modules)} modules.",
            then_user="Which deprecations concern asyncio?",
        )
        yield Step(
            say="I search there.",
            calls=(_call("grep", pattern=r"DeprecationWarning|_deprecated\(", path=str(library / "asyncio")),),
        )

    return Scenario(
        name="stocktaking",
        title="what is installed here?",
        model="gemini-2.5-pro",
        shape=Gemini(),
        system="You take stock of Python environments before upgrades.",
        task="We want to upgrade Python. Which packages are installed, under which licences, and what is deprecated here?",
        tools={
            "list_packages": tools.packages,
            "build_settings": tools.build_settings,
            "list_directory": lambda path: tools.listing(Path(path)),
            "grep": lambda pattern, path: tools.grep(pattern, Path(path)),
            "read_file": lambda path: tools.read(Path(path)),
            "timings": tools.timings,
            "processes": tools.processes,
        },
        script=script,
        turns=11,
    )
