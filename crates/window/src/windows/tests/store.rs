//! What a reader of all output has in the end.

use std::collections::BTreeMap;

use pulso_model::Statistics;

use super::naive::{Ended, Trends};
use super::{SIZE, STATISTICS};
use crate::{Activity, ClosedPane, Firing, Output, Unlisted};

/// The documents after all output, later firings over earlier ones.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Store {
    pub(super) trends: Trends,
    pub(super) ended: Ended,
    pub(super) activity: BTreeMap<(i64, String, usize), Activity>,
    /// By pane, statistic and group.
    pub(super) statistics: BTreeMap<(i64, usize, String), Statistics>,
}

impl Store {
    pub(super) fn apply(&mut self, output: Vec<Output>) {
        for output in output {
            match output {
                Output::Pane(ClosedPane { start, aggregate }) => {
                    for entry in aggregate.activity() {
                        let key = (start.0, entry.scope.to_owned(), entry.kind);
                        self.activity.insert(key, entry.activity);
                    }
                    for at in 0..STATISTICS.len() {
                        for (group, numbers) in aggregate.statistics(at) {
                            let key = (start.0, at, format!("{group:?}"));
                            self.statistics.insert(key, numbers.clone());
                        }
                    }
                }
                Output::Window(firing) => self.apply_firing(firing),
                Output::Session(session) => panic!("none are declared: {session:?}"),
            }
        }
    }

    fn apply_firing(&mut self, firing: Firing) {
        let end = firing.end.0;
        assert_eq!(firing.start.0, end - SIZE, "W1");
        for Unlisted { facet, scope, term, ended } in firing.unlisted {
            let key = (end, facet, scope.map(|scope| scope.to_string()), term.to_string());
            let removed = match ended {
                true => self.ended.remove(&key).is_some(),
                false => self.trends.remove(&key).is_some(),
            };
            assert!(removed, "only what was listed is taken away");
        }
        for (facet, lists) in firing.lists.into_iter().enumerate() {
            for trend in lists.worldwide {
                self.trends.insert((end, facet, None, trend.term.to_string()), trend);
            }
            for (scope, list) in lists.by_scope {
                for trend in list {
                    let key = (end, facet, Some(scope.to_string()), trend.term.to_string());
                    self.trends.insert(key, trend);
                }
            }
            for trend in lists.ended {
                let scope = trend.scope.as_deref().map(str::to_owned);
                self.ended.insert((end, facet, scope, trend.term.to_string()), trend);
            }
        }
    }
}
