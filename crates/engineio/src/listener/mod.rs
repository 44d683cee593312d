//! From a listener to requests: connections, what they carry, and how long they are waited for.

pub(crate) mod exchange;
pub(crate) mod http_stream;
#[expect(clippy::module_inception, reason = "it is what the folder is named after")]
pub(crate) mod listener;
pub(crate) mod overload;
pub(crate) mod proxy_header;
pub(crate) mod request_heads;
pub(crate) mod serve;
pub(crate) mod unwanted;
