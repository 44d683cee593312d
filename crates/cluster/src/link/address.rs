//! Where Redis is, as its URLs say.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config_error::ConfigError;

/// Where all of it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    /// One server.
    One(Endpoint),
    /// Whichever is the master by now, as these say.
    Sentinel { sentinels: Vec<Endpoint>, service: String, access: Arc<Access> },
    /// Those that these belong to.
    Cluster(Vec<Endpoint>),
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) place: Place,
    pub(crate) is_tls: bool,
    pub(crate) access: Arc<Access>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// As whom to come.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Access {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl Topology {
    pub(crate) fn parse(urls: &[String]) -> Result<Self, ConfigError> {
        let parse = |(index, url): (usize, &String)| one(url).map_err(|what| ConfigError::Address { index, what });
        let mut all = urls.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
        if all.len() <= 1 {
            return all.pop().ok_or(ConfigError::NoAddress);
        }
        let seed = |(index, topology)| match topology {
            Self::One(endpoint) if matches!(endpoint.place, Place::Tcp { .. }) => Ok(endpoint),
            _ => {
                Err(ConfigError::Address { index, what: "several are a Redis Cluster, of redis:// or rediss:// each" })
            }
        };
        let seeds = all.into_iter().enumerate().map(seed).collect::<Result<Vec<Endpoint>, _>>()?;
        // Whichever answers says where the others are, and these are come to as to it.
        match seeds.iter().position(|endpoint| seeds.first().is_some_and(|first| first.is_tls != endpoint.is_tls)) {
            Some(index) => {
                Err(ConfigError::Address { index, what: "all of a Redis Cluster are rediss://, or none of them is" })
            }
            None => Ok(Self::Cluster(seeds)),
        }
    }

    /// Has sentinels ask who comes; without any, it is nobody's business.
    pub(crate) fn for_sentinels(mut self, access: Access) -> Self {
        if let Self::Sentinel { sentinels, .. } = &mut self {
            let access = Arc::new(access);
            sentinels.iter_mut().for_each(|sentinel| sentinel.access = Arc::clone(&access));
        }
        self
    }

    /// Whether a connection to it may be encrypted.
    pub(crate) fn has_tls(&self) -> bool {
        match self {
            Self::One(endpoint) => endpoint.is_tls,
            Self::Sentinel { sentinels: endpoints, .. } | Self::Cluster(endpoints) => {
                endpoints.iter().any(|endpoint| endpoint.is_tls)
            }
        }
    }
}

impl Endpoint {
    /// Another server of the same fleet.
    pub(crate) fn sibling(&self, host: &str, port: u16) -> Self {
        Self { place: Place::Tcp { host: host.to_owned(), port }, ..self.clone() }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Tcp { host, port } => write!(f, "{host}:{port}"),
            Place::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Never the password.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map(|_| "(secret)");
        f.debug_struct("Access").field("user", &self.user).field("password", &password).finish()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    One,
    Unix,
    Sentinel,
    Cluster,
}

fn one(url: &str) -> Result<Topology, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("it has no scheme, such as redis://")?;
    let (kind, is_tls, default_port) = match scheme {
        "redis" | "valkey" => (Kind::One, false, 6379),
        "rediss" | "valkeys" => (Kind::One, true, 6379),
        "unix" | "redis+unix" => (Kind::Unix, false, 0),
        "redis+sentinel" => (Kind::Sentinel, false, 26379),
        "rediss+sentinel" => (Kind::Sentinel, true, 26379),
        "redis+cluster" => (Kind::Cluster, false, 6379),
        "rediss+cluster" => (Kind::Cluster, true, 6379),
        _ => return Err("the scheme is none of redis, rediss, unix, and redis or rediss with +sentinel or +cluster"),
    };
    if rest.contains(['?', '#']) {
        return Err("there is nothing to be said behind a ? or #; as part of a password they are %3F and %23");
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let (access, hosts) = match authority.rsplit_once('@') {
        Some((access, hosts)) => (self::access(access)?, hosts),
        None => (Access::default(), authority),
    };
    let access = Arc::new(access);
    if kind == Kind::Unix {
        return unix(hosts, path, access);
    }
    let endpoint =
        |host: &str| Ok(Endpoint { place: host_and_port(host, default_port)?, is_tls, access: Arc::clone(&access) });
    let mut endpoints = hosts.split(',').map(endpoint).collect::<Result<Vec<_>, &'static str>>()?;
    let path = path.strip_prefix('/').unwrap_or(path);
    match kind {
        Kind::Sentinel => sentinel(endpoints, path, access),
        _ if !path.bytes().all(|byte| byte.is_ascii_digit()) => Err("what follows the / is no number of a database"),
        Kind::Cluster => Ok(Topology::Cluster(endpoints)),
        _ if endpoints.len() > 1 => Err("several hosts are for +sentinel and +cluster"),
        _ => endpoints.pop().map(Topology::One).ok_or("it names no host"),
    }
}

fn unix(hosts: &str, path: &str, access: Arc<Access>) -> Result<Topology, &'static str> {
    if !hosts.is_empty() || path.len() < 2 {
        return Err("a socket is written unix:///path/to/it");
    }
    let place = Place::Unix(PathBuf::from(decoded(path)?));
    Ok(Topology::One(Endpoint { place, is_tls: false, access }))
}

/// The password is the master's; that of sentinels is said elsewhere, since every client library has it so.
fn sentinel(mut endpoints: Vec<Endpoint>, path: &str, access: Arc<Access>) -> Result<Topology, &'static str> {
    let service = decoded(path.split_once('/').map_or(path, |(service, _)| service))?;
    if service.is_empty() {
        return Err("behind the / stands what the sentinels call the master");
    }
    endpoints.iter_mut().for_each(|endpoint| endpoint.access = Arc::default());
    Ok(Topology::Sentinel { sentinels: endpoints, service, access })
}

fn access(text: &str) -> Result<Access, &'static str> {
    let some = |text: &str| decoded(text).map(|text| Some(text).filter(|text| !text.is_empty()));
    let access = match text.split_once(':') {
        Some((user, password)) => Access { user: some(user)?, password: some(password)? },
        None => Access { user: some(text)?, password: None },
    };
    match access.password {
        None => Err("there is a user, but no password"),
        Some(_) => Ok(access),
    }
}

fn host_and_port(text: &str, default_port: u16) -> Result<Place, &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("an IPv6 address has a ] behind it")?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or("a port follows a :")?) })
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(default_port), str::parse).map_err(|_| "the port is no number from 1 to 65535")?;
    match (host, port) {
        ("", _) => Err("it names no host"),
        (_, 0) => Err("the port is no number from 1 to 65535"),
        _ if !host.bytes().all(is_of_host) => Err("the host has other letters than ASCII's: write it in punycode"),
        _ => Ok(Place::Tcp { host: host.to_owned(), port }),
    }
}

fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':')
}

/// With what is written `%40` as it is.
fn decoded(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "a % is not followed by two hexadecimal digits; by itself it is %25";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |at: usize| more.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (high, low) = digit(0).zip(digit(1)).ok_or(WRONG)?;
        bytes.push((high * 16 + low) as u8);
        rest = more.get(2..).unwrap_or_default();
    }
    String::from_utf8(bytes).map_err(|_| "it is no UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<Topology, ConfigError> {
        Topology::parse(&[url.to_owned()])
    }

    fn one_of(url: &str) -> Endpoint {
        match parsed(url) {
            Ok(Topology::One(endpoint)) => endpoint,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn addresses_say_where_and_as_whom() {
        for (url, shown, is_tls, user, password) in [
            ("redis://localhost", "localhost:6379", false, None, None),
            ("redis://127.0.0.1:7000/3", "127.0.0.1:7000", false, None, None),
            ("rediss://a:b%40c@xn--bcher-kva.example", "xn--bcher-kva.example:6379", true, Some("a"), Some("b@c")),
            ("redis://:p:q@[::1]:1", "[::1]:1", false, None, Some("p:q")),
            ("valkey://h", "h:6379", false, None, None),
            ("unix:///run/a%20b.sock", "/run/a b.sock", false, None, None),
            ("unix://u:p@/run/a", "/run/a", false, Some("u"), Some("p")),
        ] {
            let endpoint = one_of(url);
            let Access { user: is_user, password: is_password } = &*endpoint.access;
            assert_eq!((endpoint.to_string().as_str(), endpoint.is_tls), (shown, is_tls), "{url}");
            assert_eq!((is_user.as_deref(), is_password.as_deref()), (user, password), "{url}");
        }
    }

    #[test]
    fn sentinels_and_clusters_have_several_hosts() {
        let parsed_sentinels = parsed("redis+sentinel://:p@a,b:1/main/0").unwrap();
        let Topology::Sentinel { sentinels, service, access } = &parsed_sentinels else { panic!() };
        assert_eq!((sentinels.len(), service.as_str(), access.password.as_deref()), (2, "main", Some("p")));
        assert_eq!(sentinels[0].to_string(), "a:26379");
        assert_eq!(sentinels[0].access.password, None);
        let access = Access { user: None, password: Some("q".to_owned()) };
        let known = parsed_sentinels.for_sentinels(access);
        let Topology::Sentinel { sentinels, access: of_master, .. } = known else { panic!() };
        assert_eq!(sentinels[1].access.password.as_deref(), Some("q"));
        assert_eq!(of_master.password.as_deref(), Some("p"));
        assert!(matches!(parsed("rediss+cluster://a,b"), Ok(Topology::Cluster(seeds)) if seeds.len() == 2));
        let several = ["redis://a".to_owned(), "redis://b".to_owned()];
        assert!(matches!(Topology::parse(&several), Ok(Topology::Cluster(seeds)) if seeds.len() == 2));
        let mixed = ["redis://a".to_owned(), "unix:///b".to_owned()];
        assert!(matches!(Topology::parse(&mixed), Err(ConfigError::Address { index: 1, .. })));
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        assert!(matches!(Topology::parse(&[]), Err(ConfigError::NoAddress)));
        for url in [
            "localhost:6379",
            "http://:hunter2@a",
            "redis://",
            "redis://:hunter2@",
            "redis://:hunter2@a:0",
            "redis://:hunter2@a:70000",
            "redis://:hunter2@a/b",
            "redis://:hunter2@a?x=1",
            "redis://:hunter2%@a",
            "redis://:hunter2%zz@a",
            "redis://:hunter2%ff@a",
            "redis://hunter2@a",
            "redis://:hunter2@a,b",
            "redis://:hunter2@bücher.example",
            "unix://:hunter2@a/b",
            "redis+sentinel://:hunter2@a",
        ] {
            let error = parsed(url).expect_err(url);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        assert!(!format!("{:?}", one_of("redis://:hunter2@a")).contains("hunter2"));
    }
}
