use pulso_streams::Streams;

use super::*;

#[test]
fn every_batch_view_has_a_job() {
    for definition in Streams::brought().iter() {
        let jobs = Job::all(definition.stream);
        let views: Vec<_> = jobs.iter().map(|job| job.view).collect();
        let stream = definition.stream;
        let shown = |view: &View| *view != stream.facts_view.view || stream.facts_view.shown;
        let expected: Vec<_> = stream.views().into_iter().filter(shown).collect();
        assert_eq!(views, expected, "single facts only where they are shown");
    }
}

#[test]
fn every_query_is_filled_in_and_says_what_it_computes_and_needs() {
    for definition in Streams::brought().iter() {
        for job in Job::all(definition.stream) {
            assert!(job.description().contains(". Needs "), "{}", job.name());
            assert!(!job.sql.contains('{'), "{}: {}", job.name(), job.sql);
        }
    }
}
