//! Syslog as a source: RFC 5424 and RFC 3164, over TCP (RFC 6587), TLS (RFC 5425) and UDP (RFC 5426).
//!
//! A message of the log is what the sender had to say: the part MSG, such as a line of an access log. What stands in
//! front of it (priority, time, host, program, structured data) is not kept.

mod message;
mod udp;

use std::sync::Arc;

use pulso_pipeline::Clock;
use pulso_runtime::ExplainExt;
use pulso_runtime::config::SyslogTransport;

use crate::Error;
use crate::follow::{Follow, Outlet, Positions};
use crate::senders::{self, Framing, Intake};

/// The first byte of a message tells whether its length is in front of it.
const MESSAGES: Framing = Framing { counted: true, content: message::content };

/// Follows what is sent to an address.
#[derive(Clone, Debug)]
pub(crate) struct FollowSyslog(pub(crate) SyslogTransport);

impl Follow for FollowSyslog {
    async fn follow<C: Clock, L: Positions>(
        self,
        outlet: Outlet<C, L>,
    ) -> Result<(), Error<L::Error>> {
        let address = match self.0 {
            SyslogTransport::Tcp(listening) => {
                return senders::follow(&listening, MESSAGES, outlet).await;
            }
            SyslogTransport::Udp(address) => address,
        };
        let intake = Intake::new(outlet, MESSAGES);
        let failed = |source| Error::Listen { name: Arc::clone(intake.source()), source };
        let socket = udp::bind(address).map_err(failed)?;
        udp::receive(socket, &intake).await;
        Ok(())
    }
}

/// Has a look at whether senders could send.
///
/// # Errors
/// When the address cannot be had now, or the certificate or the key cannot be read.
pub(crate) async fn check(transport: &SyslogTransport) -> anyhow::Result<()> {
    match transport {
        SyslogTransport::Tcp(listening) => senders::check(listening).await,
        SyslogTransport::Udp(address) => udp::bind(*address).map(drop).explained(),
    }
}
