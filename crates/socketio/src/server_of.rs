//! From a socket back to its server.

use crate::namespace::ConnectRequest;
use crate::reach::Reach;
use crate::server::{Core, Server};
use crate::socket::Socket;

impl Socket {
    /// The server it is a socket of: for a handler that does more than to emit. `None` once the server is gone.
    ///
    /// A socket does not keep its server, so a namespace may keep sockets.
    pub fn server(&self) -> Option<Server> {
        server_of(self.reach())
    }
}

impl ConnectRequest {
    /// The server that is asked.
    pub fn server(&self) -> Option<Server> {
        server_of(&self.reach)
    }
}

fn server_of(reach: &Reach) -> Option<Server> {
    reach.server::<Core>().map(Server::from_core)
}
