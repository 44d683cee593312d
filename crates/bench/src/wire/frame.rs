//! WebSocket frames (RFC 6455, section 5).

/// What a frame's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
    /// Of the header itself, with the mask.
    pub(crate) bytes: usize,
    pub(crate) payload_bytes: u64,
}

impl Header {
    /// Reads a header; `None` while bytes of it are missing.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (&[first, second], rest) = bytes.split_first_chunk::<2>()?;
        let (payload_bytes, rest) = match second & 0x7f {
            126 => {
                rest.split_first_chunk::<2>().map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest))?
            }
            127 => rest.split_first_chunk::<8>().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
            length => (u64::from(length), rest),
        };
        let (mask, rest) = match second & 0x80 {
            0 => (None, rest),
            _ => rest.split_first_chunk::<4>().map(|(mask, rest)| (Some(*mask), rest))?,
        };
        Some(Self { opcode: first & 0x0f, mask, bytes: bytes.len() - rest.len(), payload_bytes })
    }
}

/// Appends a text frame as a server writes it.
pub(crate) fn write_server_text(out: &mut Vec<u8>, payload: &[u8]) {
    write_header(out, 0, payload.len());
    out.extend_from_slice(payload);
}

/// Appends a text frame as a client writes it. The mask is always the same one, but not zero: some servers skip the
/// work for a mask of zero.
pub(crate) fn write_client_text(out: &mut Vec<u8>, payload: &[u8]) {
    write_header(out, 0x80, payload.len());
    out.extend_from_slice(&MASK);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(payload) = out.get_mut(start..) {
        apply_mask(payload, MASK);
    }
}

/// Masks, or takes the mask away.
pub(crate) fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let mut chunks = payload.chunks_exact_mut(8);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    for chunk in &mut chunks {
        if let Ok(word) = <[u8; 8]>::try_from(&*chunk) {
            chunk.copy_from_slice(&(u64::from_ne_bytes(word) ^ wide).to_ne_bytes());
        }
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

fn write_header(out: &mut Vec<u8>, mask_bit: u8, payload_bytes: usize) {
    out.push(0x80 | TEXT);
    match payload_bytes {
        0..126 => out.push(mask_bit | payload_bytes as u8),
        126..0x1_0000 => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&(payload_bytes as u16).to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 127);
            out.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
}

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
const MASK: [u8; 4] = [0x5a, 0xc3, 0x17, 0x8e];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_frame_is_read_back_at_every_size_of_header() {
        for size in [0, 1, 7, 125, 126, 65_535, 65_536] {
            let payload: Vec<u8> = (0..size).map(|index| index as u8).collect();
            let mut wire = Vec::new();
            write_client_text(&mut wire, &payload);
            let header = Header::read(&wire).unwrap();
            assert_eq!((header.opcode, header.payload_bytes), (TEXT, size as u64));
            let mut read = wire[header.bytes..].to_vec();
            apply_mask(&mut read, header.mask.unwrap());
            assert_eq!(read, payload);
            for end in 0..header.bytes {
                assert_eq!(Header::read(&wire[..end]), None);
            }
        }
    }
}
