//! What everyone who asks the hub for something touches: the hub itself and the mailboxes of its lanes.

mod congestion;
mod hub;
mod mailbox;
mod op;

pub use congestion::Waiter;
pub use hub::Hub;
pub use mailbox::{Mailbox, MailboxConfig};
pub use op::{Connect, Emit, Expel, FetchRooms, FetchSockets, Move, Op, SocketInfo};

pub(crate) use op::Direction;
