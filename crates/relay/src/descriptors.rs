//! How many files, and so connections, the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as the process may by itself, and warns where fewer sessions fit below it than
/// `sessions_max`.
pub(crate) fn raise(sessions_max: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    // Not everywhere may it be as high as it is allowed to be; then it stays.
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { maximum } else { current };
    if let Some(limit) = limit
        && limit < sessions_max as u64 + BESIDE_SESSIONS
    {
        tracing::warn!(
            open_files_max = limit,
            sessions_max,
            "limits.sessions_max cannot be reached: raise the limit of open files (ulimit -n, LimitNOFILE, --ulimit nofile)"
        );
    }
}

/// Files that are no session: listeners, the log, the runtime's own, and requests beside a session's WebSocket or poll.
const BESIDE_SESSIONS: u64 = 64;
