use proptest::prelude::*;

use super::*;

/// All lines of a text that comes in pieces of this size; `…` stands for what was cut off.
fn lines(text: &str, piece: usize, bytes_max: usize) -> Vec<String> {
    found(Lines::new(bytes_max), text.as_bytes(), piece, bytes_max + 1)
}

/// The same where lines may have their length in front.
fn counted(text: &str, piece: usize, bytes_max: usize) -> Vec<String> {
    let kept_max = DIGITS_MAX + 1 + bytes_max + END_BYTES;
    found(Lines::counted(bytes_max), text.as_bytes(), piece, kept_max)
}

fn found(mut lines: Lines, text: &[u8], piece: usize, kept_max: usize) -> Vec<String> {
    let mut found = Vec::new();
    let shown = |Line { bytes, cut }: Line| {
        let end = if cut { "…" } else { "" };
        format!("{}{end}", String::from_utf8(bytes.to_vec()).unwrap())
    };
    for piece in text.chunks(piece) {
        lines.push(piece);
        found.extend(std::iter::from_fn(|| lines.next()).map(shown));
        assert!(lines.buffer.len() <= kept_max, "it keeps no more than one line");
    }
    found.extend(lines.rest().map(shown));
    assert!(lines.is_empty());
    found
}

#[test]
fn lines_are_found_in_pieces_of_any_size() {
    let text = "one\r\n\n two \nthree\r\r\n\r\nfour";
    for piece in 1..=text.len() {
        assert_eq!(lines(text, piece, 100), ["one", " two ", "three\r", "four"], "{piece}");
    }
    assert_eq!(lines("", 1, 100), [""; 0]);
    assert_eq!(lines("\n", 1, 100), [""; 0]);
}

#[test]
fn a_line_that_is_too_long_is_cut_off_and_the_next_is_whole() {
    let text = "12345\n123456\r\n1234567\n12345678901234567890\n1\n1234567890";
    let expected = ["12345", "123456", "123456…", "123456…", "1", "123456…"];
    for piece in 1..=text.len() {
        assert_eq!(lines(text, piece, 6), expected, "{piece}");
    }
}

/// RFC 6587, section 3.4: each line tells for itself.
#[test]
fn a_length_in_front_of_a_line_counts_instead_of_its_end() {
    let text =
        "5 <1>ab<2>line\n7 <3>a\nb\n\r\n8 <4>abcd\n5 <5>ab\n<6>\r\n10 <7>é\0\r\nxy12 <8>rest";
    let expected =
        ["<1>ab", "<2>line", "<3>a\nb", "<4>abcd", "<5>ab", "<6>", "<7>é\0\r\nxy", "<8>rest"];
    for piece in 1..=text.len() {
        assert_eq!(counted(text, piece, 100), expected, "{piece}");
    }
}

#[test]
fn a_number_that_is_no_length_is_part_of_the_line() {
    let text = "10.0.0.1 x\n0 x\n01 x\n2026-11-27 x\n1234567890 x\n-1 x\n1\n123456789";
    let expected: Vec<_> = text.split('\n').collect();
    for piece in 1..=text.len() {
        assert_eq!(counted(text, piece, 100), expected, "{piece}");
        assert_eq!(lines("3 abc\n12 x", piece, 100), ["3 abc", "12 x"], "{piece}");
    }
}

#[test]
fn a_counted_line_that_is_too_long_is_cut_off_and_the_next_is_whole() {
    let text = "6 123456\n8 123456\r\n9 123456789<x\n30 123456789012345678901234567890\n2 ab1234567x\n7 123456\n300 123";
    let expected =
        ["123456", "123456", "123456…", "<x", "123456…", "ab", "123456…", "123456", "123"];
    for piece in 1..=text.len() {
        assert_eq!(counted(text, piece, 6), expected, "{piece}");
    }
}

#[test]
fn it_is_known_whether_something_of_a_line_is_missing() {
    let mut lines = Lines::counted(5);
    for (piece, empty) in [
        ("", true),
        ("a", false),
        ("b\n", true),
        ("3 ab", false),
        ("c", true),
        ("123456789", false),
        ("x", false),
        ("\n", true),
        ("9 12345678", false),
        ("9", true),
        ("7", false),
    ] {
        lines.push(piece.as_bytes());
        while lines.next().is_some() {}
        assert_eq!(lines.is_empty(), empty, "{piece:?}");
    }
}

proptest! {
    /// Whatever the pieces, and whatever bytes they are.
    #[test]
    fn pieces_change_nothing(text: Vec<u8>, piece in 1..50_usize, bytes_max in 1..60_usize) {
        for new in [Lines::new, Lines::counted] {
            let all = |size| {
                let mut lines = new(bytes_max);
                let mut found = Vec::new();
                for piece in text.chunks(size) {
                    lines.push(piece);
                    found.extend(std::iter::from_fn(|| lines.next()));
                }
                found.extend(lines.rest());
                found
            };
            prop_assert_eq!(all(piece), all(usize::MAX));
        }
    }
}
