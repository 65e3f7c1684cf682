#!/usr/bin/env python3
"""Counts the visits of an access log without Pulso, and compares.

usage: scripts/recount_visits.py PULSO LOG DATA

PULSO is the program, LOG a log in the combined format, DATA a folder into which it was replayed once:
    pulso replay LOG --stream requests --data DATA
Every visit is compared: who, when, how many requests and bytes, the first and the last path. Exits with code 0 if all are equal.
"""
import json
import re
import subprocess
import sys
from datetime import datetime
from urllib.parse import unquote_to_bytes

LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\S+) "(?:[^"\\]|\\.)*" "((?:[^"\\]|\\.)*)"?')
GAP, HALF = 30 * 60, 12 * 3600


def path_of(request):
    """The path, decoded where that is a text; `None` where there is none."""
    words = request.split(" ")
    target = words[1] if len(words) > 1 else ""
    target = re.sub(r"^https?://[^/]*", "", target).split("?")[0].split("#")[0]
    if not target.startswith("/"):
        return None
    try:
        return unquote_to_bytes(target).decode()
    except UnicodeDecodeError:
        return target


def visitors(path):
    """The requests of each visitor, in the order of their times, and of the lines where these are equal."""
    found = {}
    for line in open(path, encoding="utf-8", errors="replace"):
        address, time, request, _, size, agent = LINE.match(line.rstrip("\n")).groups()
        seconds = int(datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z").timestamp())
        octets = address.split(".")
        address = ".".join(octets[:3] + ["0"]) if len(octets) == 4 and octets[3].isdigit() else address
        size = 0 if size == "-" else int(size)
        found.setdefault((address, "" if agent == "-" else agent), []).append((seconds, size, path_of(request)))
    for requests in found.values():
        requests.sort(key=lambda request: request[0])
    return found


def chains(requests):
    """Requests with pauses below the gap."""
    chain = [requests[0]]
    for request in requests[1:]:
        if request[0] - chain[-1][0] >= GAP:
            yield chain
            chain = []
        chain.append(request)
    yield chain


def visits(requests):
    """Chains, cut twice a day from the first noon or midnight that is half a day after their beginning."""
    for chain in chains(requests):
        first_cut = -(-(chain[0][0] + HALF) // HALF) * HALF
        pieces = {}
        for request in chain:
            piece = 0 if request[0] < first_cut else 1 + (request[0] - first_cut) // HALF
            pieces.setdefault(piece, []).append(request)
        yield from pieces.values()


def seconds_of(time):
    return int(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp())


def main():
    pulso, path, data = sys.argv[1:4]
    recounted = {}
    for (address, agent), requests in visitors(path).items():
        for visit in visits(requests):
            told = visit[-1][0], len(visit), sum(size for _, size, _ in visit), visit[0][2], visit[-1][2]
            recounted[visit[0][0], address, agent] = told
    command = [pulso, "export", "site-visits", "--data", data, "--stream", "requests", "--layer", "batch"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    ours = {}
    for visit in map(json.loads, lines):
        key = seconds_of(visit["started"]), visit["source_ip"], visit["user_agent"]
        told = seconds_of(visit["ended"]), visit["requests"], visit["bytes"]
        ours[key] = (*told, visit.get("first_path"), visit.get("last_path"))
    different = [key for key in recounted.keys() | ours.keys() if recounted.get(key) != ours.get(key)]
    for key in sorted(different)[:10]:
        print(f"{key}: {ours.get(key)} here, {recounted.get(key)} recounted")
    requests = sum(told[1] for told in recounted.values())
    state = f"{len(different)} different" if different else "all equal"
    print(f"{len(ours)} visits here, {len(recounted)} of {requests} requests recounted: {state}")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
