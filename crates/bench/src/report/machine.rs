//! What the figures were measured on.

use std::fs;
use std::thread;

/// A paragraph; what cannot be read is left out.
pub(crate) fn describe() -> String {
    let cpu = value_in("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = value_in("/proc/meminfo", "MemTotal").unwrap_or_default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    // This program is bound to one core by now.
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_else(|_| cores.to_string());
    format!("Measured on: {cpu}, cores {}, {memory}, Linux {}.\n", online.trim(), kernel.trim())
}

fn value_in(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}
