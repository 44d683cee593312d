//! See `fanfare_properties::cluster_sharded`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::cluster_sharded::check(data));
