//! The identity of a response.

use serde::{Deserialize, Serialize};

use crate::ResponseKind;

/// Two messages are the same response exactly when these four are equal.
///
/// The source sends many responses again with `mtime` rounded to a whole second, so the time is
/// compared as the nearest second, half up. The first in log order is the response, the others are
/// its echoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EchoKey {
    /// Seconds since the epoch; first, so that keys sort by time.
    pub second: i64,
    pub rsvp_id: i64,
    pub guests: u32,
    pub kind: ResponseKind,
}
