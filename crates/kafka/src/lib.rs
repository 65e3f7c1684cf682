//! Kafka as the log: the only crate that names `rdkafka`.
//!
//! [`KafkaLog`] writes messages, [`KafkaSource`] reads them by offset, and [`KafkaDeadLetters`]
//! keeps a copy of those that could not be read. [`set_up`], [`check`], [`set_retention`] and [`cut`]
//! manage the topics. The layers decide when to write, retry or stop; an error tells them whether a retry
//! can help, and tells a person which setting to change.
//!
//! | what holds | how |
//! |---|---|
//! | a message is stored before `write` returns | `acks=all`, and a delivery report for each message |
//! | messages of one key stay in order, also when a request is sent again | one partition, idempotent producer |
//! | each offset is read once and in order, or the reader is told | own offsets, `auto.offset.reset=error`, gaps are errors |
//! | an empty batch means that the log was asked and had no more | end offsets come from the brokers then |
//! | one reader at a time keeps the views of the speed layer | [`Lease`]: the one partition of a topic of its own |

mod blocking;
mod connection;
mod context;
mod dead_letters;
mod error;
mod headers;
mod lease;
mod log;
mod producer;
mod renewal;
mod source;
mod topics;

pub use connection::{Connection, Mechanism, Sasl, Tls};
pub use dead_letters::KafkaDeadLetters;
pub use error::{Cause, Error, Fault};
pub use lease::{Lease, LeaseOptions};
pub use log::{KafkaLog, LogOptions};
pub use source::{KafkaSource, Lost, SourceOptions};
pub use topics::{Topics, check, cut, kept_for, partitions_of, set_retention, set_up};
