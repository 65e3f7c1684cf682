//! Sessions against a recount of all counted facts.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use pulso_model::{EventTime, Fact, Position, Term, Value, WallTime};

use super::ShownSession;
use crate::{
    Observed, Output, Saved, SessionShape, Settings, Shape, SlidingWindow, Verdict, Windows, save,
};

const GAP: i64 = 15_000;
const HALF: i64 = 30_000;

fn shapes() -> Vec<SessionShape> {
    let shape = |by: &[usize], actor| SessionShape {
        by: by.to_vec(),
        actor,
        gap_ms: GAP,
        half_ms: HALF,
        kinds: 2,
        facets: vec![0],
        columns: vec![1],
    };
    vec![shape(&[0], Some(0)), shape(&[1, 0], Some(1))]
}

fn windows(lateness: i64, sessions_max: usize) -> Windows {
    Windows::new(settings(lateness, sessions_max), 2)
}

fn settings(lateness: i64, sessions_max: usize) -> Settings {
    let millis = |millis: i64| Duration::from_millis(millis.unsigned_abs());
    let shape = Shape { kinds: 2, sessions: shapes(), ..Shape::default() };
    let mut settings = Settings::usual(shape);
    settings.window = SlidingWindow::new(millis(30_000), millis(10_000)).unwrap();
    settings.trends.baseline = millis(60_000);
    settings.max_out_of_orderness = millis(12_000);
    settings.allowed_lateness = millis(lateness);
    settings.sessions_max = sessions_max;
    settings
}

#[derive(Clone, Debug)]
struct Sent {
    partition: u32,
    time: i64,
    who: Option<&'static str>,
    with: Option<&'static str>,
    kind: u8,
    term: Option<&'static str>,
}

impl Sent {
    fn fact(&self) -> Fact<'static> {
        let text =
            |text: Option<&'static str>| text.map_or(Value::Null, |text| Value::Text(text.into()));
        let term = |key: &'static str| Term { key: key.into(), name: key.into() };
        Fact {
            time: EventTime(self.time),
            scope: if self.kind == 0 { "DE" } else { "US" }.into(),
            kind: self.kind,
            sums: [self.time.unsigned_abs() % 7, 0, 0, 0],
            place: None,
            terms: [self.term.into_iter().map(term).collect(), vec![], vec![], vec![]],
            columns: vec![text(self.who), text(self.with)],
        }
    }

    fn key(&self, declared: usize) -> Option<Vec<String>> {
        let parts = if declared == 0 { vec![self.who] } else { vec![self.with, self.who] };
        let keyed = parts.iter().any(Option::is_some);
        let owned = |part: Option<&str>| part.unwrap_or_default().to_owned();
        keyed.then(|| parts.into_iter().map(owned).collect())
    }
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let who = prop::sample::select(vec![None, Some("ann"), Some("bob")]);
    let with = prop::sample::select(vec![None, Some("1:ff"), Some("-")]);
    let term = prop::sample::select(vec![None, Some("a"), Some("b")]);
    let step = prop_oneof![12 => 0_i64..6_000, 3 => -25_000_i64..0, 1 => 0_i64..90_000];
    let one = (0..2_u32, step, who, with, 0..2_u8, term);
    prop::collection::vec(one, 0..90).prop_map(|all| {
        let mut now = -50_000;
        let mut sent = Vec::new();
        for (partition, step, who, with, kind, term) in all {
            let time = now + step;
            now = now.max(time);
            sent.push(Sent { partition, time, who, with, kind, term });
        }
        sent
    })
}

type All = BTreeMap<(usize, Vec<String>, i64), ShownSession>;

/// The definition: chains first, then their pieces.
fn recount(counted: &[(Position, Sent)], declared: usize, settled: i64) -> All {
    let mut keys: BTreeMap<Vec<String>, Vec<&(Position, Sent)>> = BTreeMap::new();
    for fact in counted.iter().filter(|(_, sent)| sent.time < settled) {
        if let Some(key) = fact.1.key(declared) {
            keys.entry(key).or_default().push(fact);
        }
    }
    let mut all = All::new();
    for (key, mut facts) in keys {
        facts.sort_by_key(|(position, sent)| (sent.time, position.partition, position.offset));
        for chain in facts.chunk_by(|(_, one), (_, next)| next.time - one.time < GAP) {
            let first_cut =
                (0..).map(|n| (n - 10) * HALF).find(|cut| *cut >= chain[0].1.time + HALF);
            let first_cut = first_cut.unwrap();
            let piece = |sent: &Sent| (sent.time - first_cut).div_euclid(HALF).max(-1);
            for facts in chain.chunk_by(|(_, one), (_, next)| piece(one) == piece(next)) {
                let (first, last) = (&facts[0].1, &facts[facts.len() - 1].1);
                let cut = first_cut + (piece(first) + 1) * HALF;
                let end = (last.time + GAP).min(cut);
                assert!(last.time - first.time < 2 * HALF);
                let mut kinds = vec![0; 2];
                let mut sums = [0; 4];
                for (_, sent) in facts {
                    kinds[usize::from(sent.kind)] += 1;
                    sums[0] += sent.fact().sums[0];
                }
                let owned = |text: Option<&str>| text.map(str::to_owned);
                let session = ShownSession {
                    declared,
                    end: EventTime(end),
                    open: end > settled,
                    started: EventTime(first.time),
                    ended: EventTime(last.time),
                    key: key.clone(),
                    scope: first.fact().scope.into_owned(),
                    columns: vec![owned(first.with)],
                    kinds,
                    sums,
                    terms: vec![[owned(first.term), owned(last.term)]],
                };
                all.insert((declared, key.clone(), first.time), session);
            }
        }
    }
    all
}

/// Feeds all; checks after each step in which something closed.
struct Check {
    windows: Windows,
    counted: Vec<(Position, Sent)>,
    shown: All,
}

impl Check {
    fn feed(&mut self, sent: &Sent) {
        let offset = self.windows.counts()[sent.partition as usize].next_offset;
        let position = Position { partition: sent.partition, offset };
        let fact = sent.fact();
        let observed = Observed { fact: &fact, identity: None, actor: None };
        if self.windows.fact(position, observed) == Verdict::Counted {
            self.counted.push((position, sent.clone()));
        }
    }

    fn close(&mut self) -> Result<(), TestCaseError> {
        let mut once = BTreeMap::new();
        for output in self.windows.close() {
            let Output::Session(session) = output else { continue };
            let key = (session.declared, session.key.clone(), session.started.0);
            *once.entry(key.clone()).or_insert(0) += 1;
            let before = self.shown.insert(key, session);
            prop_assert!(before.is_none_or(|before| before.open), "what ended is final");
        }
        prop_assert!(once.values().all(|times| *times == 1), "{once:?}");
        let Some(settled) = self.windows.settled_until() else { return Ok(()) };
        let mut expected = recount(&self.counted, 0, settled.0);
        expected.extend(recount(&self.counted, 1, settled.0));
        prop_assert_eq!(&self.shown, &expected);
        Ok(())
    }
}

proptest! {
    #[test]
    fn all_are_as_recounted_wherever_the_log_is_cut(
        sent in sent(),
        cuts in prop::collection::vec((prop::bool::weighted(0.4), prop::bool::weighted(0.2)), 90),
        lateness in prop::sample::select(vec![0_i64, 15_000]),
    ) {
        let windows = windows(lateness, 1_000);
        let mut check = Check { windows, counted: Vec::new(), shown: All::new() };
        for (sent, (close, crash)) in sent.iter().zip(cuts) {
            check.feed(sent);
            if close {
                check.windows.move_watermark(WallTime(0));
                check.close()?;
            }
            if crash {
                let bytes = save(false, &check.windows, &[]);
                check.windows = Saved::from_bytes(&bytes).unwrap().windows;
            }
        }
        check.windows.finish();
        check.close()?;
        check.windows.set_idle(0, true);
        check.windows.set_idle(1, true);
        // Much later nothing is open, and a log that is read again must know that this was shown.
        let open = check.windows.open_sessions() > 0;
        let decided = check.windows.move_watermark(WallTime(10_000_000));
        prop_assert!(!open || decided);
        check.close()?;
        if check.windows.settled_until().is_some() {
            prop_assert!(check.shown.values().all(|session| !session.open));
            prop_assert_eq!(check.windows.open_sessions(), 0);
        }
    }

    /// Which facts find no room depends on the log alone.
    #[test]
    fn what_finds_no_room_is_told_and_all_that_ends_later_is_complete(
        sent in sent(),
        cuts in prop::collection::vec(prop::bool::weighted(0.4), 90),
    ) {
        let mut all = [windows(0, 2), windows(0, 2)]
            .map(|windows| Check { windows, counted: Vec::new(), shown: All::new() });
        for (sent, close) in sent.iter().zip(cuts) {
            for (check, close) in all.iter_mut().zip([true, close]) {
                check.feed(sent);
                check.windows.move_watermark(WallTime(0));
                if close {
                    for output in check.windows.close() {
                        if let Output::Session(session) = output {
                            let key = (session.declared, session.key.clone(), session.started.0);
                            check.shown.insert(key, session);
                        }
                    }
                }
            }
        }
        for check in &mut all {
            check.windows.close().into_iter().for_each(|output| if let Output::Session(session) = output {
                let key = (session.declared, session.key.clone(), session.started.0);
                check.shown.insert(key, session);
            });
        }
        prop_assert_eq!(&all[0].shown, &all[1].shown);
        let refused = all[0].windows.refused();
        prop_assert_eq!(refused, all[1].windows.refused());
        prop_assert!(all[0].windows.open_sessions() <= 2);
        if let Some(settled) = all[0].windows.settled_until() {
            let mut expected = recount(&all[0].counted, 0, settled.0);
            expected.extend(recount(&all[0].counted, 1, settled.0));
            let complete = |all: &All| {
                let mut all = all.clone();
                all.retain(|_, session| refused.until.is_none_or(|until| session.end > until));
                all
            };
            prop_assert_eq!(complete(&all[0].shown), complete(&expected));
        }
    }
}

#[test]
fn an_actor_has_another_name_in_open_sessions_and_in_facts_that_wait() {
    let sent =
        |time, who| Sent { partition: 0, time, who: Some(who), with: None, kind: 0, term: None };
    let mut windows = windows(0, 10);
    for (offset, sent) in (0..).zip([sent(0, "ann"), sent(1_000, "bob"), sent(25_000, "ann")]) {
        let fact = sent.fact();
        let observed = Observed { fact: &fact, identity: None, actor: None };
        windows.fact(Position { partition: 0, offset }, observed);
        windows.set_idle(1, true);
        windows.move_watermark(WallTime(0));
        windows.close();
    }
    windows.rename(("ann", "nobody"), &BTreeMap::new());
    let bytes = save(false, &windows, &[]);
    let named =
        |name: &str| bytes.windows(name.len()).filter(|part| *part == name.as_bytes()).count();
    // Twice a session, and twice a fact.
    assert_eq!((named("ann"), named("nobody"), named("bob")), (0, 4, 2));
    windows.move_watermark(WallTime(0));
    windows.finish();
    let shown = windows.close().into_iter().filter_map(|output| match output {
        Output::Session(session) => Some((session.key.concat(), session.started.0, session.open)),
        _ => None,
    });
    let shown: Vec<_> = shown.filter(|(_, started, _)| *started != 1_000).collect();
    let expected = [("nobody", 0, false), ("nobody", 25_000, false)];
    let expected = expected.map(|(key, started, open)| (key.to_owned(), started, open));
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert!(shown.iter().all(|one| expected.contains(one)), "{shown:?}");
}

/// A measurement, to be run alone: `cargo test --release -p pulso-window -- --ignored --nocapture million`.
#[test]
#[ignore = "a measurement: it tells how much memory a million open sessions take"]
fn a_million_open_sessions() {
    let resident_mb = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096 / 1_000_000
    };
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
    for agent in [None, Some(agent)] {
        let mut settings = settings(0, 1_000_000);
        settings.shape.sessions.truncate(1);
        let shape = &mut settings.shape.sessions[0];
        (shape.by, shape.gap_ms, shape.half_ms) = (vec![0, 1], 1_800_000, 43_200_000);
        let mut windows = Windows::new(settings, 2);
        windows.set_idle(1, true);
        let before = resident_mb();
        for offset in 0..1_000_000_u64 {
            let mut fact = Sent {
                partition: 0,
                time: i64::try_from(offset / 1_000).unwrap() * 1_000,
                who: None,
                with: agent,
                kind: 0,
                term: Some("/a/path/as/they/are"),
            }
            .fact();
            fact.columns[0] = Value::Text(format!("192.0.{offset:07}").into());
            let observed = Observed { fact: &fact, identity: None, actor: None };
            windows.fact(Position { partition: 0, offset }, observed);
            if offset % 10_000 == 0 {
                windows.move_watermark(WallTime(0));
                windows.close();
            }
        }
        let open = windows.open_sessions();
        let after = resident_mb();
        let bytes = save(false, &windows, &[]).len() / 1_000_000;
        println!("{open} sessions: {} MB, checkpoint {bytes} MB", after - before);
    }
}
