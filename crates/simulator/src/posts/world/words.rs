//! Words made of syllables.

/// The letters of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Latin,
    Cyrillic,
    Greek,
    Arabic,
    Kana,
    Hangul,
}

/// No syllable of a script begins with another one, so that no two numbers give the same word.
#[rustfmt::skip] // Lists of syllables are easier to read in full lines.
impl Script {
    fn syllables(self) -> &'static [&'static str] {
        match self {
            Self::Latin => &[
                "bal", "dren", "fim", "gor", "hul", "jat", "kep", "lom", "mir", "nos", "pav", "quil", "rud", "sek", "tam",
                "vor", "wex", "yil", "zun", "ost", "brin", "clev", "drow", "flen", "grav", "klor", "plim", "stav", "trel",
                "umbr",
            ],
            Self::Cyrillic => &["бал", "дре", "фим", "гор", "лом", "мир", "нос", "пав", "руд", "сек", "там", "вор", "зун"],
            Self::Greek => &["βαλ", "δρε", "φιμ", "γορ", "λομ", "μιρ", "νοσ", "παβ", "ρυδ", "σεκ", "ταμ"],
            Self::Arabic => &["با", "دي", "فو", "كا", "لي", "مو", "نا", "ري", "سو", "تا", "وي"],
            Self::Kana => &[
                "か", "き", "く", "け", "こ", "さ", "し", "す", "せ", "そ", "た", "ち", "つ", "て", "と", "な", "に", "ぬ", "ね",
                "の", "は", "ひ", "ふ", "へ", "ほ", "ま", "み", "む", "め", "も",
            ],
            Self::Hangul => &["가", "나", "다", "라", "마", "바", "사", "아", "자", "차", "카", "타", "파", "하", "고", "노", "도"],
        }
    }

    /// What is between two words.
    pub(crate) fn space(self) -> &'static str {
        if self == Self::Kana { "、" } else { " " }
    }
}

/// Appends the word of a number, of at least two syllables. Numbers have different words.
pub(crate) fn push_word(out: &mut String, script: Script, number: u64) {
    let syllables = script.syllables();
    let base = syllables.len() as u64;
    // Bijective numeration: every row of syllables is the word of one number.
    let mut rest = number + base;
    loop {
        let place = usize::try_from(rest % base).expect("there are few syllables");
        out.push_str(syllables[place]);
        if rest < base {
            return;
        }
        rest = rest / base - 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_has_a_word_of_its_own() {
        for script in [
            Script::Latin,
            Script::Cyrillic,
            Script::Greek,
            Script::Arabic,
            Script::Kana,
            Script::Hangul,
        ] {
            let word = |number| {
                let mut word = String::new();
                push_word(&mut word, script, number);
                word
            };
            let words: BTreeSet<_> = (0..50_000).map(word).collect();
            assert_eq!(words.len(), 50_000, "{script:?}");
        }
    }
}
