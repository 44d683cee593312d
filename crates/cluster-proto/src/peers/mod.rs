//! The other Fanfare nodes: who is there, and what was lost between them and us.
//!
//! Redis tells nobody what it did not deliver. So each Fanfare node says now and then how much it has sent
//! ([`Heartbeat`]), on a channel that Node servers do not listen to ([`channel`]), and each other one compares
//! ([`Peers`]).

mod counter;
mod event;
mod heartbeat;
mod me;
mod peer;
mod resets;
mod table;

pub use event::{Event, Gone};
pub use heartbeat::{Heartbeat, HeartbeatError, channel};
pub use table::{OnGap, PeerView, Peers, PeersConfig};
