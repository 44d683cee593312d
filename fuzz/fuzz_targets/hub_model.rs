//! See `fanfare_properties::hub_model`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::hub_model::check(data));
