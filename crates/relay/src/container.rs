//! Whether the process is inside a container.

use std::path::Path;
use std::{env, fs};

/// Whether what is loopback here is most likely not loopback for those who want to connect.
pub(crate) fn is_inside() -> bool {
    // Docker and Podman each leave a file; systemd's convention is the variable; Kubernetes has a variable for its API.
    ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists())
        || ["container", "KUBERNETES_SERVICE_HOST"].iter().any(|variable| env::var_os(variable).is_some())
        || fs::read_to_string("/proc/1/cgroup").is_ok_and(|cgroup| names_a_container(&cgroup))
}

fn names_a_container(cgroup: &str) -> bool {
    ["docker", "kubepods", "containerd", "libpod", "lxc"].iter().any(|runtime| cgroup.contains(runtime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_names_the_container_s_runtime() {
        for (cgroup, is_container) in [
            ("0::/\n", false),
            ("0::/init.scope\n", false),
            ("12:cpu:/docker/0a1b2c\n0::/docker/0a1b2c\n", true),
            ("11:memory:/kubepods/besteffort/pod1\n", true),
        ] {
            assert_eq!(names_a_container(cgroup), is_container, "{cgroup}");
        }
    }
}
