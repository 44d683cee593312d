//! The cookie that carries a session's id, for load balancers that route by one.

/// The options of the cookie; [`Default`] is what the reference sets when it is told to set one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cookie {
    /// A token of RFC 6265.
    pub(crate) name: String,
    /// The paths it is sent with.
    pub(crate) path: String,
    /// The domain it is sent to, with its subdomains; `None` for only the host that set it.
    pub(crate) domain: Option<String>,
    /// Whether scripts cannot read it.
    pub(crate) http_only: bool,
    /// Whether it is sent over TLS only.
    pub(crate) secure: bool,
    /// Whether requests from other sites carry it. `None` only together with `secure`.
    pub(crate) same_site: SameSite,
    /// How many seconds it lives; `None` for as long as the browser runs.
    pub(crate) max_age_s: Option<u32>,
}

/// Whether requests from other sites carry a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SameSite {
    Strict,
    Lax,
    None,
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: "io".to_owned(),
            path: "/".to_owned(),
            domain: None,
            http_only: true,
            secure: false,
            same_site: SameSite::Lax,
            max_age_s: None,
        }
    }
}

/// Takes a cookie's name, or says what was expected.
pub(crate) fn parse_name(text: &str) -> Result<String, &'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_token) {
        Ok(text.to_owned())
    } else {
        Err("a cookie name: letters, digits and !#$%&'*+-.^_`|~")
    }
}

/// Takes a cookie's path, or says what was expected.
pub(crate) fn parse_path(text: &str) -> Result<String, &'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b';';
    if text.starts_with('/') && text.bytes().all(is_allowed) {
        Ok(text.to_owned())
    } else {
        Err("a path that starts with `/`, without blanks or `;`")
    }
}

/// Takes a cookie's domain, or says what was expected.
pub(crate) fn parse_domain(text: &str) -> Result<String, &'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if text.bytes().any(|byte| byte.is_ascii_alphanumeric()) && text.bytes().all(is_allowed) {
        Ok(text.to_owned())
    } else {
        Err("a domain such as example.com")
    }
}
