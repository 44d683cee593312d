//! See `fanfare_properties::cluster_classic`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::cluster_classic::check(data));
