//! Collects what librdkafka reports on the side: only its log has the true cause of a failure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::debug;

/// Keeps the last problem of a client. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    trouble: Arc<Mutex<Trouble>>,
}

/// Why a client cannot reach a broker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) code: Option<RDKafkaErrorCode>,
    /// The reason in the library's words.
    pub(crate) reason: Option<String>,
    /// Whether none of the brokers accepts connections.
    pub(crate) all_down: bool,
}

impl Context {
    pub(crate) fn trouble(&self) -> Trouble {
        self.lock().clone()
    }

    /// Clears the problem: whatever was wrong before does not explain later failures.
    pub(crate) fn recovered(&self) {
        *self.lock() = Trouble::default();
    }

    pub(crate) fn note(&self, error: &KafkaError) {
        // That no broker is left is a consequence; the cause was told before.
        match error.rdkafka_error_code() {
            None => {}
            Some(RDKafkaErrorCode::AllBrokersDown) => self.lock().all_down = true,
            code => self.lock().code = code,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(facility, ?level, "{message}");
        if facility == "FAIL" {
            self.lock().reason = Some(reason(message).to_owned());
        }
    }

    fn error(&self, error: KafkaError, message: &str) {
        debug!(%error, "{message}");
        self.note(&error);
    }
}

impl ConsumerContext for Context {}

/// The message without the thread in front of it and the state behind it.
fn reason(message: &str) -> &str {
    let message = match message.split_once("]: ") {
        Some((thread, rest)) if thread.starts_with("[thrd:") => rest,
        _ => message,
    };
    message.rsplit_once(" (after ").map_or(message, |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_what_a_person_needs() {
        let said = "[thrd:127.0.0.1:9/bootstrap]: 127.0.0.1:9/bootstrap: Connect to \
                    ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)";
        let expected =
            "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused";
        assert_eq!(reason(said), expected);
        assert_eq!(reason("plain"), "plain");
    }

    #[test]
    fn the_cause_outlives_its_consequence() {
        let context = Context::default();
        context.note(&KafkaError::Global(RDKafkaErrorCode::SSL));
        context.note(&KafkaError::Global(RDKafkaErrorCode::AllBrokersDown));
        assert_eq!(context.trouble().code, Some(RDKafkaErrorCode::SSL));
        context.recovered();
        assert_eq!(context.trouble().code, None);
    }
}
