//! The file of a Unix socket: made for its owner alone, and removed when its server ends.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Who may connect, unless an option says otherwise: the server's own user.
const OWNER_ONLY: u32 = 0o600;

/// The file of a Unix socket. Dropping it removes the file, unless another server has put its own there.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and number of the file.
    id: (u64, u64),
}

impl SocketFile {
    /// Listens on a socket at `path`. A socket that no server listens on any more is replaced.
    ///
    /// # Errors
    /// A sentence that says what is in the way.
    pub async fn bind(path: &Path, kind: &str) -> Result<(UnixListener, Self), String> {
        let wrong =
            |problem: &dyn std::fmt::Display| format!("cannot listen on unix:{}: {problem}", path.display());
        let path = std::path::absolute(path).map_err(|error| wrong(&error))?;
        check_free(&path, kind).await.map_err(|problem| wrong(&problem))?;
        // Under another name until nobody else can connect to it; the rename also replaces a dead socket in one go.
        let mut early = path.clone().into_os_string();
        early.push(format!(".{}", std::process::id()));
        let early = PathBuf::from(early);
        let bind = || -> io::Result<_> {
            let listener = UnixListener::bind(&early)?;
            fs::set_permissions(&early, Permissions::from_mode(OWNER_ONLY))?;
            let id = id(&early)?;
            fs::rename(&early, &path)?;
            Ok((listener, id))
        };
        let (listener, id) = bind().map_err(|error| {
            let _ = fs::remove_file(&early);
            wrong(&error)
        })?;
        Ok((listener, Self { path, id }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes who may connect, as chmod does.
    ///
    /// # Errors
    /// The system's.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        fs::set_permissions(&self.path, Permissions::from_mode(mode))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if id(&self.path).is_ok_and(|id| id == self.id) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn id(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Checks that there is nothing at `path` but a socket that no server listens on.
async fn check_free(path: &Path, kind: &str) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(
                "there is a file of another kind, which is no socket; choose another path with --listen"
                    .to_owned(),
            );
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Ok(_) => {
            Err(format!("the socket is in use, perhaps by another {kind}; choose another path with --listen"))
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(format!("there is a socket that cannot be tried: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn a_socket_is_its_owners_and_goes_with_its_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gym.sock");
        let (_listener, file) = SocketFile::bind(&path, "server").await.unwrap();
        assert_eq!(mode(&path), 0o600);
        file.set_mode(0o660).unwrap();
        assert_eq!(mode(&path), 0o660);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn only_a_dead_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gym.sock");
        let (listener, first) = SocketFile::bind(&path, "env-server").await.unwrap();
        let error = SocketFile::bind(&path, "env-server").await.unwrap_err();
        assert!(error.contains("gym.sock") && error.contains("another env-server"), "{error}");
        drop(listener);
        let (_listener, second) = SocketFile::bind(&path, "env-server").await.unwrap();
        drop(first);
        UnixStream::connect(&path).await.expect("the file of another server is left alone");
        drop(second);

        fs::write(&path, "no socket").unwrap();
        let error = SocketFile::bind(&path, "server").await.unwrap_err();
        assert!(error.contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "no socket");
        let error = SocketFile::bind(&folder.path().join("none/gym.sock"), "server").await.unwrap_err();
        assert!(error.contains("none/gym.sock"), "{error}");
        let long = folder.path().join("x".repeat(200));
        assert!(SocketFile::bind(&long, "server").await.is_err());
    }
}
