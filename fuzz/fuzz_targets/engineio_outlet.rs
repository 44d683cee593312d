//! See `fanfare_properties::engineio_outlet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::engineio_outlet::check(data));
