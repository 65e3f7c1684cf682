//! Other names for people in what is remembered of facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use pulso_model::Identity;

use super::Windows;
use crate::PaneAggregate;

impl Windows {
    /// Gives an actor and the facts with these identities other names, which nobody else has. All that is
    /// counted stays as it is, as if they had been called so from the beginning.
    pub fn rename(&mut self, actor: (&str, &str), identities: &BTreeMap<Identity, Identity>) {
        for partition in &mut self.partitions {
            partition.echoes.rename(identities);
            partition.open.values_mut().for_each(|pane| pane.rename(actor));
        }
        self.sessions.rename(actor, &self.settings);
        if let Some(trends) = &mut self.trends {
            trends.rename(actor);
        }
        if let Some(changeable) = &mut self.changeable {
            changeable.settled.iter_mut().for_each(|trends| trends.rename(actor));
            let panes = changeable.panes.values_mut();
            panes.map(Arc::make_mut).for_each(|pane: &mut PaneAggregate| pane.rename(actor));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use pulso_model::{Counts, EventTime, Fact, Position, Term, WallTime};

    use super::*;
    use crate::{FacetShape, Observed, Settings, Shape, SlidingWindow};

    const PEOPLE: [&str; 4] = ["anna", "otto", "ida", "emil"];
    const NEW: &str = "nobody";

    #[derive(Clone, Debug)]
    struct Sent {
        partition: u32,
        second: i64,
        who: usize,
        term: &'static str,
    }

    fn windows(late: bool) -> Windows {
        let facet = |by_scope| FacetShape { counts: Counts::Actors, by_scope };
        let facets = vec![facet(true), facet(false)];
        let shape = Shape { kinds: 1, facets, ..Shape::default() };
        let seconds = Duration::from_secs;
        let mut settings = Settings::usual(shape);
        settings.window = SlidingWindow::new(seconds(30), seconds(10)).unwrap();
        settings.trends.baseline = seconds(60);
        settings.trends.count_above = 0;
        settings.allowed_lateness = seconds(if late { 20 } else { 0 });
        Windows::new(settings, 2)
    }

    fn identity(who: &str, second: i64) -> Identity {
        let name = who.bytes().fold(0_i64, |sum, byte| sum * 256 + i64::from(byte));
        Identity::of_integers(&[name, second / 3])
    }

    fn read(windows: &mut Windows, sent: &[Sent], called: impl Fn(usize) -> &'static str) {
        for (offset, Sent { partition, second, who, term }) in (0..).zip(sent) {
            let term = || vec![Term { key: (*term).into(), name: (*term).into() }];
            let fact = Fact {
                time: EventTime(second * 1000),
                scope: "DE".into(),
                kind: 0,
                sums: [0; 4],
                place: None,
                terms: [term(), term(), vec![], vec![]],
                columns: vec![],
            };
            let (actor, identity) = (called(*who), identity(called(*who), *second));
            let observed = Observed { fact: &fact, identity: Some(&identity), actor: Some(actor) };
            windows.fact(Position { partition: *partition, offset }, observed);
            windows.move_watermark(WallTime(0));
            windows.close();
        }
    }

    fn bytes(windows: &Windows) -> Vec<u8> {
        postcard::to_stdvec(windows).unwrap()
    }

    proptest! {
        /// Nothing is told apart that was one, nor the other way round, wherever the log was cut.
        #[test]
        fn all_is_as_if_the_name_had_been_another_from_the_beginning(
            sent in prop::collection::vec(
                (0..2_u32, 0..9_i64, 0..4_usize, prop::sample::select(&["x", "y"])), 1..120),
            cut in 0..120_usize,
            late: bool,
        ) {
            let sent: Vec<_> = (0..).zip(sent).map(|(at, (partition, second, who, term))| {
                Sent { partition, second: at + second, who, term }
            }).collect();
            let (before, behind) = sent.split_at(cut.min(sent.len()));
            let new = |who: usize| if who == 0 { NEW } else { PEOPLE[who] };
            let mut renamed = windows(late);
            read(&mut renamed, before, |who| PEOPLE[who]);
            let identities = before.iter().filter(|sent| sent.who == 0);
            let identities = identities
                .map(|sent| (identity(PEOPLE[0], sent.second), identity(NEW, sent.second)))
                .collect();
            renamed.rename((PEOPLE[0], NEW), &identities);
            let mut expected = windows(late);
            read(&mut expected, before, new);
            prop_assert_eq!(bytes(&renamed), bytes(&expected));
            let named = |bytes: &[u8]| bytes.windows(4).any(|window| window == PEOPLE[0].as_bytes());
            prop_assert!(!named(&bytes(&renamed)));
            for windows in [&mut renamed, &mut expected] {
                read(windows, behind, new);
                windows.finish();
            }
            let shown = |windows: &mut Windows| format!("{:?}", windows.close());
            prop_assert_eq!(shown(&mut renamed), shown(&mut expected));
        }
    }
}
