//! Filters and samples of sources.

use super::*;

fn source(text: &str) -> String {
    format!("acquisition.sources = [{{name='a', url='ws://a', {text}}}]")
}

#[test]
fn a_source_has_a_filter_and_a_sample() {
    let config = load(&source("filter='.guests < 5', sample=0.25"));
    let admission = &config.acquisition.sources[0].admission;
    assert_eq!(admission.filter.as_ref().map(|filter| filter.source()), Some(".guests < 5"));
    assert_eq!(admission.sample, Share::new(0.25));
    let config = load(&source("sample=1"));
    assert_eq!(config.acquisition.sources[0].admission.sample, Share::new(1.0));
    assert_eq!(load(&source("")).acquisition.sources[0].admission, Admission::default());
}

#[test]
fn a_source_of_any_protocol_may_have_both() {
    for more in [
        "url='ws://a', protocol='jetstream'",
        "url='http://a', protocol='http'",
        "paths=['x'], protocol='file'",
        "listen='127.0.0.1:1', protocol='tcp'",
        "listen='127.0.0.1:1', protocol='syslog'",
        "listen='127.0.0.1:1', protocol='push'",
    ] {
        let text =
            format!("acquisition.sources = [{{name='a', filter='true', sample=0.5, {more}}}]");
        assert!(load(&text).acquisition.sources[0].admission.filter.is_some(), "{more}");
    }
}

#[test]
fn what_is_no_condition_is_shown_with_its_place() {
    let error = Config::load(&layers(&source("filter='.guests <'"))).unwrap_err();
    let text = error.to_string();
    for part in [
        "`acquisition.sources[0].filter` is not a condition in VRL: error[",
        "┌─ acquisition.sources[0].filter:1:10",
        "1 │ .guests <",
        "^",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let text = Config::load(&layers(&source("filter='.guests'"))).unwrap_err().to_string();
    assert!(text.contains("a condition must be true or false"), "{text}");
    let text = Config::load(&layers(&source("filter=1"))).unwrap_err().to_string();
    assert!(text.contains("`acquisition.sources[0].filter` is not text"), "{text}");
}

#[test]
fn what_is_no_share_is_refused() {
    for wrong in ["0", "0.0", "1.5", "-0.1", "nan", "inf", "'10%'", "true"] {
        let error = Config::load(&layers(&source(&format!("sample={wrong}")))).unwrap_err();
        let shown = wrong.trim_matches('\'');
        let text = error.to_string();
        let expected = "failed to load config `x.toml`: `acquisition.sources[0].sample`";
        assert!(text.starts_with(expected) && text.ends_with(" is not a share"), "{shown}: {text}");
    }
}
