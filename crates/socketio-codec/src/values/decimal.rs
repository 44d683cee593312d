//! Whole numbers as digits.

use bytes::BufMut;

/// How many digits it takes.
pub(crate) fn len(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Writes its digits.
pub(crate) fn put(buffer: &mut impl BufMut, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut len = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        len += 1;
        if number == 0 {
            break;
        }
    }
    buffer.put_slice(digits.get(digits.len() - len..).unwrap_or_default());
}
