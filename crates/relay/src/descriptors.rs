//! How many files, and so connections, the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as the process may by itself, and warns where fewer sessions fit below it than
/// `sessions_max`.
pub(crate) fn raise(sessions_max: usize) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Not everywhere may it be as high as it is allowed to be; then it stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if let Some(limit) = too_few_for(sessions_max) {
        tracing::warn!(
            open_files_max = limit,
            sessions_max,
            "limits.sessions_max cannot be reached: raise the limit of open files (ulimit -n, LimitNOFILE, --ulimit nofile)"
        );
    }
}

/// The limit that holds, where fewer sessions fit below it than `sessions_max`.
pub(crate) fn too_few_for(sessions_max: usize) -> Option<u64> {
    getrlimit(Resource::Nofile).current.filter(|limit| *limit < sessions_max as u64 + BESIDE_SESSIONS)
}

/// Files that are no session: listeners, the log, the runtime's own, and requests beside a session's WebSocket or poll.
const BESIDE_SESSIONS: u64 = 64;
