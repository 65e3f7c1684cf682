#!/usr/bin/env python3
"""Counts the clicks of 1.usa.gov, their links and cities, and the statistics of ages, without Pulso, and compares.

usage: scripts/recount_clicks.py PULSO RECORDING DATA

PULSO is the program, RECORDING the messages, DATA a folder into which they were replayed once:
    pulso replay RECORDING --stream clicks --data DATA
Counts, minima, maxima, sums, means, and moments have to be equal (floats to 12 digits, as they are computed in another way
here), quantiles to 1 %. Exits with code 0 if all are.
"""
import json
import math
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import datetime, timezone
from fractions import Fraction
from urllib.parse import urlsplit

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def exported(pulso, data, view):
    command = [pulso, "export", view, "--data", data, "--stream", "clicks", "--layer", "batch"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def clicks_of(path):
    """Each click as a few of its fields; heartbeats are none."""
    for line in open(path, encoding="utf-8"):
        message = json.loads(line)
        if "_heartbeat_" in message:
            continue
        day = datetime.fromtimestamp(message["t"], timezone.utc).date().isoformat()
        made = message.get("hc")
        yield {
            "day": day,
            "target": urlsplit(message["u"]).hostname,
            "referrer": urlsplit(message.get("r") or "").hostname or "direct",
            "kind": "known" if message.get("nk") == 1 else "new",
            "country": message.get("c") or "??",
            "region": message.get("gr") or "",
            "city": message.get("cy"),
            "age": None if made is None else message["t"] - made,
        }


def moments(ages):
    """Exactly, and only then as floats: the mean, the variance, skewness and excess kurtosis of the population."""
    count, mean = len(ages), Fraction(sum(ages), len(ages))
    second, third, fourth = (sum((age - mean) ** power for age in ages) / count for power in (2, 3, 4))
    told = {"mean": float(mean), "variance": float(second)}
    if second:
        told["skewness"] = float(third) / math.sqrt(float(second)) ** 3
        told["kurtosis"] = float(fourth / second**2 - 3)
    return told


def statistics_of(ages):
    """What a document tells, exactly."""
    ages = sorted(ages)
    told = {"count": len(ages), "min": ages[0], "max": ages[-1], "sum": sum(ages)} | moments(ages)
    # The smallest number that at least this share does not exceed.
    return told | {name: ages[math.ceil(share * len(ages)) - 1] for name, share in QUANTILES.items()}


def same(name, found, expected):
    if name in QUANTILES:
        return abs(found - expected) <= 0.01 * abs(expected)
    return found == expected or math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12)


class Comparison:
    wrong = 0

    def counts(self, name, found, expected):
        different = sum(found[key] != expected[key] for key in found.keys() | expected.keys())
        state = "equal" if different == 0 else f"{different} different"
        print(f"{name}: {len(expected)} keys, {sum(expected.values())} clicks; {state}")
        self.wrong += different > 0 or not expected

    def statistics(self, name, documents, ages):
        compared = different = 0
        for document in documents:
            expected = statistics_of(ages.pop((document["day"], document["kind"])))
            for field, value in expected.items():
                if field in document:
                    compared += 1
                    if not same(field, document[field], value):
                        different += 1
                        print(f"  {document['day']}, {document['kind']}: `{field}` is {document[field]}, not {value}")
        print(f"{name}: {compared} numbers of {len(documents)} documents; {different} different, {len(ages)} missing")
        self.wrong += different > 0 or len(ages) > 0 or not documents


def main():
    pulso, recording, data = sys.argv[1:4]
    clicks = list(clicks_of(recording))
    comparison = Comparison()

    activity = Counter()
    for document in exported(pulso, data, "click-activity"):
        activity[document["country"], document["kind"]] += document["clicks"]
    comparison.counts("clicks by country and kind", activity, Counter((one["country"], one["kind"]) for one in clicks))

    edges = {(one["day"], one["referrer"], one["target"]): one["clicks"] for one in exported(pulso, data, "link-days")}
    comparison.counts("links", Counter(edges), Counter((one["day"], one["referrer"], one["target"]) for one in clicks))

    place = ("day", "country", "region", "city")
    cities = {tuple(one[name] for name in place): one["clicks"] for one in exported(pulso, data, "city-days")}
    expected = Counter(tuple(one[name] for name in place) for one in clicks if one["city"])
    comparison.counts("cities", Counter(cities), expected)

    ages = defaultdict(list)
    for one in clicks:
        if one["age"] is not None:
            ages[one["day"], one["kind"]].append(one["age"])
    comparison.statistics("ages of links", exported(pulso, data, "click-age-statistics-days"), ages)
    sys.exit(comparison.wrong > 0)


if __name__ == "__main__":
    main()
