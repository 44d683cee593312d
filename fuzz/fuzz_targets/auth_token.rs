//! See `fanfare_properties::auth_token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::auth_token::check(data));
