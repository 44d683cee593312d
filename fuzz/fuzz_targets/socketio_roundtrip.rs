//! See `fanfare_properties::socketio_roundtrip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::socketio_roundtrip::check(data));
