//! Memory that was freed and is still resident.

/// Gives every page that holds nothing back to the system.
///
/// Costs some ten microseconds to a millisecond where there is little to give back, and some 0.2 ms for each MiB that there
/// is; meanwhile other threads may wait to allocate. Does nothing but on glibc: musl's allocator keeps little, and those
/// of other systems have no such function.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "nobody offers it as a safe function")]
    // SAFETY: it takes no pointer and touches nothing that is allocated; it may be called by any thread at any time
    // (malloc_trim(3), "MT-Safe").
    unsafe {
        libc::malloc_trim(0);
    }
}
