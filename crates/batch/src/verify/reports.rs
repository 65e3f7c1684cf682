//! Reconciliations of several streams.

use super::{Report, Verdict};

/// What was found, by stream.
#[derive(Debug, Default)]
pub struct Reports(Vec<(String, Report)>);

impl Reports {
    pub fn add(&mut self, stream: &str, report: Report) {
        self.0.push((stream.to_owned(), report));
    }

    /// Whether no stream had anything to reconcile.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The verdict on all streams as the result of a command.
    ///
    /// # Errors
    /// With exit code 1 when something differs in a stream; otherwise 4 when of a layer of a stream there
    /// was nothing to compare. Names the stream where there are several.
    pub fn conclude(&self) -> anyhow::Result<()> {
        let differs = |(_, report): &&(String, Report)| report.verdict() == Verdict::Differs;
        let worst = self.0.iter().find(differs);
        let worst = worst.or_else(|| self.0.iter().find(|(_, report)| !report.holds()));
        let Some((stream, report)) = worst else { return Ok(()) };
        report.conclude().map_err(|error| match self.0.len() {
            1 => error,
            _ => error.context(format!("stream `{stream}`")),
        })
    }
}

#[cfg(test)]
mod tests {
    use pulso_model::Layer;

    use super::*;
    use crate::verify::Comparison;

    fn report(compared: u64, difference_count: u64) -> Report {
        let comparison = |layer| Comparison {
            view: pulso_testkit::view("groups"),
            layer,
            compared,
            equal: compared,
            left_out: Vec::new(),
        };
        let comparisons = [Layer::Speed, Layer::Batch].map(comparison).into();
        Report { comparisons, difference_count, ..Report::default() }
    }

    #[test]
    fn the_worst_of_all_streams_decides() {
        let check = |reports: &[(&str, Report)], expected: Option<&str>| {
            let mut all = Reports::default();
            reports.iter().for_each(|(stream, report)| all.add(stream, report.clone()));
            let found = all.conclude().err().map(|error| format!("{error:#}"));
            assert_eq!(found.as_deref(), expected);
        };
        let (holds, differs, nothing) = (report(9, 0), report(9, 1), report(0, 0));
        check(&[("a", holds.clone()), ("b", holds.clone())], None);
        check(&[("a", differs.clone())], Some("the layers differ"));
        check(
            &[("a", nothing.clone()), ("b", differs), ("c", holds.clone())],
            Some("stream `b`: the layers differ"),
        );
        let error = {
            let mut all = Reports::default();
            all.add("a", nothing);
            all.add("b", holds);
            format!("{:#}", all.conclude().unwrap_err())
        };
        assert!(error.starts_with("stream `a`: "), "{error}");
    }
}
