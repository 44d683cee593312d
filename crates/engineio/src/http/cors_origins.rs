//! Origins that are listed.

/// Origins that may read answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CorsOrigins {
    /// All: answered with `*`.
    Any,
    /// These, as a browser writes them (`https://example.org`, `http://localhost:5173`), but for capitals; the
    /// request's own is answered.
    List(Vec<String>),
}

/// Hosts and schemes mean the same in capitals; some browsers send the ids of their extensions so.
pub(super) fn is_listed(listed: &[String], origin: &[u8]) -> bool {
    listed.iter().any(|listed| listed.as_bytes().eq_ignore_ascii_case(origin))
}
