//! A server inside another one: what that one has to say of its requests.

use std::net::SocketAddr;
use std::ops::Deref;

use engineio::PeerSource;

use crate::server::ServerBuilder;

impl ServerBuilder {
    /// Says in which request extension the address of a connection's other end stands, where it is not [`PeerAddr`]:
    /// any that is a pointer to it, such as axum's `ConnectInfo<SocketAddr>`. A handshake without either is answered 500, and
    /// the log tells why.
    ///
    /// ```no_run
    /// use std::net::SocketAddr;
    ///
    /// use axum::Router;
    /// use axum::extract::ConnectInfo;
    /// use fanfare_socketio::{Server, ServerConfig};
    ///
    /// # async fn run() -> std::io::Result<()> {
    /// let server = Server::builder(ServerConfig::default()).peer_addr_in::<ConnectInfo<SocketAddr>>().build();
    /// let app = Router::new().route_service("/socket.io/", server);
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
    /// # }
    /// ```
    ///
    /// Behind a proxy the other end is the proxy. Who the client is, is for the proxy to say, if it is trusted; then
    /// [`Handshake::address`](crate::Handshake::address) is the client, [`Handshake::peer`](crate::Handshake::peer) the proxy:
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use http::Request;
    /// use fanfare_socketio::{PeerAddr, Server, ServerConfig, Verdict};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut config = ServerConfig::default();
    /// // It must write `X-Forwarded-For` itself, or add to it, and pass on no `Forwarded`.
    /// config.engine.trusted_proxies = ["10.0.0.0/8".parse()?].into_iter().collect();
    /// let server = Server::builder(config)
    ///     .on_handshake(|handshake| match handshake.address {
    ///         Some(client) if client.to_string() == "203.0.113.9" => Verdict::accept(),
    ///         _ => Verdict::forbid("not from here"),
    ///     })
    ///     .build();
    ///
    /// // What serves HTTP does this for each request: axum by the line above, `fanfare_socketio::serve` by itself.
    /// let asked = |peer: SocketAddr| {
    ///     let request = Request::get("/socket.io/?EIO=4&transport=polling").extension(PeerAddr(peer));
    ///     request.header("x-forwarded-for", "203.0.113.9").body(String::new())
    /// };
    /// assert_eq!(server.call(asked("10.1.2.3:5000".parse()?)?).await.status(), 200);
    /// // From elsewhere that header is anybody's word.
    /// assert_eq!(server.call(asked("198.51.100.7:5000".parse()?)?).await.status(), 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`PeerAddr`]: crate::PeerAddr
    #[must_use]
    pub fn peer_addr_in<T: Deref<Target = SocketAddr> + Send + Sync + 'static>(mut self) -> Self {
        self.peer_source = PeerSource::extension::<T>();
        self
    }

    /// Serves also those of whom nobody says the address ([`PeerSource::Anywhere`]): in a test without a network, or on a
    /// Unix socket that another library accepts on. [`Handshake::peer`](crate::Handshake::peer) is `None` then.
    #[must_use]
    pub fn without_peer_addr(mut self) -> Self {
        self.peer_source = PeerSource::Anywhere;
        self
    }
}
