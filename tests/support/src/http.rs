use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// One kept-alive HTTP/1.1 connection, byte by byte.
pub struct Http {
    /// For a test that wants less, or more, than a request.
    pub stream: BufReader<TcpStream>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status of its first line.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// As long as `content-length` says; empty without it.
    pub body: Vec<u8>,
}

impl Http {
    /// A new connection.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// A GET without headers of its own, and its answer.
    pub async fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, &[], b"").await
    }

    /// A request and its answer.
    pub async fn request(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(method, target, headers, body).await;
        self.answer().await
    }

    /// A request, without waiting for its answer. A POST says how long it is.
    pub async fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: test\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if method == "POST" {
            head += &format!("content-length: {}\r\n", body.len());
        }
        self.write(head.as_bytes()).await;
        self.write(b"\r\n").await;
        self.write(body).await;
    }

    /// Bytes that need not be a request.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.unwrap();
    }

    /// The next answer's head, and its body unless it was a HEAD or became something else.
    pub async fn answer(&mut self) -> Answer {
        crate::within(self.try_answer()).await.expect("the connection ended before the answer")
    }

    /// The same; `None` if the connection ends before.
    pub async fn try_answer(&mut self) -> Option<Answer> {
        let status_line = self.line().await?;
        let status = status_line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body = vec![0; length];
        self.stream.read_exact(&mut answer.body).await.ok()?;
        Some(answer)
    }

    /// Waits until the server closes the connection, and gives what it still said.
    pub async fn end(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = crate::within(self.stream.read_to_end(&mut rest)).await;
        rest
    }

    /// Closes it in the rudest way there is.
    pub fn reset(self) {
        self.stream.into_inner().set_zero_linger().unwrap();
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await.ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }
}

impl Answer {
    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// Every header of that name, in lower case.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
