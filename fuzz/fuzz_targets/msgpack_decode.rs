//! See `fanfare_properties::msgpack_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::msgpack_decode::check(data));
