//! See `fanfare_properties::engineio_payload`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::engineio_payload::check(data));
