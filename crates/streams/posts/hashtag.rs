//! Hashtags: one key for the spellings that people take for the same.

use std::borrow::Cow;

use pulso_model::{Term, any_byte};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// As long as the network's own programs let a tag be; what is longer is no word.
const CHARACTERS_MAX: usize = 64;

/// A hashtag as its author wrote it, with or without `#`; `None` when nothing is left of it, or too much.
pub(super) fn term(tag: Cow<'_, str>) -> Option<Term<'_>> {
    let odd = |byte: u8| {
        byte.is_ascii_uppercase() | byte.is_ascii_whitespace() | (byte == b'#') | !byte.is_ascii()
    };
    let (key, name) = if any_byte(&tag, odd) { cleaned(&tag) } else { (tag.clone(), tag) };
    let fits = !key.is_empty() && key.chars().nth(CHARACTERS_MAX).is_none();
    fits.then_some(Term { key, name })
}

/// The key and the name.
fn cleaned(tag: &str) -> (Cow<'static, str>, Cow<'static, str>) {
    let sign = |letter: char| matches!(letter, '#' | '＃') || letter.is_whitespace();
    let bare = tag.trim_start_matches(sign).trim_end();
    let name = match is_nfc_quick(bare.chars()) {
        IsNormalized::Yes => bare.to_owned(),
        IsNormalized::No | IsNormalized::Maybe => bare.nfc().collect(),
    };
    (Cow::Owned(name.to_lowercase()), Cow::Owned(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tag: &str, expected: Option<(&str, &str)>) {
        let term = term(Cow::Borrowed(tag));
        let found = term.as_ref().map(|term| (&*term.key, &*term.name));
        assert_eq!(found, expected, "`{tag}`");
    }

    #[test]
    fn spellings_of_one_tag_share_a_key() {
        check("rust", Some(("rust", "rust")));
        check("RustLang", Some(("rustlang", "RustLang")));
        check(" #rust\n", Some(("rust", "rust")));
        check("##Rust", Some(("rust", "Rust")));
        check("＃猫", Some(("猫", "猫")));
        check("Cafe\u{301}", Some(("café", "Café")));
        check("ÉTÉ", Some(("été", "ÉTÉ")));
        check("ΟΔΟΣ", Some(("οδος", "ΟΔΟΣ")));
        check("c#", Some(("c#", "c#")));
    }

    #[test]
    fn what_is_empty_or_too_long_is_no_tag() {
        check("", None);
        check(" # ", None);
        check("\u{3000}＃", None);
        let long = "é".repeat(64);
        check(&long, Some((&long, &long)));
        check(&"é".repeat(65), None);
        check(&"e".repeat(65), None);
    }

    #[test]
    fn plain_tags_are_not_copied() {
        let term = term(Cow::Borrowed("rust")).unwrap();
        assert!(matches!((&term.key, &term.name), (Cow::Borrowed(_), Cow::Borrowed(_))));
    }
}
