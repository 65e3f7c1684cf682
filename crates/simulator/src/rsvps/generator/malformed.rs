//! Breaks messages in the ways in which lines of real recordings are broken.

use crate::random::Random;

/// Returns a broken version of a valid message. It is never valid and never contains a line end.
pub(super) fn broken(random: &mut Random, message: &str) -> String {
    match random.below(9) {
        0 => cut_short(random, message),
        1 => message.replace('"', "'"),
        2 => message.replacen("\"mtime\":", "\"no_mtime\":", 1),
        3 => message.replacen("\"rsvp_id\":", "\"rsvp_id\":\"x", 1),
        4 => message.replacen("\"guests\":", "\"guests\":-1", 1),
        5 => message.replacen("\"group\":{", "\"groups\":{", 1),
        6 => message.replacen("\"group_lat\":", "\"group_lat\":north", 1),
        7 => format!("{message}{message}"),
        _ => "{\"errors\":[{\"code\":\"server_error\"}]}".to_owned(),
    }
}

/// The first 10 to 90 % of the message.
fn cut_short(random: &mut Random, message: &str) -> String {
    let bytes = message.len();
    let mut end = bytes / 10 + random.index(bytes * 8 / 10);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.split_at(end).0.to_owned()
}
