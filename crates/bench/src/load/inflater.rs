//! Bodies that came compressed.

use std::collections::VecDeque;
use std::io::Read;
use std::rc::Rc;

use flate2::read::GzDecoder;

/// Inflates bodies, and remembers the last ones: one event reaches hundreds of clients in the same few bytes, and to
/// inflate each would cost the load more than it costs the server to make them.
#[derive(Debug, Default)]
pub(crate) struct Inflater {
    known: VecDeque<Known>,
}

#[derive(Debug)]
struct Known {
    compressed: Box<[u8]>,
    body: Rc<[u8]>,
}

impl Inflater {
    /// What was compressed; `None` if it is no gzip.
    pub(crate) fn inflate(&mut self, compressed: &[u8]) -> Option<Rc<[u8]>> {
        if let Some(known) = self.known.iter().find(|known| *known.compressed == *compressed) {
            return Some(Rc::clone(&known.body));
        }
        let mut body = Vec::new();
        GzDecoder::new(compressed).read_to_end(&mut body).ok()?;
        let body: Rc<[u8]> = body.into();
        if self.known.len() == KNOWN_MAX {
            self.known.pop_front();
        }
        self.known.push_back(Known { compressed: compressed.into(), body: Rc::clone(&body) });
        Some(body)
    }
}

/// A few events in flight, joined in different ways.
const KNOWN_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn compressed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_body_is_the_same_whether_it_is_known_or_not() {
        let mut inflater = Inflater::default();
        for round in 0..2 {
            for number in 0..KNOWN_MAX {
                let text = format!("body {number}");
                let body = inflater.inflate(&compressed(&text)).unwrap();
                assert_eq!(&*body, text.as_bytes(), "round {round}");
            }
        }
        assert_eq!(inflater.known.len(), KNOWN_MAX);
        inflater.inflate(&compressed("one more")).unwrap();
        assert_eq!(inflater.known.len(), KNOWN_MAX);
        assert_eq!(inflater.inflate(b"not gzip"), None);
    }
}
