//! What was freed is not resident any more.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::fs;

#[test]
fn what_was_freed_between_what_is_kept_is_given_back() {
    let before = resident_kib();
    // Small enough for the heap, and with something kept behind each, so that no free end can be cut off.
    let mut pieces: Vec<Vec<u8>> = (0..1000).map(|_| vec![1; 64 * 1024]).collect();
    let kept: Vec<Vec<u8>> = pieces.iter_mut().map(|piece| std::mem::replace(piece, vec![2; 16])).collect();
    assert!(resident_kib() > before + 60_000);
    let last = kept.last().cloned();
    drop(kept);
    fanfare_system::memory::give_back();
    let after = resident_kib();
    assert!(after < before + 4_000, "{before} KiB, then {after} KiB");
    assert!(last.is_some_and(|last| last.len() == 64 * 1024) && pieces.iter().all(|piece| piece == &[2; 16]));
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it says what is resident");
    line.trim().trim_end_matches(" kB").parse().expect("a number of kB")
}
