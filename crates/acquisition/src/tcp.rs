//! Senders that connect and send lines: what `nc`, vector and fluent-bit speak.

use pulso_pipeline::Clock;
use pulso_runtime::config::Listening;

use crate::Error;
use crate::follow::{Follow, Outlet, Positions};
use crate::senders::{self, Framing};

/// Each line of a connection is a message.
const LINES: Framing = Framing { counted: false, content: |line| line };

/// Follows what is sent to an address.
#[derive(Clone, Debug)]
pub(crate) struct FollowTcp(pub(crate) Listening);

impl Follow for FollowTcp {
    async fn follow<C: Clock, L: Positions>(
        self,
        outlet: Outlet<C, L>,
    ) -> Result<(), Error<L::Error>> {
        senders::follow(&self.0, LINES, outlet).await
    }
}
