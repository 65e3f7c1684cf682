"""Implements scripts/trend-quality.sh: replays streams with known bursts, and measures what Pulso says of them.

Each stream is written as NDJSON for a declared stream `terms`, replayed by the program with its default
configuration, and exported from the speed layer. Its documents must equal a naive recount; then they are compared
with the bursts. docs/trends.md explains the columns of the table.
"""
import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from trend_lab import (
    PANE, TERMS_MAX, WARM, Listed, Quality, Recipe, Trend, by_score, generate, measure, name, number_of, recount,
    trends_of,
)


@dataclass(frozen=True)
class Floor:
    """The worst values that pass. docs/trends.md has those that were measured; these leave a margin."""

    precision: float = 0
    filled: float = 0
    recall: float = 0
    delay: float = math.inf
    wrong: float = 1
    alarms: float = math.inf
    once: float = 0

    def problems(self, quality):
        missed = {
            "precision": quality.precision < self.precision,
            "filled precision": quality.filled < self.filled,
            "recall": quality.recall < self.recall,
            "delay": quality.delays and quality.delay(0.5) > self.delay,
            "share of wrong marks": quality.wrong > self.wrong,
            "share of bursts told as one trend": quality.told and quality.once < self.once,
            "number of false alarms": quality.alarms_an_hour > self.alarms,
        }
        return [f"the {what} does not reach its floor" for what, is_missed in missed.items() if is_missed]


SEEDS = Floor(precision=0.92, filled=0.82, recall=0.90, delay=180, wrong=0.14, once=0.90)
SCENARIOS = {
    "eight bursts at once": (Recipe(hours=2, bursts=24, together=8), Floor(precision=0.90, recall=0.87)),
    "again after 10 minutes": (Recipe(hours=2, bursts=24, again_after=60), Floor(precision=0.85, recall=0.80)),
    "an account repeats itself": (
        Recipe(hours=2, bursts=20, repeats=5, actors=True),
        Floor(precision=0.88, recall=0.85),
    ),
    "daily rhythm": (Recipe(bursts=0, day=0.6, rhythms=0), Floor(alarms=50)),
    "steps that stay": (Recipe(hours=3, bursts=0, steps=20), Floor(alarms=60)),
    "quiet night": (Recipe(bursts=0, rate=1, day=0, rhythms=0), Floor(alarms=5)),
}

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")

DECODE = """\
.time = from_unix_timestamp!(int!(.t), unit: "milliseconds")
.key = .who
.terms.terms = [.term]
.columns.account = .who
"""

DESCRIPTOR = """\
name = "terms"
title = "Terms"
about = "Mentions of terms, some of which burst."
actor = "account"
[fact]
one = "mention"
many = "mentions"
kinds = ["mention"]
[columns]
account = "integer"
[[facets]]
one = "term"
many = "terms"
"""

HEADING = """\
| stream | bursts | precision | filled | recall | delay p50, s | p90, s | wrong marks | one trend | false alarms/h | a minute long | other trends/h |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"""


def main():
    arguments = argparse.ArgumentParser(usage="scripts/trend-quality.sh [--seeds 101-108] [--no-scenarios]")
    arguments.add_argument("program", help=argparse.SUPPRESS)
    arguments.add_argument("--seeds", default="101-102", help="of streams with 80 bursts, such as 5 or 101-108")
    arguments.add_argument("--no-scenarios", action="store_true", help="only those streams")
    asked = arguments.parse_args()
    first, _, last = asked.seeds.partition("-")

    print(HEADING, flush=True)
    together, remarks, problems = Quality(), [], []
    for seed in range(int(first), int(last or first) + 1):
        quality, found = judge(asked.program, generate(seed, Recipe()))
        together += quality
        problems += (f"seed {seed}: {problem}" for problem in found)
        print(row(f"seed {seed}", quality), flush=True)
    print(row("these together", together), flush=True)
    problems += (f"seeds: {problem}" for problem in SEEDS.problems(together))
    for title, (recipe, floor) in {} if asked.no_scenarios else SCENARIOS.items():
        stream = generate(1, recipe)
        quality, found = judge(asked.program, stream, remarks)
        problems += (f"{title}: {problem}" for problem in [*found, *floor.problems(quality)])
        print(row(title, quality), flush=True)

    print("\n".join(["", *remarks, *problems]))
    if not problems:
        print("all documents equal the recount, and all floors are reached")
    return 1 if problems else 0


def row(title, quality):
    alarms = [f"{n:.1f}" for n in (quality.alarms_an_hour, quality.held_an_hour, quality.others_an_hour)]
    if not quality.delays:
        return " | ".join([f"| {title}", *[""] * 8, *alarms]) + " |"
    shares = [f"{share:.3f}" for share in (quality.precision, quality.filled, quality.recall)]
    delays = [f"{quality.delay(share):.0f}" for share in (0.5, 0.9)]
    cells = [str(len(quality.delays)), *shares, *delays, f"{quality.wrong:.3f}", f"{quality.once:.3f}", *alarms]
    return " | ".join([f"| {title}", *cells]) + " |"


def judge(program, stream, remarks=None):
    """Returns the quality of what Pulso says, and what is wrong about its documents."""
    (windows, trends), recounted = told_by(program, stream), recount(stream)
    problems = list(differences(windows, recounted))
    expected = trends_of(recounted, stream.panes)
    problems += (f"missing or wrong: {trend}" for trend in sorted(set(expected) ^ set(trends))[:3])
    marked = [[listed.term for listed in by_unusual_rank(window)] for window in windows]
    for term in stream.repeated:
        if any(term in terms for terms in marked):
            problems.append(f"`{name(term)}`, which one account repeats, is marked as unusual")
    if stream.steps:
        remarks.append(remark_on_steps(stream, marked))
    # Of the terms that are not unusual, Pulso lists only the largest.
    ordered = [[listed.term for listed in by_score(window)] for window in recounted]
    return measure(stream, marked, ordered, trends), problems


def by_unusual_rank(window):
    return sorted((listed for listed in window if listed.unusual_rank), key=lambda listed: listed.unusual_rank)


def remark_on_steps(stream, marked):
    minutes = []
    for step in stream.steps:
        panes = [pane for pane in range(step.begin, stream.panes) if step.term in marked[pane]]
        minutes.append((panes[-1] + 1 - step.begin) * PANE / 60 if panes else 0)
    longer = sum(m > 60 for m in minutes)
    return (
        f"of {len(minutes)} steps that stay, half had their last mark within {median(minutes):.0f} minutes, "
        f"{longer} had one after an hour, the last after {max(minutes):.0f} minutes"
    )


# -- what Pulso lists

def told_by(program, stream):
    """What the speed layer lists, by pane, and the trends that ended."""
    with tempfile.TemporaryDirectory() as folder:
        declare(Path(folder, "streams", "terms"), stream.recipe)
        recording = Path(folder, "recording.jsonl")
        write(recording, stream)
        common = ["--stream", "terms", "--data", f"{folder}/data", "--set", f"streams.directory={folder}/streams"]
        replay = [program, "replay", recording, *common, "--set", "logs.filter=warn"]
        subprocess.run(replay, check=True, stdout=subprocess.DEVNULL)
        listed, ended = (exported(program, view, common) for view in ("trending-terms", "mention-trends"))
    windows = [[] for _ in range(stream.panes)]
    for document in listed:
        pane = pane_of(document["@timestamp"])
        if pane < stream.panes:  # the windows after the end hold what is left
            windows[pane].append(listed_in(document))
    return windows, [trend_in(document) for document in ended if pane_of(document["@timestamp"]) < stream.panes]


def exported(program, view, common):
    export = [program, "export", view, "--layer", "speed", *common]
    lines = subprocess.run(export, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def pane_of(time):
    """The last pane of the window that ends then."""
    end = datetime.fromisoformat(time.replace("Z", "+00:00")) - START
    return round(end.total_seconds()) // PANE - 1


def trend_in(document):
    began, peak, ended = (pane_of(document[field]) for field in ("began", "peak", "ended"))
    return Trend(number_of(document["term"]), began, peak, ended, document["peak_score"])


def declare(folder, recipe):
    folder.mkdir(parents=True)
    counted = 'count = "actors"\n' if recipe.actors else ""
    (folder / "stream.toml").write_text(DESCRIPTOR + counted)
    (folder / "decode.vrl").write_text(DECODE)


def write(path, stream):
    start = round(START.timestamp() * 1000)
    with open(path, "w") as file:
        for time, term, account in stream.mentions:
            file.write(f'{{"t":{start + time},"who":{account},"term":"{name(term)}"}}\n')


def listed_in(document):
    number = document.get("actors", document["count"])
    optional = (document.get(field) for field in ("score", "rank", "unusual_rank"))
    return Listed(number_of(document["term"]), number, *optional)


def differences(windows, recounted):
    """The first one; where one document is wrong, others are as well."""
    for pane, (window, all_terms) in enumerate(zip(windows, recounted)):
        expected = [listed for listed in all_terms if listed.rank <= TERMS_MAX or listed.unusual_rank]
        for found, listed in zip(sorted(window, key=lambda listed: listed.rank), expected):
            if found != listed:
                yield f"window {pane} ({'warming up' if pane < WARM else 'scored'}): {found} instead of {listed}"
                return
        if len(window) != len(expected):
            yield f"window {pane}: {len(window)} documents instead of {len(expected)}"
            return


if __name__ == "__main__":
    sys.exit(main())
