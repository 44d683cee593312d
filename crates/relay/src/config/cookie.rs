//! The cookie that carries a session's id, for load balancers that route by one.

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
