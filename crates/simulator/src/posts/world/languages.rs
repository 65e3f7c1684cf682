//! What people write in.

use super::Script;

/// A language: how posts name it, how often it is written, and with which letters.
#[derive(Debug)]
pub(crate) struct Language {
    /// Tags of BCP 47; none where programs leave them out.
    pub(crate) tags: &'static [&'static str],
    pub(crate) weight: f64,
    pub(crate) script: Script,
}

const fn language(tags: &'static [&'static str], weight: f64, script: Script) -> Language {
    Language { tags, weight, script }
}

/// Roughly as in the network; weights are percentages.
pub(crate) const LANGUAGES: &[Language] = &[
    language(&["en", "en-US", "en-GB", "EN"], 46.0, Script::Latin),
    language(&["ja", "ja-JP"], 17.0, Script::Kana),
    language(&["pt", "pt-BR"], 8.0, Script::Latin),
    language(&["de", "de-CH"], 5.5, Script::Latin),
    language(&["es", "es-419"], 4.5, Script::Latin),
    language(&["fr", "fr-CA"], 3.0, Script::Latin),
    language(&["ko"], 2.5, Script::Hangul),
    language(&["tr"], 1.5, Script::Latin),
    language(&["nl"], 1.3, Script::Latin),
    language(&["it"], 1.2, Script::Latin),
    language(&["ru"], 1.0, Script::Cyrillic),
    language(&["uk"], 0.9, Script::Cyrillic),
    language(&["pl"], 0.8, Script::Latin),
    language(&["sv"], 0.5, Script::Latin),
    language(&["fi"], 0.5, Script::Latin),
    language(&["ar"], 0.4, Script::Arabic),
    language(&["el"], 0.3, Script::Greek),
    language(&["ca"], 0.3, Script::Latin),
    language(&["id"], 0.3, Script::Latin),
    language(&["fil"], 0.1, Script::Latin),
    language(&[], 4.4, Script::Latin),
];
