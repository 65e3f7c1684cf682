//! The streams that Pulso brings, one folder each, and those that users declare.
