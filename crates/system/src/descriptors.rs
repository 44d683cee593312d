//! Descriptors that the process was started with.

use std::env;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes over what `LISTEN_FDS` counts, from descriptor 3 on, in that order (sd_listen_fds(3)); once, and nothing after that.
///
/// Nothing is handed to this process if `LISTEN_PID` names another one. Without `LISTEN_PID` it is: programs that hand over and
/// then start another one cannot know its number. Programs that this one starts do not inherit what was taken. Fewer
/// than was counted are taken if one of them is not open, or was opened by this process.
pub fn handed_over() -> Vec<OwnedFd> {
    if IS_TAKEN.swap(true, Ordering::Relaxed) || !is_for_us(env::var("LISTEN_PID").ok().as_deref()) {
        return Vec::new();
    }
    let count = env::var("LISTEN_FDS").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    (FIRST..).take(count).map_while(take_over).collect()
}

fn is_for_us(process: Option<&str>) -> bool {
    process.is_none_or(|process| process.is_empty() || process.parse() == Ok(process::id()))
}

/// Takes `number` if it was inherited.
///
/// What has been inherited cannot have the flag "close on exec", since it would have been closed; whatever Rust's standard
/// library and runtimes open has it. So a count that is too high takes nothing away from anybody.
#[expect(unsafe_code, reason = "nobody offers it as a safe function")]
fn take_over(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: these two calls take numbers and give back numbers, whatever is open (fcntl(2)).
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if flags == -1 || flags & libc::FD_CLOEXEC != 0 {
        return None;
    }
    // SAFETY: as above.
    if unsafe { libc::fcntl(number, libc::F_SETFD, flags | libc::FD_CLOEXEC) } == -1 {
        return None;
    }
    // SAFETY: it is open, this process did not open it, who started it has said whose it is, and it is taken once.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// `SD_LISTEN_FDS_START`: 0 to 2 are the standard streams.
const FIRST: RawFd = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_handed_to_the_process_that_is_named_or_to_whom_it_reaches() {
        assert!(is_for_us(None) && is_for_us(Some("")) && is_for_us(Some(&process::id().to_string())));
        assert!(!is_for_us(Some("1")) && !is_for_us(Some("first")));
    }
}
