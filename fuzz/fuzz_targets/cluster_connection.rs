//! See `fanfare_properties::cluster_connection`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::cluster_connection::check(data));
