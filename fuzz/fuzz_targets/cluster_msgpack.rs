//! See `fanfare_properties::cluster_msgpack`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::cluster_msgpack::check(data));
