//! See `fanfare_properties::engineio_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::engineio_request::check(data));
