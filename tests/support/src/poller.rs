use std::net::SocketAddr;

use crate::{Answer, Http};

/// A client that polls: one connection for polls, one for posts.
pub struct Poller {
    /// Where it is connected to.
    pub address: SocketAddr,
    path: String,
    /// The session's id.
    pub sid: String,
    /// The open packet, and whatever came with it.
    pub opening: String,
    /// The connection that polls.
    pub polls: Http,
    /// The connection that posts.
    pub posts: Http,
}

impl Poller {
    /// Opens a session under `path`.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        let mut polls = Http::connect(address).await;
        let answer = polls.get(&format!("{path}?EIO=4&transport=polling")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let opening = answer.text().to_owned();
        let sid = opening.strip_prefix(r#"0{"sid":""#).and_then(|rest| rest.get(..20)).expect("an open packet");
        let (sid, posts) = (sid.to_owned(), Http::connect(address).await);
        Self { address, path: path.to_owned(), sid, opening, polls, posts }
    }

    /// What it polls and posts to.
    pub fn target(&self) -> String {
        format!("{}?EIO=4&transport=polling&sid={}", self.path, self.sid)
    }

    /// Where its candidate for an upgrade goes.
    pub fn websocket_target(&self) -> String {
        format!("{}?EIO=4&transport=websocket&sid={}", self.path, self.sid)
    }

    /// The payload of the next poll.
    pub async fn poll(&mut self) -> String {
        let answer = self.poll_answer().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text().to_owned()
    }

    /// The next poll's answer, whatever it says.
    pub async fn poll_answer(&mut self) -> Answer {
        self.polls.get(&self.target()).await
    }

    /// Starts a poll without waiting for its answer.
    pub async fn begin_poll(&mut self) {
        self.polls.send("GET", &self.target(), &[], b"").await;
    }

    /// Posts a payload; the answer, whatever it says.
    pub async fn post(&mut self, payload: &str) -> Answer {
        self.posts.request("POST", &self.target(), &[], payload.as_bytes()).await
    }
}
