#!/usr/bin/env python3
"""Counts the browsers and countries of an access log in every four hours, without Pulso, and compares.

usage: scripts/recount_requests.py PULSO LOG DATA [COUNTRIES]

PULSO is the program, LOG a log in the combined format, DATA a folder into which it was replayed once:
    pulso replay LOG --stream requests --data DATA
Needs `pip install ua-parser`, another library of user agents. The families that both know have to be equal in every
four hours, after what the two libraries see differently is put right by the rules below; each is counted and shown. Countries are
compared if `pip install iptocc` is there: that is the same data in another language, so it checks the counting,
not the data. Exits with code 0 if all are equal.
"""
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime, timezone

from ua_parser import parse_user_agent

LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "(?:[^"\\]|\\.)*" \d{3} \S+ "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"?')
HOURS = 4 * 3600

# Families that both know, by ua-parser's names.
SAME = {
    "Chrome": "Chrome", "Chrome Mobile": "Chrome", "Chrome Mobile iOS": "Chrome", "Chromium": "Chrome",
    "Firefox": "Firefox", "Firefox Mobile": "Firefox",
    "Safari": "Safari", "Mobile Safari": "Safari",
    "IE": "Internet Explorer", "IE Mobile": "Internet Explorer",
    "Opera": "Opera", "Opera Mobile": "Opera", "Opera Mini": "Opera",
    "Android": "Android", "Googlebot": "Googlebot", "bingbot": "bingbot", "Baiduspider": "Baiduspider",
}

# What the two see differently, and why. Browsers that are made of others: ua-parser's name, and whose family Pulso counts.
MADE_OF = {
    "Iceweasel": "Firefox", "SeaMonkey": "Firefox", "Pale Moon": "Firefox", "Midori": "Firefox",
    "favicon": "Firefox", "GmailImageProxy": "Firefox",
    "Chrome Frame": "Internet Explorer", "Maxthon": "Internet Explorer", "AOL": "Internet Explorer",
    "Daumoa": "Internet Explorer",
    "Amazon Silk": "Safari", "PhantomJS": "Safari", "MobileSafari": "Safari", "Rekonq": "Safari",
    "Chrome Mobile WebView": "Chrome", "Sogou Explorer": "Chrome", "Iron": "Chrome",
    "Baidu Explorer": "Android", "UC Browser": "Android",
    "Googlebot-Image": "Googlebot", "Baiduspider-image": "Baiduspider",
}
# Texts that Pulso sees otherwise: what they have, Pulso's family (None for one that is not compared), and why.
OTHERWISE = [
    (r"Google Web Preview|360Spider| slurp$", None, "a crawler that calls itself as a browser"),
    (r"^Mozilla/4.0 \(MSIE|; U; MSIE", None, "no Internet Explorer wrote it: all of them say `compatible`"),
    (r"^Midori/", None, "a browser that neither library knows as another one"),
    (r"^Dalvik/", None, "a program on Android, not its browser"),
    (r" GSA/", None, "Google's search, a family of its own here"),
    (r"MSIE .*Opera 8", "Internet Explorer", "an Opera that says it is Internet Explorer"),
]


def family_of(agent):
    """The family that Pulso should have found, and why where ua-parser says another one."""
    for pattern, family, reason in OTHERWISE:
        if re.search(pattern, agent):
            return family, reason
    found = parse_user_agent(agent)
    found = found.family if found else None
    if found in MADE_OF:
        return MADE_OF[found], f"{found} is made of {MADE_OF[found]}"
    return SAME.get(found), None


def exported(pulso, data, view):
    command = [pulso, "export", view, "--data", data, "--stream", "requests", "--layer", "batch"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def four_hours(seconds):
    return int(seconds) // HOURS * HOURS


def counted(path):
    """Requests by four hours and family, and by four hours and country; `None` where no library is."""
    try:
        from iptocc import country_code
    except ImportError:
        country_code = None
    families, countries, reasons, cache = Counter(), Counter(), Counter(), {}
    for line in open(path, encoding="utf-8", errors="replace"):
        address, time, _, agent = LINE.match(line).groups()
        slot = four_hours(datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z").timestamp())
        if agent not in cache:
            cache[agent] = family_of(agent)
        family, reason = cache[agent]
        families[slot, family] += 1
        reasons[reason] += 1
        if country_code:
            code = country_code(address) or "ZZ"
            countries[slot, "ZZ" if code in ("EU", "AP") else code] += 1
    return families, countries if country_code else None, reasons


def main():
    pulso, path, data = sys.argv[1:4]
    families, countries, reasons = counted(path)
    ours, ours_by_country = Counter(), Counter()
    for document in exported(pulso, data, "traffic-hours"):
        slot = four_hours(datetime.fromisoformat(document["hour"].replace("Z", "+00:00")).timestamp())
        ours[slot, document["browser"]] += document["requests"]
        ours_by_country[slot, document["country"]] += document["requests"]
    slots = sorted({slot for slot, _ in families})
    wrong = 0
    for family in sorted(set(SAME.values())):
        differences = [(slot, ours[slot, family], families[slot, family]) for slot in slots]
        unequal = [one for one in differences if one[1] != one[2]]
        total = sum(one[1] for one in differences), sum(one[2] for one in differences)
        state = "equal" if not unequal else f"different in {len(unequal)} of {len(slots)}"
        print(f"{family}: {total[0]} here, {total[1]} recounted; {state}")
        wrong += bool(unequal)
    if countries is None:
        print("countries: not compared, there is no iptocc")
    else:
        equal = countries == ours_by_country
        print(f"countries: {len({country for _, country in countries})}; {'equal' if equal else 'different'}")
        wrong += not equal
    for reason, count in sorted((reason, count) for reason, count in reasons.items() if reason):
        print(f"explained, {count} requests: {reason}")
    print(f"{sum(ours.values())} requests in {len(slots)} times four hours")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
