//! Dates as JSON has them.

use alloc::string::String;
use core::fmt::{self, Write as _};

/// Milliseconds since 1970 as `Date.prototype.toJSON` writes them; `null` where JavaScript has no such date.
pub(crate) fn write(millis: i64, text: &mut String) -> fmt::Result {
    const DAY: i64 = 86_400_000;
    if millis.unsigned_abs() > 100_000_000 * DAY.unsigned_abs() {
        return write!(text, "null");
    }
    // Days to a civil date by the 400-year cycle, counted from 1 March of the year 0.
    let days = millis.div_euclid(DAY) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let time = millis.rem_euclid(DAY);
    match year {
        0..=9999 => write!(text, "\"{year:04}")?,
        year => write!(text, "\"{}{:06}", if year < 0 { '-' } else { '+' }, year.unsigned_abs())?,
    }
    let (hours, minutes, seconds) = (time / 3_600_000, time / 60_000 % 60, time / 1_000 % 60);
    write!(text, "-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z\"", time % 1_000)
}
