use std::time::Duration;

use pulso_model::{EventTime, SessionDocument, Stream, View};

use crate::descriptor::read;

const MINUTE: Duration = Duration::from_secs(60);

fn stream(sessions: &str) -> Result<Stream, Vec<String>> {
    let text = format!(
        "name = \"hits\"\nactor = \"ip\"\nvisitor = [\"ip\", \"agent\"]\npersonal = [\"ip\", \"name\", \"users\"]\n\
         [fact]\none = \"hit\"\nmany = \"hits\"\nkinds = [\"2xx\", \"5xx\"]\nsums = [\"bytes\"]\n\
         scope = {{ name = \"country\" }}\n[columns]\nip = \"text\"\nagent = \"text\"\nname = \"text\"\n\
         browser = \"text\"\nage = \"integer\"\n[[facets]]\none = \"path\"\nmany = \"paths\"\n\
         [[facets]]\none = \"user\"\nmany = \"users\"\n{sessions}"
    );
    let said = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect();
    read(&text, &|_| None).map(|read| read.stream).map_err(said)
}

#[test]
fn each_has_a_view_that_says_what_is_told() {
    let stream = stream(
        "[[sessions]]\ngap = \"30m\"\n\
         [[sessions]]\nview = \"visits\"\ntitle = \"Who came\"\nby = \"visitor\"\ngap = \"30m\"\n\
         max = \"2h\"\nfacets = [\"paths\"]\ncolumns = [\"browser\"]\n",
    )
    .unwrap();
    let [by_actor, visits] = &stream.sessions[..] else { panic!("two") };
    let told = |view: View| {
        let fields: Vec<_> = view.fields().iter().map(|field| field.name).collect();
        let key: Vec<_> = view.key().iter().map(|key| key.name()).collect();
        format!("{} ({}) {} [{}]", view.name(), view.title(), fields.join(" "), key.join(" "))
    };
    assert_eq!(
        told(by_actor.view),
        "hit-sessions (Hit sessions) @timestamp started ended duration_ms ip country hits \
         kinds.2xx kinds.5xx bytes open [started ip]"
    );
    assert_eq!(
        told(visits.view),
        "visits (Who came) @timestamp started ended duration_ms ip agent country browser hits \
         kinds.2xx kinds.5xx bytes first_path last_path open [started ip agent]"
    );
    assert_eq!((by_actor.gap, by_actor.max), (30 * MINUTE, 24 * 60 * MINUTE));
    assert_eq!((visits.max, visits.half_ms()), (120 * MINUTE, 3_600_000));
    let personal: Vec<_> = stream.personal_fields(visits.view);
    assert_eq!(personal.iter().map(|(field, _)| field.name).collect::<Vec<_>>(), ["ip"]);
    assert_eq!(stream.views()[2..4], [by_actor.view, visits.view]);
}

#[test]
fn what_cannot_be_is_told() {
    let problem = |sessions: &str| stream(sessions).unwrap_err().join("; ");
    let check = |rest: &str, expected: &str| {
        let found = problem(&format!("[[sessions]]\n{rest}"));
        assert!(found.contains(expected), "{found}");
    };
    let with = |rest: &str| format!("gap = \"30m\"\n{rest}");
    check("", "line 23: `gap` is missing in `[[sessions]]`");
    check("gap = \"0s\"", "`gap` is `0s`, which is no time");
    check("gap = \"25h\"", "`gap` is at most \"1d\"");
    check(&with("max = \"59m\""), "line 25: `max` is at least two gaps");
    check(&with("max = \"32d\""), "at most \"31d\"");
    check(&with("by = \"user\""), "`by` is `user`; it can be `actor`, `visitor` or a list");
    check(&with("by = []"), "sessions need a key");
    check(&with("by = [\"age\"]"), "`age` is no text");
    check(&with("by = [\"name\"]"), "of such columns `by` can have the actor only");
    check(&with("by = [\"weight\"]"), "there is no column `weight`");
    check(&with("facets = [\"pages\"]"), "there is no facet `pages`; there are `paths`");
    check(&with("facets = [\"users\"]"), "`users` says who a person is");
    check(&with("columns = [\"name\"]"), "`name` says who a person is");
    check(&with("columns = [\"ip\"]\nby = \"actor\""), "`ip` says who a person is");
    check(&with("size = 3"), "unknown key `size`");
    let many = "[[sessions]]\ngap = \"30m\"\n".repeat(3);
    let found = problem(&many);
    assert!(found.contains("declared 3 times; at most 2"), "{found}");
    assert!(found.contains("two views `hit-sessions`"), "{found}");
}

/// Stores may keep each day apart.
#[test]
fn a_session_is_removed_from_the_days_under_which_it_may_have_been_shown() {
    let stream = stream("[[sessions]]\ngap = \"1h\"\nfacets = [\"paths\"]\n").unwrap();
    let session = &stream.sessions[0];
    let documents = |started: i64, end: i64| {
        let mut documents = Vec::new();
        SessionDocument {
            stream: &stream,
            session,
            end: EventTime(end),
            open: true,
            started: EventTime(started),
            ended: EventTime(end - 3_600_000),
            key: &["ann".to_owned()],
            scope: "DE",
            columns: &[],
            kinds: &[2, 1],
            sums: &[7],
            terms: &[[Some("/".to_owned()), None]],
        }
        .render(&mut documents);
        documents
    };
    let day = 86_400_000;
    let times = |started, end| -> Vec<_> {
        documents(started, end).iter().map(|it| (it.removes(), it.time.0)).collect()
    };
    assert_eq!(times(0, day - 1), [(false, day - 1)]);
    let began = day - 3_600_001;
    assert_eq!(times(began, 2 * day + 5), [(true, 0), (true, day), (false, 2 * day + 5)]);
    let moved = documents(began, day + 3_599_999);
    assert_eq!(moved[0].id, moved[1].id);
    assert_eq!(
        moved[1].body,
        "{\"@timestamp\":\"1970-01-02T00:59:59.999Z\",\"started\":\"1970-01-01T22:59:59.999Z\",\
         \"ended\":\"1970-01-01T23:59:59.999Z\",\"duration_ms\":3600000,\"ip\":\"ann\",\
         \"country\":\"DE\",\"hits\":3,\"kinds\":{\"2xx\":2,\"5xx\":1},\"bytes\":7,\
         \"first_path\":\"/\",\"open\":true}"
    );
}
