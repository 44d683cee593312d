use std::net::SocketAddr;
use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;

use crate::support::{self, Ws, next, send};

/// A client on WebSocket that speaks Socket.IO as the test writes it, in Engine.IO packets.
pub(crate) struct Client {
    pub(crate) ws: Ws,
}

impl Client {
    /// A connection that is in no namespace yet.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let mut ws = support::connect(address, TARGET).await;
        assert!(support::text(&mut ws).await.starts_with("0{"));
        Self { ws }
    }

    /// A connection in `/`, and its socket's id.
    pub(crate) async fn join(address: SocketAddr) -> (Self, String) {
        let mut client = Self::open(address).await;
        let id = client.connect("/").await;
        (client, id)
    }

    /// Joins a namespace and gives the new socket's id.
    pub(crate) async fn connect(&mut self, namespace: &str) -> String {
        let namespace = if namespace == "/" { String::new() } else { format!("{namespace},") };
        self.send(&format!("40{namespace}")).await;
        let greeting = self.text().await;
        let id =
            greeting.strip_prefix(&format!(r#"40{namespace}{{"sid":""#)).and_then(|rest| rest.strip_suffix(r#""}"#));
        id.unwrap_or_else(|| panic!("no greeting but {greeting}")).to_owned()
    }

    pub(crate) async fn send(&mut self, packet: &str) {
        send(&mut self.ws, packet).await;
    }

    pub(crate) async fn send_binary(&mut self, data: &[u8]) {
        send(&mut self.ws, data.to_vec()).await;
    }

    /// The next packet that is not part of the heartbeat, which is kept up.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match support::text(&mut self.ws).await {
                ping if ping == "2" => self.send("3").await,
                text => return text,
            }
        }
    }

    pub(crate) async fn binary(&mut self) -> Vec<u8> {
        match next(&mut self.ws).await {
            Some(Message::Binary(data)) => data.to_vec(),
            other => panic!("no attachment but {other:?}"),
        }
    }

    /// Whether nothing comes but the end of the connection.
    pub(crate) async fn is_ended(&mut self) -> bool {
        support::is_ended(&mut self.ws).await
    }

    /// That nothing was sent to it up to now: whatever had been would come before the answer.
    pub(crate) async fn has_got_nothing(&mut self) {
        self.send(r#"4299["echo","nothing before this"]"#).await;
        assert_eq!(self.text().await, r#"4399["nothing before this"]"#);
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        self.ws.get_ref().set_zero_linger().unwrap();
    }
}

pub(crate) const PATH: &str = "/socket.io/";
pub(crate) const TARGET: &str = "/socket.io/?EIO=4&transport=websocket";
/// For what answers soon.
pub(crate) const SOON: Duration = Duration::from_secs(10);
