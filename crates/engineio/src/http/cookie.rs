//! The cookie that keeps a client on one server behind a balancer.

use std::time::Duration;

use engineio_proto::Sid;
use http::HeaderValue;

/// A cookie whose value is the session id. [`Default`] is the reference's, for those who turn it on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CookieConfig {
    /// Its name.
    pub name: String,
    /// The paths it is for.
    pub path: Option<String>,
    /// The domain it is for.
    pub domain: Option<String>,
    /// How long it is kept; `None` until the browser closes.
    pub max_age: Option<Duration>,
    /// Whether scripts are kept from it.
    pub http_only: bool,
    /// Whether it is sent over TLS only.
    pub secure: bool,
    /// Whether it goes with requests from other sites.
    pub same_site: Option<SameSite>,
}

/// The `SameSite` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Never from another site.
    Strict,
    /// Only when another site's link is followed.
    Lax,
    /// Always; browsers then want [`CookieConfig::secure`].
    None,
}

impl Default for CookieConfig {
    fn default() -> Self {
        Self {
            name: "io".into(),
            path: Some("/".into()),
            domain: None,
            max_age: None,
            http_only: true,
            secure: false,
            same_site: Some(SameSite::Lax),
        }
    }
}

impl CookieConfig {
    /// The header's value, attributes in the reference's order; `None` if a setting cannot stand in a header.
    pub(crate) fn header(&self, sid: &Sid) -> Option<HeaderValue> {
        let mut cookie = format!("{}={}", self.name, sid.reveal());
        let mut add = |attribute: &str, value: &str| {
            cookie.push_str("; ");
            cookie.push_str(attribute);
            cookie.push_str(value);
        };
        if let Some(max_age) = self.max_age {
            add("Max-Age=", &max_age.as_secs().to_string());
        }
        if let Some(domain) = &self.domain {
            add("Domain=", domain);
        }
        if let Some(path) = &self.path {
            add("Path=", path);
        }
        if self.http_only {
            add("HttpOnly", "");
        }
        if self.secure {
            add("Secure", "");
        }
        match self.same_site {
            Some(SameSite::Strict) => add("SameSite=", "Strict"),
            Some(SameSite::Lax) => add("SameSite=", "Lax"),
            Some(SameSite::None) => add("SameSite=", "None"),
            None => {}
        }
        let mut header = HeaderValue::try_from(cookie).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_the_reference_s() {
        let sid = Sid::from_random([0; 15]);
        let header = CookieConfig::default().header(&sid).unwrap();
        assert_eq!(header, "io=AAAAAAAAAAAAAAAAAAAA; Path=/; HttpOnly; SameSite=Lax");
        let all = CookieConfig {
            name: "sid".into(),
            path: None,
            domain: Some("example.org".into()),
            max_age: Some(Duration::from_secs(60)),
            http_only: false,
            secure: true,
            same_site: Some(SameSite::None),
        };
        let header = all.header(&sid).unwrap();
        assert_eq!(header, "sid=AAAAAAAAAAAAAAAAAAAA; Max-Age=60; Domain=example.org; Secure; SameSite=None");
    }
}
