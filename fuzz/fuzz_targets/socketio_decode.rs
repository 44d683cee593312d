//! See `fanfare_properties::socketio_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::socketio_decode::check(data));
