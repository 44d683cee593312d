//! See `fanfare_properties::hub_client`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::hub_client::check(data));
