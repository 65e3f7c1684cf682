//! Lets one reader at a time write the views of the speed layer, while the others stand by.
//!
//! Windows run over all partitions, so readers cannot divide the partitions among themselves: one
//! instance reads all of them. Kafka itself decides which, so that there are never two: all
//! instances join one consumer group and subscribe to a topic with a single partition, the lease.
//! The member that is assigned this partition reads. With the cooperative protocol, a member that
//! joins takes nothing away from the reader. When the reader leaves, or stays silent for the
//! session timeout, another member is assigned the lease, loads the checkpoint and continues from
//! there.
//!
//! The lease topic stays empty, and a separate consumer reads the messages. So the group never
//! disturbs the reading, and reading by own offsets never disturbs the group.
//!
//! A reader that stands still for longer than the session (a stopped process, a machine that swaps)
//! may have a successor by the time it continues. It checks the clock before it reads on and before
//! each write, and its checkpoints are refused, so it can at most finish the one request during
//! which it stood still. That request writes what its successor has written or will write, as long
//! as `window.allowed_lateness` is 0: then a pane or window is shown only once, and every reader
//! shows it with the same counts.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use crate::blocking::{self, GRACE};
use crate::connection::Connection;
use crate::context::Context;
use crate::error::{Cause, Error, Fault};
use crate::renewal;
use crate::topics::partitions;

/// How often the group is served, and so how late the thread notices that it should end.
const POLL_WAIT: Duration = Duration::from_millis(100);

/// How often a standby checks whether the brokers are there at all.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// How long a reader that leaves waits until the group knows.
const LEAVE_MAX: Duration = Duration::from_secs(5);

/// How often it checks.
const LEAVE_LOOK: Duration = Duration::from_millis(5);

/// How readers agree on who reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseOptions {
    /// The topic with a single partition.
    pub topic: String,
    /// The consumer group of all readers that keep the same views.
    pub group: String,
    /// How long the reader may stay silent before another one takes over. Brokers allow 6 s to 30
    /// min by default.
    pub session_timeout: Duration,
}

impl LeaseOptions {
    pub fn new(topic: &str, group: &str) -> Self {
        let session_timeout = Duration::from_secs(10);
        Self { topic: topic.into(), group: group.into(), session_timeout }
    }
}

/// A membership in the group. Dropping it leaves the group, so that another reader continues at
/// once.
pub struct Lease {
    connection: Connection,
    options: LeaseOptions,
    consumer: Arc<BaseConsumer<Members>>,
    state: watch::Receiver<State>,
    /// When the thread last served the group.
    served: Arc<Mutex<Instant>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Another member reads, or the assignment is still undecided.
    Waiting,
    Held,
    /// The group refuses this member.
    Refused(Fault),
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        formatter
            .debug_struct("Lease")
            .field("options", &self.options)
            .field("state", &*state)
            .finish()
    }
}

impl Lease {
    /// Joins the group, on a thread of its own.
    ///
    /// # Errors
    /// When a setting or a file that it names is wrong.
    pub fn join(connection: &Connection, options: LeaseOptions) -> Result<Self, Error> {
        let context = Context::default();
        let configured =
            |error: KafkaError| Error::Configure { source: Fault::new(&error, &context) };
        let mut config = connection.config();
        config
            .set("group.id", &options.group)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", options.session_timeout.as_millis().to_string())
            .set("heartbeat.interval.ms", (options.session_timeout / 4).as_millis().to_string())
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "latest");
        let (sender, state) = watch::channel(State::Waiting);
        let members = Members { context: context.clone(), state: sender };
        let consumer: BaseConsumer<Members> =
            config.create_with_context(members).map_err(configured)?;
        consumer.subscribe(&[&options.topic]).map_err(configured)?;
        let consumer = Arc::new(consumer);
        let (served, stop) =
            (Arc::new(Mutex::new(Instant::now())), Arc::new(AtomicBool::new(false)));
        let server = Server {
            consumer: Arc::clone(&consumer),
            options: options.clone(),
            served: Arc::clone(&served),
            stop: Arc::clone(&stop),
        };
        let builder = std::thread::Builder::new().name("kafka-lease".into());
        let thread =
            builder.spawn(move || server.run()).map_err(|source| Error::Thread { source })?;
        let connection = connection.clone();
        Ok(Self { connection, options, consumer, state, served, stop, thread })
    }

    /// Waits until this member may read.
    ///
    /// # Errors
    /// When the brokers do not answer, or refuse this member.
    pub async fn acquire(&mut self) -> Result<(), Error> {
        let acquired = self.wait().await;
        let cause = acquired.as_ref().err().and_then(Error::cause);
        renewal::after(cause, "member", || {
            let joined = Self::join(&self.connection, self.options.clone())?;
            Ok(std::mem::replace(self, joined))
        });
        acquired
    }

    async fn wait(&mut self) -> Result<(), Error> {
        self.look().await?;
        let mut told = false;
        loop {
            let decided = self.state.wait_for(|state| *state != State::Waiting);
            let decided = timeout(LOOK_INTERVAL, decided).await;
            let decided = decided.map(|state| state.map(|state| state.clone()));
            let still = self.still();
            match decided {
                // What it heard before says nothing; it may go on yet.
                _ if still >= self.options.session_timeout => sleep(LOOK_INTERVAL).await,
                Ok(Ok(State::Refused(source))) => {
                    return Err(Error::Acquire { topic: self.options.topic.clone(), source });
                }
                Ok(Ok(_)) => {
                    info!(group = self.options.group, "this instance reads now");
                    return Ok(());
                }
                Ok(Err(_)) => return Err(Error::Stopping),
                Err(_) => {}
            }
            if still >= self.options.session_timeout + GRACE {
                return Err(Error::Stalled { waited: still });
            }
            self.look().await?;
            if !told {
                info!(group = self.options.group, "another instance reads; standing by");
                told = true;
            }
        }
    }

    /// Returns an error unless this member may read. A member that stood still for so long that
    /// another may have taken over must not read either, even if nobody has told it yet.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let still = self.still();
        if *self.state.borrow() == State::Held && still < self.options.session_timeout {
            return Ok(());
        }
        Err(Error::LeaseLost { topic: self.options.topic.clone() })
    }

    /// How long ago the group was last served.
    fn still(&self) -> Duration {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Checks that the topic exists and has one partition: two would let two members read.
    async fn look(&self) -> Result<(), Error> {
        let (consumer, connection) = (Arc::clone(&self.consumer), self.connection.clone());
        let topic = self.options.topic.clone();
        let job = move || {
            let context = &consumer.context().context;
            partitions(consumer.client(), context, &connection, &topic, || {})
        };
        match blocking::run(self.connection.timeout, job).await? {
            1 => Ok(()),
            stored => {
                let (topic, key) = (self.options.topic.clone(), "kafka.topic_prefix");
                Err(Error::Partitions { topic, stored, requested: 1, key })
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Waits until the group knows, a moment: otherwise a program that ends leaves the others to
        // wait for the session timeout.
        let until = Instant::now() + LEAVE_MAX;
        while !self.thread.is_finished() && Instant::now() < until {
            std::thread::sleep(LEAVE_LOOK);
        }
    }
}

/// Serves the group.
struct Server {
    consumer: Arc<BaseConsumer<Members>>,
    options: LeaseOptions,
    served: Arc<Mutex<Instant>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    fn run(self) {
        let members = Arc::clone(self.consumer.context());
        while !self.stop.load(Ordering::SeqCst) {
            if let Some(Err(error)) = self.consumer.poll(POLL_WAIT) {
                members.judge(&error);
            }
            // The lock is held until the state says so, too: nobody may read in between.
            let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
            let still = served.elapsed();
            if still >= self.options.session_timeout {
                self.join_again(still);
            }
            *served = Instant::now();
        }
        self.consumer.unsubscribe();
    }

    /// Joins the group again. After such a long standstill the membership is probably over.
    fn join_again(&self, still: Duration) {
        warn!(?still, "stood still for too long; another instance may read now");
        let members = self.consumer.context();
        members.state.send_replace(State::Waiting);
        self.consumer.unsubscribe();
        if let Err(error) = self.consumer.subscribe(&[&self.options.topic]) {
            members.judge(&error);
        }
    }
}

/// Receives the assignments of the lease.
struct Members {
    context: Context,
    state: watch::Sender<State>,
}

impl Members {
    fn judge(&self, error: &KafkaError) {
        self.context.note(error);
        let fault = Fault::new(error, &self.context);
        match fault.cause {
            // It passes, or shows when the brokers are asked.
            Cause::Unreachable
            | Cause::Passing
            | Cause::MissingTopic
            | Cause::Stalled
            | Cause::Other => {
                debug!(%fault, "taking part");
            }
            _ => {
                self.state.send_replace(State::Refused(fault));
            }
        }
    }
}

impl ClientContext for Members {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, message: &str) {
        self.context.error(error, message);
    }
}

impl ConsumerContext for Members {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) if list.count() > 0 => {
                self.state.send_replace(State::Held);
            }
            Rebalance::Revoke(list) if list.count() > 0 => {
                info!("another instance may read now");
                self.state.send_replace(State::Waiting);
            }
            // A member joins or leaves that does not concern this one.
            Rebalance::Assign(_) | Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => {
                self.state.send_replace(State::Waiting);
                self.judge(error);
            }
        }
    }
}
