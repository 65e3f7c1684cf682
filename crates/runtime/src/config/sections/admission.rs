//! Which messages of a source come in.

use std::fmt;

use pulso_streams::program::Condition;

/// What is asked of a message before it is stored. Without anything every message comes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Holds for the messages that come in.
    pub filter: Option<Condition>,
    /// Of how many actors messages come in.
    pub sample: Option<Share>,
}

/// A part of a whole: more than nothing, at most all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// `None` for what is not in (0, 1].
    pub fn new(part: f64) -> Option<Self> {
        (part > 0.0 && part <= 1.0).then_some(Self(part))
    }

    /// Of 1.
    pub fn part(self) -> f64 {
        self.0
    }
}

/// It is a number.
impl Eq for Share {}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
