//! What everyone who asks the hub for something touches: the hub itself, commands, mailboxes, and who is held back.

mod allowance;
mod charged;
mod command;
mod congestion;
mod gather;
mod hub;
mod mailbox;
mod op;
mod owner;
mod receipt;

pub use allowance::Allowance;
pub use charged::Charged;
pub use command::Command;
pub use congestion::Waiter;
pub use hub::Hub;
pub use mailbox::{Mailbox, MailboxConfig};
pub use op::{Connect, Emit, Expel, FetchRooms, FetchSockets, Find, Greeted, Move, Op, RoomsBound, SocketInfo, Tell};
pub use owner::{Direction, Expulsion, Owner};
pub use receipt::{Outcome, Receipt};

pub(crate) use allowance::Charge;
pub(crate) use op::{Found, Message};
pub(crate) use receipt::Tally;
