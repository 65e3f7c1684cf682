#!/usr/bin/env python3
"""Counts a recording naively, without Pulso, and compares the result with what Pulso exports.

usage: scripts/recount.py PULSO RECORDING DATA     (PULSO: the program; DATA: a folder into which this
recording was replayed once)

Checks the batch layer's responses, country activity, trending topics (counts, names, scores, both ranks, since
when), the trends that ended, groups and events. Exits with code 0 if all are equal.
"""
import json
import math
import subprocess
import sys
from collections import Counter, defaultdict

SLIDE, SIZE, BASELINE, ABOVE = 10_000, 300_000, 3_600_000, 5
LISTED, UNUSUAL, UNUSUAL_FROM = 100, 20, 4.4
# A window of the past counts if it has at least one fact for so many of the judged one.
SPARSE = 50


def exported(pulso, data, view):
    command = [pulso, "export", view, "--data", data, "--layer", "batch"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def millis(text):
    from datetime import datetime

    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def score(counts, busy, end, key):
    """How unusual a term's count is in the window that ends at a time; None while there is too little past."""
    newest = max(SIZE, BASELINE // SLIDE // 4 * SLIDE)
    past = range(end - BASELINE, end - newest + 1, SLIDE)
    windows = sum(busy[e] * SPARSE >= busy[end] for e in past)
    if windows < -(-len(past) // 3):
        return None
    panes, growth = SIZE // SLIDE, max(1, SIZE // SLIDE // 5)
    now, earlier = counts[end, key], counts[end - growth * SLIDE, key]
    seen, all_seen = sum(counts[e, key] for e in past), sum(busy[e] for e in past)
    usual = seen * (busy[end] - now + 100) / (all_seen - seen + 100 * windows)
    grown, spread = (panes * now - (panes - growth) * earlier) / growth, (2 * panes - growth) / growth
    habit = 0.04 * (usual * usual)
    by_count = (now - usual) / math.sqrt(usual + habit + 1)
    by_growth = (grown - usual) / math.sqrt(spread * usual + habit + spread)
    thousandths = max(by_count, by_growth) * 1000
    return math.copysign(math.floor(abs(thousandths) + 0.5), thousandths) / 1000


def listed(counts, busy):
    """By window end and term: rank, unusual rank and score of what is listed; and by term the windows in which it is unusual."""
    ends, in_windows = defaultdict(list), defaultdict(list)
    for (end, key), count in counts.items():
        if count > ABOVE:
            ends[end].append((count, key))
    found = {}
    for end, terms in ends.items():
        scores = {key: score(counts, busy, end, key) for _, key in terms}
        by_count = sorted(terms, key=lambda term: (-term[0], -(scores[term[1]] or 0), term[1]))
        ranks = {key: rank for rank, (_, key) in enumerate(by_count, 1)}
        unusual = [key for key in ranks if scores[key] is not None and scores[key] >= UNUSUAL_FROM]
        for key in unusual:
            in_windows[key].append((end, scores[key]))
        by_score = sorted(unusual, key=lambda key: (-scores[key], ranks[key]))[:UNUSUAL]
        places = {key: place for place, key in enumerate(by_score, 1)}
        for key, rank in ranks.items():
            if rank <= LISTED or key in places:
                found[end, key] = (rank, places.get(key), scores[key])
    return found, in_windows


def lives(in_windows):
    """The trends of each term, as lists of (end, score): windows of which each overlaps or touches the one before."""
    for key, windows in in_windows.items():
        life = []
        for end, score in sorted(windows):
            if life and end - life[-1][0] > SIZE:
                yield key, life
                life = []
            life.append((end, score))
        yield key, life


def followed(life, end):
    """What of a trend is looked back to from a window."""
    return [window for window in life if end - 2 * BASELINE < window[0] <= end]


def main(pulso, recording, data):
    seen, responses = set(), []
    for line in open(recording, encoding="utf-8"):
        m = json.loads(line)
        key = (m["rsvp_id"], m["response"], m["guests"], (m["mtime"] + 500) // 1000)
        if key not in seen:
            seen.add(key)
            responses.append(m)

    busy, topics_by_pane = Counter(), Counter()
    activity, topics, names, groups, events, latest = Counter(), Counter(), {}, defaultdict(set), defaultdict(set), {}
    for m in responses:
        country, pane = m["group"]["group_country"].upper(), m["mtime"] // SLIDE * SLIDE
        activity[pane, country, m["response"]] += 1
        busy.update(range(pane + SLIDE, pane + SIZE + SLIDE, SLIDE))
        for key in {t["urlkey"].strip().lower() for t in m["group"]["group_topics"]}:
            topics_by_pane[pane, key] += 1
            for end in range(pane + SLIDE, pane + SIZE + SLIDE, SLIDE):
                topics[end, key] += 1
        for t in m["group"]["group_topics"]:
            key = t["urlkey"].strip().lower()
            for end in range(pane + SLIDE, pane + SIZE + SLIDE, SLIDE):
                names[end, key] = min(names.get((end, key), t["topic_name"]), t["topic_name"])
        if m["mtime"] >= latest.get(m["rsvp_id"], m)["mtime"]:
            latest[m["rsvp_id"]] = m
    for m in latest.values():
        groups[m["group"]["group_id"]].add(m["rsvp_id"])
        events[m["event"]["event_id"]].add(m["rsvp_id"])

    mine = {
        "responses": {(m["rsvp_id"], m["mtime"], m["response"], m["guests"]) for m in responses},
        "country-activity": {(*key, count) for key, count in activity.items()},
        "groups": {(group, len(rsvps)) for group, rsvps in groups.items()},
        "events": {(event, len(rsvps)) for event, rsvps in events.items()},
    }
    its = {
        "responses": {
            (d["rsvp_id"], millis(d["@timestamp"]), d["response"], d["guests"]) for d in exported(pulso, data, "responses")
        },
        "country-activity": {
            (millis(d["@timestamp"]), d["country"], d["response"], d["responses"])
            for d in exported(pulso, data, "country-activity")
        },
        "groups": {(d["group"]["id"], d["responses"]) for d in exported(pulso, data, "groups")},
        "events": {(d["event"]["id"], d["responses"]) for d in exported(pulso, data, "events")},
    }
    found, in_windows = listed(topics, busy)
    since, ended = {}, set()
    days = {m["mtime"] // 86_400_000 for m in responses}
    for key, life in lives(in_windows):
        since.update({(end, key): followed(life, end)[0][0] for end, _ in life})
        last = life[-1][0]
        life = followed(life, last)
        peak, highest = max(life, key=lambda window: (window[1], -window[0]))
        began = life[0][0]
        count = sum(topics_by_pane[pane, key] for pane in range(began - SIZE, last, SLIDE))
        if (last + SIZE) // 86_400_000 in days:
            ended.add((last + SIZE, key, names[last, key], began, peak, highest, last, (last - began) / 1000, count))
    mine["topic-trends"] = ended
    its["topic-trends"] = {
        (
            millis(d["@timestamp"]), d["term"], d["name"], millis(d["began"]), millis(d["peak"]), d["peak_score"],
            millis(d["ended"]), d["duration_seconds"], d["count"],
        )
        for d in exported(pulso, data, "topic-trends")
    }
    its["trending-topics"] = {
        (
            millis(d["@timestamp"]), d["topic"], d["name"], d["count"], d["rank"], d.get("unusual_rank"), d.get("score"),
            millis(d["since"]) if "since" in d else None,
        )
        for d in exported(pulso, data, "trending-topics")
    }
    mine["trending-topics"] = {
        (end, key, names[end, key], topics[end, key], *place, since.get((end, key)) if place[1] else None)
        for (end, key), place in found.items()
    }

    different = 0
    for view in mine:
        missing, extra = mine[view] - its[view], its[view] - mine[view]
        print(f"{view}: {len(mine[view])} counted here, {len(its[view])} exported, {len(missing)} missing, {len(extra)} extra")
        for document in sorted(missing | extra, key=str)[:5]:
            print("  ", "missing" if document in missing else "extra", document)
        different += len(missing) + len(extra)
    return 1 if different else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
