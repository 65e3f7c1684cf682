"""Seeded streams with known bursts, a naive recount of their trends, and how well those are the bursts.

Shared by trend_quality.py, which feeds the streams to Pulso, and trend_formulas.py, which tries other scores.
"""
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import accumulate
from operator import sub
from random import Random
from statistics import median

PANE = 10  # seconds; the default of `window.slide`
SIZE = 30  # panes in a window; `window.size`
BASELINE, GUARD, GROWTH = 360, 90, 6  # panes; see docs/trends.md
CALM = 100  # mentions of other terms that each window is taken to have besides
SPARSE = 50  # a window of the past counts if it has at least one fact for so many of the judged one
FULL = BASELINE - GUARD + 1  # windows of the past
WARM = GUARD + FULL // 3  # the first pane whose window has a score
ABOVE, TERMS_MAX = 5, 100  # the defaults of `trends.count_above` and `trends.terms_max`
UNUSUAL_FROM, UNUSUAL_MAX = 4.4, 20  # `trends.unusual_from` and `trends.unusual_max`
TOP = 10
PANES_OF_AN_HOUR = 3600 // PANE


# -- streams

@dataclass(frozen=True)
class Recipe:
    """What a stream is made of. Terms are mentioned by Zipf's law."""

    hours: float = 4
    terms: int = 3000
    rate: float = 25  # mentions a second, of all terms
    day: float = 0.3  # how far all rates swing; a day is about as long as the stream
    rhythms: float = 0.1  # share of the terms that have another rhythm besides
    bursts: int = 80
    ranks: tuple = (1, 3000)  # of the terms that burst
    together: int = 1  # bursts that begin at the same time
    again_after: int = 0  # panes after which each burst comes a second time
    steps: int = 0  # terms that are mentioned more from some time on
    repeats: int = 0  # terms that one account mentions a thousand times
    actors: bool = False  # whether distinct accounts are counted


@dataclass(frozen=True)
class Burst:
    """A term is mentioned `factor` times as often as usual from the pane `begin` until before `end`."""

    term: int
    begin: int
    end: int
    factor: float


@dataclass
class Stream:
    recipe: Recipe
    usual: list  # by term: mentions a second at a time, without bursts
    mentions: list = field(default_factory=list)  # (milliseconds, term, account), in order of time
    bursts: list = field(default_factory=list)
    steps: list = field(default_factory=list)
    repeated: list = field(default_factory=list)  # terms

    @property
    def panes(self):
        return round(self.recipe.hours * PANES_OF_AN_HOUR)


def generate(seed, recipe):
    random = Random(seed)
    weights = [1 / rank for rank in range(1, recipe.terms + 1)]
    means = [recipe.rate * weight / sum(weights) for weight in weights]
    day = wave(recipe.day, recipe.hours * 3600 / random.uniform(0.8, 1.2), random.random())
    usual = [with_rhythm(random, mean, day) if random.random() < recipe.rhythms else (mean, day) for mean in means]
    stream = Stream(recipe, [lambda time, mean=mean, shape=shape: mean * shape(time) for mean, shape in usual])
    choose_steps(random, stream)
    add_bursts(random, stream, means)

    seconds, found = stream.panes * PANE, []
    for term, (mean, shape) in enumerate(usual):
        found += ((time, term) for time in arrivals(random, mean, shape, 0, seconds))
    for burst in stream.bursts + stream.steps:
        mean, shape = usual[burst.term]
        extra = arrivals(random, mean * (burst.factor - 1), shape, burst.begin * PANE, burst.end * PANE)
        found += ((time, burst.term) for time in extra)
    mentions = [(int(time * 1000), term, random.randrange(1_000_000)) for time, term in found]
    for term in stream.repeated:
        begin = random.randrange(WARM, stream.panes - SIZE) * PANE * 1000
        mentions += [(begin + 200 * n, term, term) for n in range(1000)]
    stream.mentions = sorted(mentions)
    return stream


def wave(swing, period, phase):
    return lambda time: 1 + swing * math.sin(2 * math.pi * (time / period + phase))


def with_rhythm(random, mean, day):
    period = math.exp(random.uniform(math.log(20 * 60), math.log(4 * 3600)))
    own = wave(random.uniform(0.2, 0.6), period, random.random())
    return mean, lambda time: day(time) * own(time)


def arrivals(random, mean, shape, begin, end):
    """Random times, `mean * shape(time)` a second."""
    most = 1.6 * 1.6  # of the shape: two waves with a swing of at most 0.6
    time = begin
    while (time := time + random.expovariate(mean * most)) < end:
        if random.random() * most < shape(time):
            yield time


def choose_steps(random, stream):
    """Steps, and the terms that one account repeats."""
    # The most frequent terms would change the whole stream, and rare ones hardly show.
    terms = random.sample(range(3, 300), stream.recipe.steps + stream.recipe.repeats)
    for term in terms[: stream.recipe.steps]:
        begin = random.randrange(stream.panes // 4, stream.panes // 2)
        stream.steps.append(Burst(term, begin, stream.panes, random.uniform(2.5, 5)))
    stream.repeated = terms[stream.recipe.steps :]


def add_bursts(random, stream, means):
    recipe, busy = stream.recipe, defaultdict(list)
    for term in [step.term for step in stream.steps] + stream.repeated:
        busy[term].append((0, stream.panes))
    while len(stream.bursts) < recipe.bursts:
        term = random.randint(*recipe.ranks) - 1
        factor, length = random.uniform(2.5, 10), int(random.uniform(5, 20) * 60 / PANE)
        if len(stream.bursts) % recipe.together == 0:
            begin = random.randrange(WARM, stream.panes - 120)
        begins = [begin] + [begin + length + recipe.again_after] * (recipe.again_after > 0)
        end = begins[-1] + length
        free = all(end + 60 <= other or until + 60 <= begin for other, until in busy[term])
        if end > stream.panes or not free or not is_clear(means[term] * PANE * SIZE, factor):
            continue
        busy[term].append((begin, end))
        stream.bursts += [Burst(term, begin, begin + length, factor) for begin in begins]


def is_clear(usual, factor):
    """Whether chance alone reaches this number (Poisson) in fewer than one of a million windows."""
    count = math.ceil(usual * factor)
    chance, part = 0, math.exp(count * math.log(usual) - usual - math.lgamma(count + 1))
    for more in range(count + 1, count + 400):
        chance, part = chance + part, part * usual / more
    return chance < 1e-6


# -- the recount

class Numbers:
    """The numbers of all terms in all windows, how busy the stream is, and the sums of both.

    The window of a pane ends with that pane.
    """

    def __init__(self, stream):
        counted = by_actors(stream) if stream.recipe.actors else by_facts(stream)
        self.panes = stream.panes
        self.total = in_windows(busyness(stream))
        self.total_sums = sums(self.total)
        self.windows = past_windows(stream, self.past)
        self.of = {term: numbers for term, numbers in counted.items() if max(numbers) > ABOVE}
        self.sums = {term: sums(numbers) for term, numbers in self.of.items()}

    def past(self, pane, guard=GUARD, baseline=BASELINE):
        """The first window of the past, and the one after its last."""
        after = max(pane - guard + 1, 0)
        return min(max(pane - baseline, 0), after), after

    def large(self, pane):
        """The terms that can be listed."""
        return [term for term, numbers in self.of.items() if numbers[pane] > ABOVE]


def sums(numbers):
    return list(accumulate(numbers, initial=0))


def past_windows(stream, past):
    """By pane: how many windows of the past have at least one fact for so many of the judged one."""
    panes = [0] * stream.panes
    for time, _, _ in stream.mentions:
        panes[time // (PANE * 1000)] += 1
    facts = in_windows(panes)
    return [sum(before * SPARSE >= now for before in facts[slice(*past(pane))]) for pane, now in enumerate(facts)]


def busyness(stream):
    """By pane: the facts or, where actors are counted, those who mention any term."""
    panes = [[] for _ in range(stream.panes)]
    for time, _, account in stream.mentions:
        panes[time // (PANE * 1000)].append(account)
    return [len(set(pane) if stream.recipe.actors else pane) for pane in panes]


def by_facts(stream):
    panes = {}
    for time, term, _ in stream.mentions:
        panes.setdefault(term, [0] * stream.panes)[time // (PANE * 1000)] += 1
    return {term: in_windows(counts) for term, counts in panes.items()}


def in_windows(counts):
    before = sums(counts)
    return list(map(sub, before[1:], [0] * SIZE + before[1:]))


def by_actors(stream):
    by_pane = defaultdict(list)
    for time, term, account in stream.mentions:
        by_pane[time // (PANE * 1000)].append((term, account))
    inside, numbers = Counter(), Counter()
    found = {term: [0] * stream.panes for _, term, _ in stream.mentions}
    for pane in range(stream.panes):
        for mention in by_pane[pane]:
            numbers[mention[0]] += inside[mention] == 0
            inside[mention] += 1
        for mention in by_pane[pane - SIZE]:
            inside[mention] -= 1
            numbers[mention[0]] -= inside[mention] == 0
        for term, number in numbers.items():
            found[term][pane] = number
    return found


@dataclass
class Listed:
    """A term in a window, in the terms of Pulso's documents."""

    term: int
    number: int
    score: float = None
    rank: int = None
    unusual_rank: int = None


def recount(stream):
    """By pane: all terms that are large enough, with the largest first."""
    numbers = Numbers(stream)
    return [recount_window(numbers, pane) for pane in range(stream.panes)]


def recount_window(numbers, pane):
    window = [Listed(term, numbers.of[term][pane], score(numbers, term, pane)) for term in numbers.large(pane)]
    window.sort(key=lambda listed: (-listed.number, -(listed.score or 0), name(listed.term)))
    for rank, listed in enumerate(window, 1):
        listed.rank = rank
    unusual = [listed for listed in by_score(window) if listed.score is not None and listed.score >= UNUSUAL_FROM]
    for rank, listed in enumerate(unusual[:UNUSUAL_MAX], 1):
        listed.unusual_rank = rank
    return window


@dataclass(frozen=True, order=True)
class Trend:
    """The life of a trend that ended; its times are the last panes of windows."""

    term: int
    began: int
    peak: int
    ended: int
    peak_score: float


def trends_of(windows, panes):
    """Those that were told until the end: a window after their last one."""
    unusual = defaultdict(list)
    for pane, window in enumerate(windows):
        for listed in window:
            if listed.score is not None and listed.score >= UNUSUAL_FROM:
                unusual[listed.term].append((pane, listed.score))
    found = []
    for term, marks in unusual.items():
        for spell in spells_of([pane for pane, _ in marks]):
            life = [mark for mark in marks if spell[0] <= mark[0] <= spell[-1] and mark[0] > spell[-1] - 2 * BASELINE]
            peak, highest = max(life, key=lambda mark: (mark[1], -mark[0]))
            if spell[-1] + SIZE < panes:
                found.append(Trend(term, life[0][0], peak, spell[-1], highest))
    return sorted(found)


def by_score(window):
    return sorted(window, key=lambda listed: -(listed.score or 0))


def name(term):
    return f"term-{term}"


def number_of(name):
    return int(name.removeprefix("term-"))


def expected(numbers, term, pane):
    """What is usual for the term, times how busy all other terms are."""
    first, after = numbers.past(pane)
    own = numbers.sums[term][after] - numbers.sums[term][first]
    total = numbers.total_sums[after] - numbers.total_sums[first]
    others = numbers.total[pane] - numbers.of[term][pane]
    return own * (others + CALM) / (total - own + CALM * numbers.windows[pane])


def score(numbers, term, pane):
    """As docs/trends.md defines it; `None` while there is too little past."""
    if numbers.windows[pane] * 3 < FULL:
        return None
    count, mean = numbers.of[term][pane], expected(numbers, term, pane)
    before = numbers.of[term][pane - GROWTH]
    projected = (SIZE * count - (SIZE - GROWTH) * before) / GROWTH
    noise = (2 * SIZE - GROWTH) / GROWTH
    level = (count - mean) / math.sqrt(mean + 0.04 * (mean * mean) + 1)
    growth = (projected - mean) / math.sqrt(noise * mean + 0.04 * (mean * mean) + noise)
    return rounded(max(level, growth))


def rounded(value):
    return math.copysign(math.floor(abs(value) * 1000 + 0.5) / 1000, value)


# -- quality

@dataclass
class Quality:
    """Counts and times; those of several streams can be added."""

    hours: float = 0
    places: int = 0  # as many in each window as bursts are under way
    places_shown: int = 0  # with an unusual term
    hits_shown: int = 0
    hits_filled: int = 0  # if the places left are filled with the next best
    marks: int = 0
    marks_wrong: int = 0
    alarms: int = 0  # wrong marks on a term that had none for the length of a window
    alarms_held: int = 0  # that lasted a minute
    delays: list = field(default_factory=list)  # by burst: seconds until among the ten most unusual
    told: int = 0  # bursts that are over
    told_once: int = 0  # of those, told as one trend
    others: int = 0  # trends of terms that did not burst

    def __add__(self, other):
        return Quality(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    precision = property(lambda self: ratio(self.hits_shown, self.places_shown))
    filled = property(lambda self: ratio(self.hits_filled, self.places))
    recall = property(lambda self: ratio(sum(delay < math.inf for delay in self.delays), len(self.delays)))
    wrong = property(lambda self: ratio(self.marks_wrong, self.marks))
    alarms_an_hour = property(lambda self: self.alarms / self.hours)
    once = property(lambda self: ratio(self.told_once, self.told))
    others_an_hour = property(lambda self: self.others / self.hours)
    held_an_hour = property(lambda self: self.alarms_held / self.hours)

    def delay(self, share):
        """Bursts that were never seen count as infinitely late."""
        ordered = sorted(self.delays)
        if share == 0.5:
            return median(ordered)
        return ordered[int(share * (len(ordered) - 1))]


def ratio(part, whole):
    return part / whole if whole else math.nan


def measure(stream, marked, ordered, trends=()):
    """By pane: `marked`, the unusual terms, and `ordered`, all terms, both with the most unusual first. `trends` are
    those that ended.
    """
    quality = Quality(hours=(stream.panes - WARM) / PANES_OF_AN_HOUR)
    bursting = Counter(pane for burst in stream.bursts for pane in range(burst.begin, burst.end))
    hits, wrong = hits_of(stream), defaultdict(list)
    for pane in range(WARM, stream.panes):
        places = bursting[pane]
        shown = marked[pane][:places]
        quality.places += places
        quality.places_shown += len(shown)
        quality.hits_shown += sum((term, pane) in hits for term in shown)
        quality.hits_filled += sum((term, pane) in hits for term in ordered[pane][:places])
        quality.marks += len(marked[pane])
        for term in marked[pane]:
            if (term, pane) not in hits:
                wrong[term].append(pane)
    for panes in wrong.values():
        quality.marks_wrong += len(panes)
        spells = list(spells_of(panes))
        quality.alarms += len(spells)
        quality.alarms_held += sum(runs_for(spell, 60 // PANE) for spell in spells)
    for burst in stream.bursts:
        seen = (pane for pane in range(burst.begin, burst.end) if burst.term in marked[pane][:TOP])
        pane = next(seen, None)
        quality.delays.append(math.inf if pane is None else (pane + 1 - burst.begin) * PANE)
    measure_trends(stream, trends, quality)
    return quality


def measure_trends(stream, trends, quality):
    right = set()
    for burst in stream.bursts:
        of_burst = [t for t in trends if t.term == burst.term and t.began < burst.end + SIZE and t.ended >= burst.begin]
        right.update((trend.term, trend.ended) for trend in of_burst)
        # Of what ended later than this there is no word yet.
        if burst.end + 2 * SIZE < stream.panes:
            quality.told += 1
            quality.told_once += len(of_burst) == 1
    steps = {step.term for step in stream.steps}
    quality.others += sum((t.term, t.ended) not in right and t.term not in steps for t in trends)


def hits_of(stream):
    """The terms and panes at which a mark is right: while mentions of a burst are in the window.

    Steps are left out of what is wrong as well.
    """
    hits = set()
    for burst in stream.bursts + stream.steps:
        hits.update((burst.term, pane) for pane in range(burst.begin, burst.end + SIZE - 1))
    return hits


def spells_of(panes):
    spell = []
    for pane in panes:
        if spell and pane - spell[-1] > SIZE:
            yield spell
            spell = []
        spell.append(pane)
    if spell:
        yield spell


def runs_for(panes, length):
    """Whether there are so many in a row."""
    return any(panes[n + length - 1] - panes[n] == length - 1 for n in range(len(panes) - length + 1))
