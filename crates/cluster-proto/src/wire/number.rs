//! Doubles as JavaScript writes them.

use std::fmt::Write as _;

/// Writes a number as `JSON.stringify` does: `2` for `2.0`, `null` for what is no finite number.
///
/// Python and Java clients tell `2` and `2.0` apart: they shall see what a Node server would have sent them.
pub(crate) fn write(number: f64, out: &mut String) {
    let size = number.abs();
    // Writing to a `String` cannot fail.
    let _ = if !number.is_finite() {
        write!(out, "null")
    } else if number == 0.0 {
        // Of `-0` too.
        write!(out, "0")
    } else if (1e-6..1e21).contains(&size) {
        write!(out, "{number}")
    } else if size < 1.0 {
        write!(out, "{number:e}")
    } else {
        // `1e+21`.
        write_large(number, out)
    };
}

/// With a plus before the exponent.
fn write_large(number: f64, out: &mut String) -> std::fmt::Result {
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => write!(out, "{digits}e+{exponent}"),
        None => write!(out, "{text}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_javascript_s() {
        for (number, text) in [
            (2.0, "2"),
            (-2.0, "-2"),
            (-0.0, "0"),
            (1.5, "1.5"),
            (0.1, "0.1"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (5e-324, "5e-324"),
            (1e20, "100000000000000000000"),
            (590_295_810_358_705_651_712.0, "590295810358705700000"),
            (1e21, "1e+21"),
            (-1.25e300, "-1.25e+300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::from(0.1f32), "0.10000000149011612"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
        ] {
            let mut written = String::new();
            super::write(number, &mut written);
            assert_eq!(written, text);
        }
    }
}
