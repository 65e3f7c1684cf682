#!/usr/bin/env python3
"""Counts a recording naively, without Pulso, and compares the result with what Pulso exports.

usage: scripts/recount.py PULSO RECORDING DATA     (PULSO: the program; DATA: a folder into which this
recording was replayed once)

Checks the batch layer's responses, country activity, trending topics (counts, names, membership), groups
and events. Exits with code 0 if all are equal.
"""
import json
import subprocess
import sys
from collections import Counter, defaultdict

SLIDE, SIZE, ABOVE = 10_000, 300_000, 5


def exported(pulso, data, view):
    command = [pulso, "export", view, "--data", data, "--layer", "batch"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def millis(text):
    from datetime import datetime

    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def main(pulso, recording, data):
    seen, responses = set(), []
    for line in open(recording, encoding="utf-8"):
        m = json.loads(line)
        key = (m["rsvp_id"], m["response"], m["guests"], (m["mtime"] + 500) // 1000)
        if key not in seen:
            seen.add(key)
            responses.append(m)

    activity, topics, names, groups, events, latest = Counter(), Counter(), {}, defaultdict(set), defaultdict(set), {}
    for m in responses:
        country, pane = m["group"]["group_country"].upper(), m["mtime"] // SLIDE * SLIDE
        activity[pane, country, m["response"]] += 1
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
    its["trending-topics"] = {(millis(d["@timestamp"]), d["topic"], d["name"], d["count"]) for d in trends}
    # At the end of the list, the score decides between topics of equal count; so compare only those above it.
    listed = defaultdict(list)
    for (end, key), count in topics.items():
        if count > ABOVE:
            listed[end].append((count, key))
    border = {end: sorted(counts)[-100][0] if len(counts) > 100 else 0 for end, counts in listed.items()}
    mine["trending-topics"] = {
        (end, key, names[end, key], count) for end in listed for count, key in listed[end] if count > border[end]
    }
    its["trending-topics"] = {t for t in its["trending-topics"] if t[3] > border.get(t[0], 0)}

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
