//! Names as people really type them: emoji, other scripts, stray spaces, invisible characters.

use crate::random::{below, salted};

/// How many names in ten thousand are odd.
const ODD_PER_10000: u64 = 700;

/// Returns the name, changed in an odd way for some keys. Depends only on its arguments.
pub(crate) fn decorated(name: &str, key: u64) -> String {
    let roll = below(salted(key, 0x0dd), 10_000);
    if roll >= ODD_PER_10000 {
        return name.to_owned();
    }
    match roll % 14 {
        0 => format!("{name} \u{1f389}\u{1f37b}"),
        1 => format!("\u{1f9d7}\u{200d}\u{2640}\u{fe0f} {name}"),
        2 => format!("{name} \u{9031}\u{672b}\u{306e}\u{96c6}\u{307e}\u{308a}"),
        3 => format!("\u{4e0a}\u{6d77} {name} \u{56fd}\u{9645}"),
        4 => format!("\u{5de}\u{5e4}\u{5d2}\u{5e9} {name}"),
        5 => "\u{5de}\u{5d5}\u{5e2}\u{5d3}\u{5d5}\u{5df} \u{5d4}\u{5e7}\u{5d4}\u{5d9}\u{5dc}\u{5d4} / \u{5ea}\u{5dc}"
            .to_owned(),
        6 => format!(" {name}"),
        7 => format!("{name}  "),
        8 => format!("\"{name}\""),
        9 => format!("{name}\u{a0}\u{2013}\u{a0}caf\u{e9}"),
        10 => name.replacen(' ', " \u{feff}", 1),
        11 => format!("{name}\u{2b50}with\u{2b50}a\u{2b50}twist"),
        12 => format!("\u{420}\u{443}\u{441}\u{441}\u{43a}\u{438}\u{439} {name} \\ {name}"),
        _ => name.to_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_names_are_odd_and_each_key_always_gives_the_same() {
        let odd = (0..10_000).filter(|&key| decorated("Blue Door", key) != "Blue Door").count();
        assert!((500..900).contains(&odd), "{odd} of 10000 names are odd");
        assert!((0..100).all(|key| decorated("A b", key) == decorated("A b", key)));
    }
}
