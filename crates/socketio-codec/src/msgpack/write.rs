//! Values of MessagePack as bytes, each in its shortest form.

use bytes::BufMut;

/// Where bytes go, or are only counted.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

/// Counts.
pub(crate) struct Counter(pub(crate) usize);

impl Sink for Counter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Writes into a buffer.
pub(crate) struct Buffer<'a, B>(pub(crate) &'a mut B);

impl<B: BufMut> Sink for Buffer<'_, B> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }
}

impl Sink for alloc::vec::Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A string in its shortest form.
///
/// No frame reaches the 4 GiB at which MessagePack ends: all lengths fit.
pub(crate) fn str(out: &mut impl Sink, text: &str) {
    match text.len() {
        len @ 0..32 => out.put(&[0xa0 | len as u8]),
        len @ 32..0x100 => out.put(&[0xd9, len as u8]),
        len => long(out, 0xda, len),
    }
    out.put(text.as_bytes());
}

pub(crate) fn bin(out: &mut impl Sink, bytes: &[u8]) {
    match bytes.len() {
        len @ 0..0x100 => out.put(&[0xc4, len as u8]),
        len => long(out, 0xc5, len),
    }
    out.put(bytes);
}

pub(crate) fn array(out: &mut impl Sink, len: usize) {
    match len {
        0..16 => out.put(&[0x90 | len as u8]),
        _ => long(out, 0xdc, len),
    }
}

/// A length of 16 bits behind `prefix`, or of 32 bits behind the prefix after it.
fn long(out: &mut impl Sink, prefix: u8, len: usize) {
    match u16::try_from(len) {
        Ok(len) => {
            out.put(&[prefix]);
            out.put(&len.to_be_bytes());
        }
        Err(_) => {
            out.put(&[prefix + 1]);
            out.put(&(len as u32).to_be_bytes());
        }
    }
}

pub(crate) fn unsigned(out: &mut impl Sink, number: u64) {
    match number {
        0..0x80 => out.put(&[number as u8]),
        0x80..0x100 => out.put(&[0xcc, number as u8]),
        0x100..0x1_0000 => {
            out.put(&[0xcd]);
            out.put(&(number as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.put(&[0xce]);
            out.put(&(number as u32).to_be_bytes());
        }
        _ => {
            out.put(&[0xcf]);
            out.put(&number.to_be_bytes());
        }
    }
}
