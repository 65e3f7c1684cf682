use super::*;

/// All lines of a text that comes in pieces of this size; `…` stands for what was cut off.
fn lines(text: &str, piece: usize, bytes_max: usize) -> Vec<String> {
    let mut lines = Lines::new(bytes_max);
    let mut found = Vec::new();
    let shown = |Line { bytes, cut }: Line| {
        let end = if cut { "…" } else { "" };
        format!("{}{end}", String::from_utf8(bytes.to_vec()).unwrap())
    };
    for piece in text.as_bytes().chunks(piece) {
        lines.push(piece);
        found.extend(std::iter::from_fn(|| lines.next()).map(shown));
        assert!(lines.buffer.len() <= bytes_max + 1, "it keeps no more than one line");
    }
    found.extend(lines.rest().map(shown));
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
