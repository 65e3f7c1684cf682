#!/usr/bin/env python3
"""Compares ways to compute a trend's score on streams with known bursts, without Pulso.

usage: scripts/trend_formulas.py [--seeds 1-8] [--curve FILE.svg]    prints tables, and draws the second one
       scripts/trend_formulas.py --pictures FOLDER                   draws three bursts

docs/trends.md shows all of that. The tables of eight seeds take five minutes.

The definition itself is in trend_lab.py, and trend-quality.sh compares it with the program.
"""
import argparse
import heapq
import math
import sys
from itertools import accumulate
from pathlib import Path

from trend_lab import (
    BASELINE, CALM, GROWTH, GUARD, PANE, SIZE, TERMS_MAX, UNUSUAL_FROM, WARM,
    Numbers, Quality, Recipe, generate, hits_of, measure, score, sums,
)

KEPT = 40  # the most unusual terms of a window that are looked at
WRONG = 0.10  # the share of wrong marks at which formulas are compared
CURVE = (3, 3.4, 3.8, 4, 4.2, 4.4, 4.6, 5, 5.5, 6, 7)
MINUTE = 60 // PANE


class Lab:
    """Numbers, and what formulas need besides."""

    def __init__(self, stream):
        self.numbers = Numbers(stream)
        self.squares = {term: sums(n * n for n in numbers) for term, numbers in self.numbers.of.items()}
        middles = [pane * PANE + PANE / 2 for pane in range(stream.panes)]
        self.usual = {
            term: list(accumulate((stream.usual[term](time) * PANE for time in middles), initial=0))
            for term in self.numbers.of
        }
        self.mentions = {term: [0] * (stream.panes + 1) for term in self.numbers.of}
        for time, term, _ in stream.mentions:
            if term in self.mentions:
                self.mentions[term][time // (PANE * 1000) + 1] += 1
        self.mentions = {term: list(accumulate(counts)) for term, counts in self.mentions.items()}


class Seen:
    """A term in a window."""

    def __init__(self, lab, term, pane):
        self.lab, self.term, self.pane = lab, term, pane
        self.of = lab.numbers.of[term]
        self.count = self.of[pane]

    def mean(self, guard=GUARD, baseline=BASELINE):
        first, after = self.lab.numbers.past(self.pane, guard, baseline)
        found = self.lab.numbers.sums[self.term]
        return (found[after] - found[first]) / (after - first)

    def variance(self, guard, baseline):
        first, after = self.lab.numbers.past(self.pane, guard, baseline)
        found = self.lab.squares[self.term]
        return max((found[after] - found[first]) / (after - first) - self.mean(guard, baseline) ** 2, 0)

    def corrected(self, guard=GUARD, baseline=BASELINE):
        """The mean, times how busy all other terms are."""
        numbers = self.lab.numbers
        first, after = numbers.past(self.pane, guard, baseline)
        total = (numbers.total_sums[after] - numbers.total_sums[first]) / (after - first)
        mean = self.mean(guard, baseline)
        return mean * (numbers.total[self.pane] - self.count + CALM) / (total - mean + CALM)

    def last(self, panes):
        """The mentions in the last panes of the window."""
        found = self.lab.mentions[self.term]
        return found[self.pane + 1] - found[self.pane + 1 - panes]

    def true(self, panes=SIZE):
        found = self.lab.usual[self.term]
        return found[self.pane + 1] - found[self.pane + 1 - panes]

    def growth(self, mean):
        """How far the window would be above the mean if it were like its last minute."""
        projected = self.count * 5 - self.of[self.pane - GROWTH] * 4
        return (projected - mean) / math.sqrt(9 * mean + 0.04 * mean * mean + 9)


def above(count, mean, coefficient=0.2, calm=1):
    return (count - mean) / math.sqrt(mean + (coefficient * mean) ** 2 + calm)


def likelihood(count, mean):
    """The signed root of the G-test, or Poisson deviance."""
    return math.copysign(math.sqrt(2 * max(count * math.log(max(count, 0.5) / mean) - count + mean, 0)), count - mean)


def negative_binomial(count, mean, shape=25):
    deviance = count * math.log(max(count, 0.5) / mean) - (count + shape) * math.log((count + shape) / (mean + shape))
    return math.copysign(math.sqrt(2 * max(deviance, 0)), count - mean)


def today(seen):
    return (seen.count - seen.mean(1)) / math.sqrt(seen.variance(1, BASELINE) + 1)


def last_2_min(seen, mean):
    return above(seen.last(2 * MINUTE), mean * 2 * MINUTE / SIZE)


def defined(guard):
    def formula(seen):
        mean = seen.corrected(guard)
        return max(above(seen.count, mean), seen.growth(mean))

    return formula


def by_halves(choose):
    half = BASELINE // 2

    def formula(seen):
        means = [seen.mean(SIZE, half)]
        if seen.pane >= half + SIZE:
            means.append(seen.mean(half + SIZE, BASELINE))
        return above(seen.count, choose(means))

    return formula


OF_20 = 20 * MINUTE
CANDIDATE = "3: 20 min left out"
DEFINITION = "**2, day corrected, or growth (the definition)**"
ORACLE = "oracle, best of 1, 2 and 5 min"
FORMULAS = {
    "mean and variance of the last hour, all windows (the score until now)": today,
    "1: 5 min left out": lambda s: above(s.count, s.mean(SIZE)),
    "2: 15 min left out": lambda s: above(s.count, s.mean()),
    CANDIDATE: lambda s: above(s.count, s.mean(OF_20)),
    "20 min left out, past of 2 h": lambda s: above(s.count, s.mean(OF_20, 2 * BASELINE)),
    "5 min left out, past of 30 min": lambda s: above(s.count, s.mean(SIZE, BASELINE // 2)),
    "3 with coefficient 0.4": lambda s: above(s.count, s.mean(OF_20), 0.4),
    "3 with 4 instead of 1": lambda s: above(s.count, s.mean(OF_20), 0.2, 4),
    "3 with Anscombe's root": lambda s: 2 * (math.sqrt(s.count + 0.375) - math.sqrt(s.mean(OF_20) + 0.375)),
    "3 with the G-test": lambda s: likelihood(s.count, s.mean(OF_20) + 0.1),
    "3 as a ratio, (c + 3) / (m + 3)": lambda s: (s.count + 3) / (s.mean(OF_20) + 3),
    "3 with negative binomial deviance": lambda s: negative_binomial(s.count, s.mean(OF_20) + 0.1),
    "1 with the higher half of the past": by_halves(max),
    "1 with the lower half of the past": by_halves(min),
    "2 for the last 2 min": lambda s: last_2_min(s, s.mean()),
    "2, day corrected": lambda s: above(s.count, s.corrected()),
    "2, or growth if it is higher": lambda s: max(above(s.count, s.mean()), s.growth(s.mean())),
    "2, day corrected, or 2 min": lambda s: max(above(s.count, s.corrected()), last_2_min(s, s.corrected())),
    DEFINITION: defined(GUARD),
    "the same, 10 min left out": defined(10 * MINUTE),
    "the same, 20 min left out": defined(OF_20),
    "oracle: G-test with the true rate": lambda s: likelihood(s.count, s.true()),
    ORACLE: lambda s: max(likelihood(s.last(n), s.true(n)) for n in (6, 12, 30)),
}
ONLY_LARGEST = "the score until now, among the 100 largest counts only"


class Trial:
    """What one formula says of all streams."""

    def __init__(self):
        self.windows = []  # by stream and pane: the most unusual terms as (score, term)

    def quality(self, streams, threshold):
        total = Quality()
        for stream, windows in zip(streams, self.windows):
            ordered = [[term for _, term in window] for window in windows]
            marked = [[term for value, term in window if value >= threshold] for window in windows]
            total += measure(stream, marked, ordered)
        return total

    def threshold(self, streams):
        """The smallest, in tenths, at which few enough marks are wrong."""
        marks = []
        for stream, windows in zip(streams, self.windows):
            hits = hits_of(stream)
            marks += ((value, (term, pane) in hits) for pane, window in enumerate(windows) for value, term in window)
        marks.sort(reverse=True)
        best, wrong = math.inf, 0
        for n, (value, right) in enumerate(marks, 1):
            wrong += not right
            if wrong <= WRONG * n:
                best = value
        return math.ceil(best * 10) / 10


def tables(seeds, curve_file):
    trials = {title: Trial() for title in [ONLY_LARGEST, *FORMULAS]}
    streams = []
    for seed in seeds:
        streams.append(generate(seed, Recipe()))
        try_all(streams[-1], trials)
        streams[-1].mentions = []  # they take much memory
        print(f"seed {seed} done", file=sys.stderr, flush=True)

    print("| formula | threshold | precision | filled | recall | delay p50, s |\n|---|---:|---:|---:|---:|---:|")
    for title, trial in trials.items():
        threshold = trial.threshold(streams)
        q = trial.quality(streams, threshold)
        measures = f"{q.precision:.3f} | {q.filled:.3f} | {q.recall:.3f} | {q.delay(0.5):.0f}"
        print(f"| {title} | {threshold:.1f} | {measures} |", flush=True)

    curves = {title: [trials[title].quality(streams, threshold) for threshold in CURVE] for title in CURVES}
    print("\n| threshold |" + " wrong marks | precision | recall | delay p50, s |" * 2 + "\n|---:|" + "---:|" * 8)
    for threshold, *qualities in zip(CURVE, curves[DEFINITION], curves[CANDIDATE]):
        cells = [f"{q.wrong:.3f} | {q.precision:.3f} | {q.recall:.3f} | {q.delay(0.5):.0f}" for q in qualities]
        print(f"| {threshold} | " + " | ".join(cells) + " |")
    if curve_file:
        Path(curve_file).write_text(drawn_curves(curves))


def try_all(stream, trials):
    lab = Lab(stream)
    for trial in trials.values():
        trial.windows.append([[] for _ in range(stream.panes)])
    for pane in range(WARM, stream.panes):
        seen = [Seen(lab, term, pane) for term in lab.numbers.large(pane)]
        for title, formula in FORMULAS.items():
            trials[title].windows[-1][pane] = heapq.nlargest(KEPT, ((formula(s), s.term) for s in seen))
        largest = heapq.nlargest(TERMS_MAX, ((s.count, today(s), s.term) for s in seen))
        trials[ONLY_LARGEST].windows[-1][pane] = heapq.nlargest(KEPT, (found[1:] for found in largest))


# -- pictures

WIDTH, LEFT, RIGHT = 760, 48, 12
UPPER, LOWER, HEIGHT = (34, 200), (226, 316), 346
COUNT, EXPECTED, MEAN, SCORE, BURST = "#1f5fa8", "#c05a00", "#999999", "#333333", "#f3e3c3"
CURVES = {
    DEFINITION: ("the definition", COUNT),
    CANDIDATE: ("20 min left out, and no more", EXPECTED),
    ORACLE: ("knowing the true rates", MEAN),
}
WRONG_SHOWN, RECALL_SHOWN = 0.28, 0.85
PICTURED = {"rare": (101, Recipe()), "common": (101, Recipe()), "rising-day": (101, Recipe(day=0.6, rhythms=0))}


def pictures(folder):
    for name, (seed, recipe) in PICTURED.items():
        stream = generate(seed, recipe)
        burst = pictured(stream, name)
        Path(folder, f"{name}.svg").write_text(picture(Lab(stream), burst))
        print(f"{name}: term {burst.term + 1} of {len(stream.usual)}, {burst.factor:.1f} times the usual")


def pictured(stream, name):
    """Chosen by rules rather than by looks."""

    def usual(burst):
        return stream.usual[burst.term](burst.begin * PANE) * PANE * SIZE

    def rise(burst):
        return usual(burst) / stream.usual[burst.term]((burst.begin - BASELINE) * PANE)

    inside = [b for b in stream.bursts if b.begin > WARM + BASELINE // 2 and b.end + 30 * MINUTE < stream.panes]
    if name == "rising-day":
        return max((burst for burst in inside if usual(burst) > 5), key=rise)
    return min(inside, key=lambda burst: abs(usual(burst) - {"rare": 1.5, "common": 100}[name]))


def picture(lab, burst):
    first, last = burst.begin - 30 * MINUTE, burst.end + 30 * MINUTE
    seen = [Seen(lab, burst.term, pane) for pane in range(first, last)]
    counts, means, usual = [s.count for s in seen], [s.mean() for s in seen], [s.corrected() for s in seen]
    scores = [score(lab.numbers, burst.term, s.pane) for s in seen]

    def across(pane):
        return LEFT + (pane - first) * (WIDTH - LEFT - RIGHT) / (last - first - 1)

    def line(values, scale, colour, dash="none"):
        points = " ".join(f"{across(first + n):.0f},{scale(value):.1f}" for n, value in enumerate(values))
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-dasharray="{dash}"/>'

    upper, lower = scale_of([0, *counts, *usual], *UPPER), scale_of([*scores, UNUSUAL_FROM, 0], *LOWER)
    begin, end = across(burst.begin), across(burst.end)
    shade = f'x="{begin:.0f}" y="{UPPER[0]}" width="{end - begin:.0f}" height="{LOWER[1] - UPPER[0]}" fill="{BURST}"'
    parts = [
        *opening(HEIGHT),
        f"<rect {shade}/>",
        text(LEFT, 20, "count", COUNT),
        text(LEFT + 60, 20, "expected", EXPECTED),
        text(LEFT + 140, 20, "mean of the past", MEAN),
        text(LEFT + 260, 20, "(the burst is shaded)", SCORE),
        text(LEFT, LOWER[0] - 8, "score", SCORE),
        *axis(upper, [0, max(counts)], 0),
        *axis(lower, [UNUSUAL_FROM, max(scores)], 1),
        line(means, upper, MEAN),
        line(counts, upper, COUNT),
        line(usual, upper, EXPECTED, "5 3"),
        line(scores, lower, SCORE),
    ]
    for minute in range(-15, (last - burst.begin) // MINUTE - 1, 15):
        words = "begins" if minute == 0 else f"{minute:+d} min"
        parts.append(text(across(burst.begin + minute * MINUTE), LOWER[1] + 18, words, SCORE, "middle"))
    return "\n".join([*parts, "</svg>", ""])


def scale_of(values, top, bottom):
    low, high = min(values), max(values)
    return lambda value: bottom - (value - low) * (bottom - top) / (high - low)


def drawn_curves(curves):
    def across(quality):
        return LEFT + quality.wrong * (WIDTH - LEFT - RIGHT) / WRONG_SHOWN

    def up(value):
        return 300 - (value - RECALL_SHOWN) * 270 / (1 - RECALL_SHOWN)

    parts = [*opening(340), text(LEFT, 20, "recall", SCORE), text(WIDTH - RIGHT, 332, "wrong marks", SCORE, "end")]
    for value in (0.85, 0.9, 0.95, 1):
        parts += level(up(value), f"{value:.2f}")
    for value in (0, 0.05, 0.1, 0.15, 0.2, 0.25):
        x = LEFT + value * (WIDTH - LEFT - RIGHT) / WRONG_SHOWN
        parts.append(text(x, 318, f"{value:.2f}", SCORE, "middle"))
    for row, (title, (words, colour)) in enumerate(CURVES.items()):
        inside = [(threshold, quality) for threshold, quality in zip(CURVE, curves[title]) if is_shown(quality)]
        points = " ".join(f"{across(quality):.1f},{up(quality.recall):.1f}" for _, quality in inside)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        for threshold, quality in inside:
            x, y = across(quality), up(quality.recall)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>')
            parts.append(text(x + 5, y + 13, str(threshold), colour))
        parts.append(text(WIDTH - 220, 240 + 18 * row, words, colour))
    return "\n".join([*parts, "</svg>", ""])


def is_shown(quality):
    return quality.wrong <= WRONG_SHOWN and quality.recall >= RECALL_SHOWN


def opening(height):
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" stroke-width="1.5">'
    )
    yield f'<rect width="{WIDTH}" height="{height}" fill="white"/>'


def axis(scale, values, digits):
    for value in values:
        yield from level(scale(value), f"{value:,.{digits}f}")


def level(y, words):
    yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#bbbbbb" stroke-width="0.7"/>'
    yield text(LEFT - 6, y + 4, words, SCORE, "end")


def text(x, y, words, colour, anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", default="1-8")
    arguments.add_argument("--curve", metavar="FILE")
    arguments.add_argument("--pictures", metavar="FOLDER")
    asked = arguments.parse_args()
    if asked.pictures:
        return pictures(asked.pictures)
    first, _, last = asked.seeds.partition("-")
    tables(range(int(first), int(last or first) + 1), asked.curve)


if __name__ == "__main__":
    sys.exit(main())
