//! Listening at a path.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// A socket's file, which is removed with this.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and number: another relay may have put its own there meanwhile.
    identity: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Whatever keeps it there: the next start finds that nobody listens, and removes it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Takes a path, from a relay that is gone if need be, for its owner and its group.
///
/// # Errors
/// Why it cannot be had; [`io::ErrorKind::AddrInUse`] if somebody listens there.
pub(crate) fn bind(path: &Path) -> io::Result<(Socket, SocketFile)> {
    if is_stale(path)? {
        fs::remove_file(path)?;
        tracing::info!(path = %path.display(), "removed the socket of a relay that is gone");
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::at(path)?;
    // Nobody can connect before it is listened on.
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok((socket, file))
}

/// Whether it could be taken. One that is left over stays.
///
/// # Errors
/// As [`bind`].
pub(crate) fn attempt(path: &Path) -> io::Result<()> {
    if is_stale(path)? { Ok(()) } else { bind(path).map(drop) }
}

/// Whether a socket is there that nobody listens on.
///
/// # Errors
/// If somebody does, or if it is no socket.
fn is_stale(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::other("there is a file that is no socket"));
        }
        Ok(_) => {}
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // One with too many who wait is alive, and would have us wait too.
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// Whoever may write to it may connect: a proxy in the same group.
const MODE: u32 = 0o660;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("fanfare-{name}-{}.sock", std::process::id()));
        let _ = fs::remove_file(&path);
        path
    }

    #[test]
    fn a_socket_is_its_group_s_and_goes_with_its_relay() {
        let path = scratch("mode");
        let bound = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_dead_relay_left_is_taken_and_what_lives_is_not() {
        let path = scratch("stale");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        attempt(&path).unwrap();
        assert!(path.exists(), "a check changes nothing");
        let (socket, file) = bind(&path).unwrap();
        socket.listen(1).unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(attempt(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        // What somebody else has put there is not ours to remove.
        fs::remove_file(&path).unwrap();
        let other = UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
        drop(other);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_file_that_is_no_socket_stays() {
        let path = scratch("file");
        fs::write(&path, "precious").unwrap();
        assert!(bind(&path).unwrap_err().to_string().contains("no socket"));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        fs::remove_file(&path).unwrap();
    }
}
