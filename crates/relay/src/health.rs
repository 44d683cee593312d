//! `fanfare health`: is a running relay well? For images that have no shell and no `curl`.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;

use crate::config::{Address, Loaded, Problem};
use crate::print::{Stream, print};

/// Asks at `url`, or else where the configuration has the relay listen: status 0 if the answer is 200, else 1. It has no
/// other status, since those who run it (Docker) know no other.
pub(crate) fn health(url: Option<&str>, load: impl FnOnce() -> Result<Loaded, Vec<Problem>>) -> ExitCode {
    let outcome = url.map_or_else(|| configured(load), parse).and_then(within_time);
    match outcome {
        Ok(said) => {
            print(Stream::Out, &[said]);
            ExitCode::SUCCESS
        }
        Err(why) => {
            print(Stream::Err, &[format!("fanfare: {why}")]);
            ExitCode::FAILURE
        }
    }
}

fn configured(load: impl FnOnce() -> Result<Loaded, Vec<Problem>>) -> Result<Uri, String> {
    let problem =
        |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nfanfare: ");
    let config = load().map_err(problem)?.config;
    let tcp = |address: &Address| match address {
        Address::Tcp(address) => Some(*address),
        Address::Unix(_) | Address::Systemd(_) => None,
    };
    // Operators' own first: it speaks no TLS.
    let mut addresses = config.ops.listen.iter().copied().chain(config.listen.iter().filter_map(tcp));
    let address = addresses.next().ok_or("no address is configured by its number: say the URL")?;
    if address.port() == 0 {
        return Err("the port is the system's choice: say the URL".to_owned());
    }
    parse(&format!("http://{}", reachable(address)))
}

/// `0.0.0.0` and `[::]` are every address, of which the machine reaches itself by loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        });
    }
    address
}

fn parse(url: &str) -> Result<Uri, String> {
    let wrong = || format!("expected a URL such as http://127.0.0.1:3000/healthz, found {url:?}");
    let mut parts = url.parse::<Uri>().map_err(|_| wrong())?.into_parts();
    if parts.scheme.as_ref().is_none_or(|scheme| scheme.as_str() != "http") || parts.authority.is_none() {
        return Err(wrong());
    }
    if parts.path_and_query.as_ref().is_none_or(|path| path == "/") {
        parts.path_and_query = Some(PathAndQuery::from_static("/healthz"));
    }
    Uri::from_parts(parts).map_err(|_| wrong())
}

/// On a thread of its own: neither looking up a name nor reading slowly takes longer, then.
fn within_time(url: Uri) -> Result<String, String> {
    let (answer, is_answered) = mpsc::channel();
    let at = url.to_string();
    let asking = thread::Builder::new().name("health".into()).spawn(move || answer.send(ask(&url)));
    asking.map_err(|error| error.to_string())?;
    match is_answered.recv_timeout(WAIT_MAX) {
        Ok(Ok((200, said))) => Ok(said),
        Ok(Ok((status, said))) => Err(format!("{at}: {status}: {said}")),
        Ok(Err(error)) => Err(format!("{at}: {error}")),
        Err(_) => Err(format!("{at}: no answer within {} s", WAIT_MAX.as_secs())),
    }
}

/// The status, and the first line of what was said.
fn ask(url: &Uri) -> io::Result<(u16, String)> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let mut stream = TcpStream::connect((host, url.port_u16().unwrap_or(80)))?;
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    understood(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::Error::other("that is no answer in HTTP"))
}

fn understood(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    Some((status, body.lines().next().unwrap_or_default().escape_debug().to_string()))
}

const WAIT_MAX: Duration = Duration::from_secs(2);

/// Enough for a head and a line.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_completed_or_refused() {
        for (url, asked) in [
            ("http://localhost:3000", "http://localhost:3000/healthz"),
            ("http://localhost:3000/", "http://localhost:3000/healthz"),
            ("http://[::1]:9300/readyz?x", "http://[::1]:9300/readyz?x"),
        ] {
            assert_eq!(parse(url).unwrap().to_string(), asked);
        }
        for url in ["https://localhost:3000", "localhost:3000", "/healthz", ""] {
            assert!(parse(url).unwrap_err().starts_with("expected a URL"), "{url}");
        }
    }

    #[test]
    fn every_address_is_reached_by_loopback() {
        for (listen, asked) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("192.0.2.1:80", "192.0.2.1:80")]
        {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }

    #[test]
    fn an_answer_is_its_status_and_its_first_line() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\nx: y\r\n\r\ndraining\x1b\nmore";
        assert_eq!(understood(answer), Some((503, "draining\\u{1b}".to_owned())));
        for other in ["", "HTTP/1.1 200 OK", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 20\r\n\r\n"] {
            assert_eq!(understood(other), None, "{other}");
        }
    }
}
