//! The bytes of both sides: just enough WebSocket, HTTP, Socket.IO and Redis to load a server and to be the floor.
//!
//! None of it is shared with Fanfare's own crates: an instrument that measures a codec with the same codec would
//! not notice when both are wrong.

pub(crate) mod classic;
pub(crate) mod event;
pub(crate) mod frame;
pub(crate) mod http;
pub(crate) mod resp;
pub(crate) mod scanner;
