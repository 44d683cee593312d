//! Compression of long answers: for polls, and for whatever a program serves beside them.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// A content coding of ours, in the order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// `gzip`.
    Gzip,
    /// `deflate`, which is zlib.
    Deflate,
}

impl Encoding {
    /// Its name in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }
}

/// The coding the client likes best (RFC 9110, section 12.5.3); among equals the one it names first.
pub fn negotiate(headers: &HeaderMap) -> Option<Encoding> {
    let accepted = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
    let weight_of = |encoding: Encoding| {
        let mut wildcard = None;
        for (position, item) in accepted.split(',').enumerate() {
            let (name, weight) = weighted(item);
            if name.eq_ignore_ascii_case(encoding.name()) {
                return Some((weight, position));
            }
            if name == "*" {
                wildcard = Some((weight, position));
            }
        }
        wildcard
    };
    [Encoding::Gzip, Encoding::Deflate]
        .into_iter()
        .filter_map(|encoding| weight_of(encoding).map(|(weight, position)| (encoding, weight, position)))
        .filter(|(_, weight, _)| *weight > 0)
        // `min_by_key` keeps the first of equals: gzip, where a `*` stands for both.
        .min_by_key(|(_, weight, position)| (1000 - weight, *position))
        .map(|(encoding, ..)| encoding)
}

/// A name and its weight in thousandths.
fn weighted(item: &str) -> (&str, u16) {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok());
    (name, (weight.unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0) as u16)
}

/// `data` in another coding; `None` if that failed, which writing to memory does not. Much of it is compressed less well,
/// in a quarter of the time.
pub fn compress(data: &[u8], encoding: Encoding) -> Option<Bytes> {
    fn finish(data: &[u8], encoding: Encoding) -> io::Result<Vec<u8>> {
        let target = Vec::with_capacity(data.len() / 4);
        let level = if data.len() > WELL_MAX_BYTES { Compression::fast() } else { Compression::default() };
        match encoding {
            Encoding::Gzip => {
                let mut encoder = GzEncoder::new(target, level);
                encoder.write_all(data)?;
                encoder.finish()
            }
            // HTTP's "deflate" is the zlib format (RFC 9110, section 8.4.1.2).
            Encoding::Deflate => {
                let mut encoder = ZlibEncoder::new(target, level);
                encoder.write_all(data)?;
                encoder.finish()
            }
        }
    }
    finish(data, encoding).ok().map(Bytes::from)
}

/// Up to here the usual level takes less than a millisecond.
const WELL_MAX_BYTES: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::{GzDecoder, ZlibDecoder};
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_client_s_preference_counts() {
        for (accepted, expected) in [
            ("gzip, deflate, br", Some(Encoding::Gzip)),
            ("deflate, gzip", Some(Encoding::Deflate)),
            ("deflate;q=0.5, GZIP;q=0.8", Some(Encoding::Gzip)),
            ("gzip;q=0, deflate", Some(Encoding::Deflate)),
            ("gzip; q=0.2 , *", Some(Encoding::Deflate)),
            ("*", Some(Encoding::Gzip)),
            ("*;q=0", None),
            ("identity", None),
            ("br", None),
            ("gzip;q=x", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            assert_eq!(negotiate(&headers), expected, "{accepted}");
        }
        assert_eq!(negotiate(&HeaderMap::new()), None);
    }

    #[test]
    fn both_codings_come_back_whole() {
        let data = "fanfare ".repeat(1000);
        let mut text = String::new();
        let gzip = compress(data.as_bytes(), Encoding::Gzip).unwrap();
        GzDecoder::new(&gzip[..]).read_to_string(&mut text).unwrap();
        let deflate = compress(data.as_bytes(), Encoding::Deflate).unwrap();
        ZlibDecoder::new(&deflate[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, data.repeat(2));
        assert!(gzip.len() < data.len() / 10 && deflate.len() < data.len() / 10);
    }
}
