#!/usr/bin/env python3
"""Counts a recording naively, without Pulso, and compares the result with what Pulso exports.

usage: scripts/recount.py PULSO RECORDING DATA     (PULSO: the program; DATA: a folder into which this
recording was replayed once)

Checks the batch layer's responses, country activity, trending topics (counts, names, scores, both ranks),
groups and events. Exits with code 0 if all are equal.
"""
import json
import math
import subprocess
import sys
from collections import Counter, defaultdict

SLIDE, SIZE, BASELINE, ABOVE = 10_000, 300_000, 3_600_000, 5
LISTED, UNUSUAL, UNUSUAL_FROM = 100, 20, 4.4


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
    enough, past = -(-len(past) // 3), [e for e in past if e in busy]
    if len(past) < enough:
        return None
    panes, growth = SIZE // SLIDE, max(1, SIZE // SLIDE // 5)
    now, earlier = counts[end, key], counts[end - growth * SLIDE, key]
    seen, all_seen = sum(counts[e, key] for e in past), sum(busy[e] for e in past)
    usual = seen * (busy[end] - now + 100) / (all_seen - seen + 100 * len(past))
    grown, spread = (panes * now - (panes - growth) * earlier) / growth, (2 * panes - growth) / growth
    habit = 0.04 * (usual * usual)
    by_count = (now - usual) / math.sqrt(usual + habit + 1)
    by_growth = (grown - usual) / math.sqrt(spread * usual + habit + spread)
    thousandths = max(by_count, by_growth) * 1000
    return math.copysign(math.floor(abs(thousandths) + 0.5), thousandths) / 1000


def listed(counts, busy):
    """By window end and term: rank, unusual rank and score of what is listed."""
    ends = defaultdict(list)
    for (end, key), count in counts.items():
        if count > ABOVE:
            ends[end].append((count, key))
    found = {}
    for end, terms in ends.items():
        scores = {key: score(counts, busy, end, key) for _, key in terms}
        by_count = sorted(terms, key=lambda term: (-term[0], -(scores[term[1]] or 0), term[1]))
        ranks = {key: rank for rank, (_, key) in enumerate(by_count, 1)}
        unusual = [key for key in ranks if scores[key] is not None and scores[key] >= UNUSUAL_FROM]
        by_score = sorted(unusual, key=lambda key: (-scores[key], ranks[key]))[:UNUSUAL]
        places = {key: place for place, key in enumerate(by_score, 1)}
        for key, rank in ranks.items():
            if rank <= LISTED or key in places:
                found[end, key] = (rank, places.get(key), scores[key])
    return found


def main(pulso, recording, data):
    seen, responses = set(), []
    for line in open(recording, encoding="utf-8"):
        m = json.loads(line)
        key = (m["rsvp_id"], m["response"], m["guests"], (m["mtime"] + 500) // 1000)
        if key not in seen:
            seen.add(key)
            responses.append(m)

    busy = Counter()
    activity, topics, names, groups, events, latest = Counter(), Counter(), {}, defaultdict(set), defaultdict(set), {}
    for m in responses:
        country, pane = m["group"]["group_country"].upper(), m["mtime"] // SLIDE * SLIDE
        activity[pane, country, m["response"]] += 1
        busy.update(range(pane + SLIDE, pane + SIZE + SLIDE, SLIDE))
        for key in {t["urlkey"].strip().lower() for t in m["group"]["group_topics"]}:
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
    trends = exported(pulso, data, "trending-topics")
    its["trending-topics"] = {
        (millis(d["@timestamp"]), d["topic"], d["name"], d["count"], d["rank"], d.get("unusual_rank"), d.get("score"))
        for d in trends
    }
    mine["trending-topics"] = {
        (end, key, names[end, key], topics[end, key], *place) for (end, key), place in listed(topics, busy).items()
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
