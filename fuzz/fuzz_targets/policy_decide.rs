//! See `fanfare_properties::policy_decide`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_properties::policy_decide::check(data));
