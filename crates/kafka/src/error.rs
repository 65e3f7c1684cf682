//! Errors by operation, their true cause, whether to retry, and what a person can do.

use std::fmt;
use std::time::Duration;

use pulso_pipeline::{AdapterError, ErrorKind, Retry};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::context::{Context, Trouble};

/// What failed, where.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting, or a file that it names, is wrong; nothing has been sent.
    #[error("failed to set up a client of Kafka")]
    Configure { source: Fault },
    #[error("failed to ask Kafka at `{brokers}` for topic `{topic}`")]
    Ask { brokers: String, topic: String, source: Fault },
    #[error("topic `{topic}` does not exist")]
    MissingTopic { topic: String },
    /// The topic has the wrong number of partitions. `key` is the setting that determines it.
    #[error("topic `{topic}` has {stored} partitions, not {requested}")]
    Partitions { topic: String, stored: u32, requested: u32, key: &'static str },
    /// A setting of the topic would cause messages to be lost or refused.
    #[error("topic `{topic}` has `{key}` = {found}, but needs {needed}")]
    TopicSetting { topic: String, key: &'static str, found: String, needed: String },
    #[error("failed to create topic `{topic}`")]
    CreateTopic { topic: String, source: Fault },
    #[error("failed to change the retention of topic `{topic}`")]
    SetRetention { topic: String, source: Fault },
    #[error("failed to delete messages of topic `{topic}`")]
    Cut { topic: String, source: Fault },
    #[error("failed to write {count} messages to topic `{topic}`")]
    Write { topic: String, count: usize, source: Fault },
    #[error("failed to read topic `{topic}`")]
    Read { topic: String, source: Fault },
    #[error("{given} offsets were given for the {partitions} partitions of topic `{topic}`")]
    Seek { topic: String, given: u32, partitions: u32 },
    /// Messages that this reader had not read are gone.
    #[error(
        "topic `{topic}` no longer has the messages {next_offset} to {found} of partition {partition}, which were not read yet"
    )]
    Lost { topic: String, partition: u32, next_offset: u64, found: u64 },
    #[error("failed to take part in who may read, in topic `{topic}`")]
    Acquire { topic: String, source: Fault },
    /// Another instance may be reading by now.
    #[error("another instance may read now, as topic `{topic}` says")]
    LeaseLost { topic: String },
    #[error("failed to read a dead letter's document `{id}`")]
    Document { id: String, source: serde_json::Error },
    #[error("failed to start a thread")]
    Thread { source: std::io::Error },
    /// Kafka's client is stuck, and only a new one can continue.
    #[error("Kafka's client has been silent for {waited:?}, longer than it may take for anything")]
    Stalled { waited: Duration },
    /// The runtime was shutting down.
    #[error("the program is stopping")]
    Stopping,
}

/// The kind of fault, by what has to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No broker answers, or none answers in time.
    Unreachable,
    /// The two sides do not trust each other's certificates, or one does not speak TLS.
    Tls,
    /// The user name or the password is wrong.
    Authentication,
    /// The user may not do this.
    Authorization,
    MissingTopic,
    /// A message is larger than the topic accepts.
    TooLarge,
    /// The brokers are too old.
    Unsupported,
    /// A setting, or a file that it names.
    Settings,
    /// A temporary condition, such as too few replicas in sync or an election under way.
    Passing,
    /// The client is stuck.
    Stalled,
    Other,
}

impl Cause {
    /// Whether a new client may do better. This one may never again ask who the brokers are. If it
    /// asked while all of them were given up, it may also remember for a quarter of an hour that a
    /// topic has none.
    pub(crate) fn asks_for_new_client(self) -> bool {
        matches!(self, Self::Unreachable | Self::MissingTopic)
    }
}

/// A fault that Kafka's client reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub cause: Cause,
    message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// The fault behind an error, with what the client has said about it.
    pub(crate) fn new(error: &KafkaError, context: &Context) -> Self {
        match error {
            KafkaError::ClientCreation(message) => Self::settings(message.clone()),
            // Without the value, which may be a secret.
            KafkaError::ClientConfig(_, message, key, _) => {
                Self::settings(format!("`{key}`: {message}"))
            }
            error => match error.rdkafka_error_code() {
                Some(code) => Self::of_code(code, context),
                None => Self { cause: Cause::Other, message: error.to_string() },
            },
        }
    }

    pub(crate) fn of_code(code: Code, context: &Context) -> Self {
        let Trouble { code: noted, reason, .. } = context.trouble();
        // A request that was never answered says nothing of why; the connection's trouble does, but not
        // one that has passed.
        let noted = noted.filter(|noted| cause(*noted) != Cause::Passing);
        let (code, reason) = match cause(code) {
            Cause::Unreachable => (noted.unwrap_or(code), reason),
            _ => (code, None),
        };
        // An alert that comes after the handshake, as when a client certificate is wanted, is told as
        // a lost connection.
        let alert = reason.as_ref().is_some_and(|reason| reason.contains("SSL routines"));
        let cause = if alert { Cause::Tls } else { cause(code) };
        Self { cause, message: reason.unwrap_or_else(|| code.to_string()) }
    }

    pub(crate) fn stalled(waited: Duration) -> Self {
        Self { cause: Cause::Stalled, message: format!("no report came for {waited:?}") }
    }

    fn settings(message: String) -> Self {
        Self { cause: Cause::Settings, message }
    }
}

fn cause(code: Code) -> Cause {
    match code {
        Code::SSL => Cause::Tls,
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState => Cause::Authentication,
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => Cause::Authorization,
        Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownTopicId
        | Code::UnknownPartition => Cause::MissingTopic,
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => Cause::TooLarge,
        Code::UnsupportedFeature | Code::UnsupportedVersion | Code::UnsupportedForMessageFormat => {
            Cause::Unsupported
        }
        Code::InvalidReplicationFactor
        | Code::InvalidConfig
        | Code::InvalidPartitions
        | Code::PolicyViolation
        | Code::InvalidSessionTimeout
        | Code::InconsistentGroupProtocol => Cause::Settings,
        Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::MessageTimedOut
        | Code::TimedOutQueue
        | Code::OperationTimedOut
        | Code::RequestTimedOut
        | Code::BrokerNotAvailable
        | Code::BrokerDestroy
        | Code::NetworkException
        | Code::LeaderNotAvailable
        | Code::WaitCache
        | Code::WaitingForCoordinator
        | Code::CoordinatorNotAvailable
        | Code::RebootstrapRequired => Cause::Unreachable,
        // A broker has left the cluster with a request on its way; the others go on.
        Code::DestroyBroker
        | Code::UnknownBroker
        | Code::NotLeaderForPartition
        | Code::ReplicaNotAvailable
        | Code::ListenerNotFound
        | Code::EligibleLeadersNotAvailable
        | Code::FencedLeaderEpoch
        | Code::UnknownLeaderEpoch
        | Code::OffsetNotAvailable
        | Code::NotEnoughReplicas
        | Code::NotEnoughReplicasAfterAppend
        | Code::NotController
        | Code::NotCoordinator
        | Code::CoordinatorLoadInProgress
        | Code::RebalanceInProgress
        | Code::ThrottlingQuotaExceeded
        | Code::UnstableOffsetCommit
        | Code::UnknownMemberId
        | Code::IllegalGeneration
        | Code::KafkaStorageError
        | Code::Retry
        | Code::QueueFull
        | Code::OutOfOrderSequenceNumber
        | Code::InvalidProducerEpoch
        | Code::PurgeQueue
        | Code::PurgeInflight => Cause::Passing,
        _ => Cause::Other,
    }
}

impl Error {
    /// The kind of fault, if Kafka has reported one.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Stalled { .. } => Some(Cause::Stalled),
            _ => self.fault().map(|fault| fault.cause),
        }
    }

    fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Configure { source }
            | Self::Ask { source, .. }
            | Self::CreateTopic { source, .. }
            | Self::SetRetention { source, .. }
            | Self::Cut { source, .. }
            | Self::Write { source, .. }
            | Self::Read { source, .. }
            | Self::Acquire { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl AdapterError for Error {
    fn retry(&self) -> Retry {
        match self {
            Self::LeaseLost { .. } => Retry::Backoff,
            // What an operator or a broker's restart mends: the program that waits loses nothing,
            // one that ends loses what comes in meanwhile.
            _ => match self.cause() {
                Some(
                    Cause::Unreachable
                    | Cause::Tls
                    | Cause::Authentication
                    | Cause::Authorization
                    | Cause::MissingTopic
                    | Cause::Passing,
                ) => Retry::Backoff,
                _ => Retry::No,
            },
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::MissingTopic { topic } => Some(format!(
                "create `{topic}` with the set-up command, or set `kafka.topic_prefix` to what the topics have"
            )),
            Self::Partitions { stored, key: "log.partitions", .. } => Some(format!(
                "the number is fixed when a topic is made: set `log.partitions = {stored}`, or have \
                 other topics made with another `kafka.topic_prefix`"
            )),
            Self::Partitions { requested, key, .. } => Some(format!(
                "make it with {requested} partition, or have another one made with another `{key}`"
            )),
            Self::TopicSetting { topic, key, needed, .. } => {
                Some(format!("set `{key}` of topic `{topic}` to {needed}, with Kafka's own tools"))
            }
            Self::Lost { .. } => Some(
                "raise `kafka.retention`, so that readers that stand still for a while find what \
                 they have not read; what is gone can only be received again"
                    .into(),
            ),
            Self::Cut { source, .. } if source.cause == Cause::Authorization => {
                Some("give the user in `kafka.username` the right to delete in this topic".into())
            }
            _ => self.cause().and_then(advice).map(str::to_owned),
        }
    }
}

fn advice(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::Unreachable => Some(
            "look whether the brokers run, and whether `kafka.brokers` names them as this machine \
             reaches them; brokers that want TLS or a login need `kafka.tls` or \
             `kafka.sasl_mechanism`",
        ),
        Cause::Tls => Some(
            "look at `kafka.tls`, `kafka.certificate_authority`, and whether the brokers' \
             certificate is still valid and names the hosts in `kafka.brokers`; brokers that ask \
             for a certificate need `kafka.certificate` and `kafka.key`",
        ),
        Cause::Authentication => Some(
            "look at `kafka.sasl_mechanism`, `kafka.username` and `kafka.password` (or \
             `kafka.password_file`)",
        ),
        Cause::Authorization => Some(
            "give the user in `kafka.username` the right to describe, read and write the topics \
             and the group in `kafka`",
        ),
        Cause::MissingTopic => {
            Some("create the topics with the set-up command, or name the right ones in `kafka`")
        }
        Cause::TooLarge => {
            Some("raise `max.message.bytes` of the topic, or lower `acquisition.message_bytes_max`")
        }
        Cause::Unsupported => Some("the brokers must be of Kafka 2.1 or later"),
        Cause::Settings => Some("look at the settings in `kafka`, and at the files that they name"),
        Cause::Stalled => Some(
            "start the program again, as a supervisor does; a client waits for hours when the \
             machine's clock is set back by as much",
        ),
        Cause::Passing | Cause::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_waited_for() {
        // A cluster of several brokers says these when one leaves, comes back, or is busy.
        for code in [
            Code::DestroyBroker,
            Code::UnknownBroker,
            Code::RebootstrapRequired,
            Code::WaitingForCoordinator,
            Code::ReplicaNotAvailable,
            Code::ListenerNotFound,
            Code::EligibleLeadersNotAvailable,
            Code::ThrottlingQuotaExceeded,
            Code::UnstableOffsetCommit,
            Code::UnknownTopicId,
        ] {
            let source = Fault::of_code(code, &Context::default());
            let error = Error::Read { topic: "topic".into(), source };
            assert_eq!(error.retry(), Retry::Backoff, "{error}");
        }
    }

    #[test]
    fn what_has_passed_explains_no_silence() {
        let context = Context::default();
        context.note(&KafkaError::Global(Code::DestroyBroker));
        let fault = Fault::of_code(Code::OperationTimedOut, &context);
        assert_eq!(fault.cause, Cause::Unreachable, "{fault}");
    }
}
