//! See `fanfare_properties::proxy_header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::proxy_header::check(data));
