//! `fanfare health`: is a running relay well? For images that have no shell and no `curl`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use crate::config::{Address, Loaded, Problem};
use crate::print::{Stream, print};
use crate::question::{Question, first_line};

/// Asks at `url`, or else where the configuration has the relay listen: status 0 if the answer is 200, else 1. It has no
/// other status, since those who run it (Docker) know no other.
pub(crate) fn health(url: Option<&str>, load: impl FnOnce() -> Result<Loaded, Vec<Problem>>) -> ExitCode {
    let outcome = url.map_or_else(|| configured(load), |url| Question::new(url, PATH)).and_then(asked);
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

fn configured(load: impl FnOnce() -> Result<Loaded, Vec<Problem>>) -> Result<Question, String> {
    let problem =
        |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nfanfare: ");
    let config = load().map_err(problem)?.config;
    let tcp = |address: &Address| match address {
        Address::Tcp(address) => Some(*address),
        Address::Unix(_) | Address::Systemd(_) => None,
    };
    // Operators' own first: it speaks no TLS.
    let of_clients = config.listen.iter().filter_map(tcp).filter(|_| config.tls.is_none());
    let mut addresses = config.ops.listen.iter().copied().chain(of_clients);
    let address = addresses.next().ok_or("no address is configured by its number and without TLS: set ops.listen")?;
    if address.port() == 0 {
        return Err("the port is the system's choice: say the URL".to_owned());
    }
    Question::new(&format!("http://{}", reachable(address)), PATH)
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

fn asked(question: Question) -> Result<String, String> {
    let at = question.to_string();
    match question.ask()? {
        (200, said) => Ok(first_line(&said)),
        (status, said) => Err(format!("{at}: {status}: {}", first_line(&said))),
    }
}

const PATH: &str = "/healthz";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_reached_by_loopback() {
        for (listen, asked) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("192.0.2.1:80", "192.0.2.1:80")]
        {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
