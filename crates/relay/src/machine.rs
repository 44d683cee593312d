//! What the machine has.

use std::fs;

/// The memory that this process may take, in bytes: the machine's, or what its control group allows. `None` where neither
/// says.
pub(crate) fn memory_bytes() -> Option<usize> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| total_of(&text));
    // The group's own files are at the root of what a container sees; version 2, then version 1.
    let groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let group = groups.into_iter().find_map(|path| limit_of(&read(path)?));
    machine.into_iter().chain(group).min()
}

/// Of `/proc/meminfo`.
fn total_of(meminfo: &str) -> Option<usize> {
    let kilobytes = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix("kB")?;
    kilobytes.trim().parse::<usize>().ok()?.checked_mul(1024)
}

/// A group without a limit says `max`, or a number larger than any machine.
fn limit_of(text: &str) -> Option<usize> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let meminfo = "MemTotal:       24689812 kB\nMemFree:        21000000 kB\n";
        assert_eq!(total_of(meminfo), Some(24_689_812 * 1024));
        assert_eq!(total_of("MemFree: 1 kB\n"), None);
        assert_eq!(limit_of("536870912\n"), Some(512 << 20));
        assert_eq!(limit_of("max\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_some() {
        assert!(memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
