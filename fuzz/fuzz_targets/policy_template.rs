//! See `fanfare_properties::policy_template`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::policy_template::check(data));
