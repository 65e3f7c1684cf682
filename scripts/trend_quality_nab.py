#!/usr/bin/env python3
"""Scores the ten Twitter series of the Numenta Anomaly Benchmark with its own scorer.

usage: scripts/trend_quality_nab.py NAB     (NAB: a checkout of https://github.com/numenta/NAB)

NAB's scorer needs pandas: python3 -m venv FOLDER; FOLDER/bin/pip install pandas simplejson; then run this script
with FOLDER/bin/python. It takes some minutes and is not part of the checks. It writes nothing into the checkout.

A series is the number of mentions of one company in every five minutes, so each point is a whole window, as with
`window.size` = `window.slide` = 5m. Then the score's second term equals its first, and without other terms nothing
corrects for how busy the stream is. What remains is (count - mean) / sqrt(mean + (coefficient * mean)^2 + 1). The
series are computed here by that formula; they do not pass through the program.

All detectors, published and ours, are scored on these ten series alone, each with the threshold that NAB's optimizer
finds best for it on them. Published detectors are those whose results are in the checkout. "One mark a day" keeps a
score only where it is above all scores of the 288 points before it: NAB counts every point above the threshold
outside of its windows as an error, and only the first one inside as a find. Three published detectors are shown with
this as well.
"""
import contextlib
import csv
import io
import json
import math
import shutil
import sys
import tempfile
from itertools import accumulate
from pathlib import Path

SET = "realTweets"
PROFILES = ("standard", "reward_low_FP_rate", "reward_low_FN_rate")
HOUR, DAY = 12, 288  # points

ALSO_ONCE_A_DAY = ("windowedGaussian", "twitterADVec", "relativeEntropy")

# (title, coefficient, baseline and guard in points, one mark a day)
OURS = [
    ("definition, baseline 1h", 0.2, HOUR, 3, False),
    ("the same, one mark a day", 0.2, HOUR, 3, True),
    ("definition, baseline 7d", 0.2, 7 * DAY, 7 * DAY // 4, False),
    ("the same, one mark a day", 0.2, 7 * DAY, 7 * DAY // 4, True),
    ("baseline 7d, guard 15m", 0.2, 7 * DAY, 3, False),
    ("the same, one mark a day", 0.2, 7 * DAY, 3, True),
    ("coefficient 1, baseline 7d, guard 15m", 1.0, 7 * DAY, 3, False),
    ("the same, one mark a day", 1.0, 7 * DAY, 3, True),
]


def main(checkout):
    checkout = Path(checkout).resolve()
    sys.path.insert(0, str(checkout))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        titles = {name: name for name in prepare(checkout, folder)}
        for name in filter(titles.get, ALSO_ONCE_A_DAY):
            titles[f"{name}Daily"] = f"{name}, one mark a day"
            write_daily(f"{name}Daily", folder, name)
        for number, (title, *variant) in enumerate(OURS):
            titles[f"ours{number}"] = title
            write_ours(f"ours{number}", folder, variant)
        scores = scored(checkout, folder, list(titles))
    print("| detector | " + " | ".join(PROFILES) + " |\n|---|" + "---:|" * len(PROFILES))
    for name, title in titles.items():
        if name != "null":
            print(f"| {title} | " + " | ".join(f"{scores[name][profile]:.2f}" for profile in PROFILES) + " |")


def prepare(checkout, folder):
    """Copies the series, their labels, and the published results for them; returns the names of the latter."""
    shutil.copytree(checkout / "data" / SET, folder / "data" / SET)
    windows = json.loads((checkout / "labels" / "combined_windows.json").read_text())
    windows = {name: found for name, found in windows.items() if name.startswith(f"{SET}/")}
    (folder / "windows.json").write_text(json.dumps(windows))
    published = sorted(path.parent.name for path in (checkout / "results").glob(f"*/{SET}"))
    for name in published:
        shutil.copytree(checkout / "results" / name / SET, folder / "results" / name / SET)
    (folder / "thresholds.json").write_text("{}")
    (folder / "results" / "final_results.json").write_text("{}")
    return published


def write_daily(name, folder, published):
    for path in series_of(folder):
        points = read(folder / "results" / published / SET / f"{published}_{path.name}")
        write(name, folder, path, points, once_a_day([float(point["anomaly_score"]) for point in points]))


def write_ours(name, folder, variant):
    for path in series_of(folder):
        points = read(path)
        scores = scores_of([int(float(point["value"])) for point in points], *variant)
        # NAB wants 0 to 1.
        write(name, folder, path, points, [score / (score + 10) for score in scores])


def series_of(folder):
    return sorted((folder / "data" / SET).glob("*.csv"))


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write(name, folder, path, points, scores):
    out = folder / "results" / name / SET
    out.mkdir(parents=True, exist_ok=True)
    with open(out / f"{name}_{path.name}", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "value", "anomaly_score", "label"])
        for point, score in zip(points, scores):
            writer.writerow([point["timestamp"], point["value"], score, 0])


def scores_of(counts, coefficient, baseline, guard, one_mark_a_day):
    before = list(accumulate(counts, initial=0))
    scores = []
    for point, count in enumerate(counts):
        first, after = max(point - baseline, 0), point - guard + 1
        windows = after - first
        if windows * 3 < baseline - guard + 1:
            scores.append(0.0)
            continue
        mean = (before[after] - before[first]) / windows
        scores.append(max((count - mean) / math.sqrt(mean + (coefficient * mean) ** 2 + 1), 0.0))
    return once_a_day(scores) if one_mark_a_day else scores


def once_a_day(scores):
    return [score if score > max(scores[max(n - DAY, 0) : n], default=-1) else 0.0 for n, score in enumerate(scores)]


def scored(checkout, folder, names):
    from nab.runner import Runner  # of the checkout

    runner = Runner(
        dataDir=str(folder / "data"),
        resultsDir=str(folder / "results"),
        labelPath=str(folder / "windows.json"),
        profilesPath=str(checkout / "config" / "profiles.json"),
        thresholdPath=str(folder / "thresholds.json"),
        numCPUs=1,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        runner.initialize()
        runner.score(names, runner.optimize(names))
        runner.normalize()
    return json.loads((folder / "results" / "final_results.json").read_text())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
