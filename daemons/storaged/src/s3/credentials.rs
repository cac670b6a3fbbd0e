//! The key pair of the S3 face. Nobody has to make one up: the secret is drawn at the first start.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, ensure};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3ErrorCode, S3Result};
use uuid::Uuid;

use crate::config::S3Config;

/// In the daemon's folder, readable by its user alone.
const SECRET_FILE: &str = "s3-secret";

/// The one key pair that requests are signed with.
pub(super) struct KeyPair {
    id: String,
    secret: SecretKey,
}

impl KeyPair {
    /// That of the configuration.
    ///
    /// # Errors
    /// Those of the file that holds the secret.
    pub(super) fn find(config: &S3Config, folder: &Path) -> anyhow::Result<Self> {
        Ok(Self { id: config.access_key_id.clone(), secret: secret(config, folder)?.into() })
    }
}

#[async_trait::async_trait]
impl S3Auth for KeyPair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.id {
            Ok(self.secret.clone())
        } else {
            Err(S3ErrorCode::InvalidAccessKeyId.into())
        }
    }
}

/// The secret access key: from the file that the configuration names, or from the daemon's own, which is made if it does
/// not exist.
///
/// # Errors
/// When the file cannot be read or made, or is empty.
fn secret(config: &S3Config, folder: &Path) -> anyhow::Result<String> {
    let own = folder.join(SECRET_FILE);
    let file = match &config.secret_access_key_file {
        Some(file) => file,
        None => {
            make(&own).with_context(|| format!("make {}", own.display()))?;
            &own
        }
    };
    let text = fs::read_to_string(file)
        .with_context(|| format!("read the secret access key of the S3 face from {}", file.display()))?;
    let secret = text.trim();
    ensure!(!secret.is_empty(), "{} holds no secret access key", file.display());
    Ok(secret.to_owned())
}

/// Two random UUIDs: 244 random bits.
fn make(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut file) => {
            writeln!(file, "{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())?;
            file.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secret_is_drawn_once_and_is_for_the_daemons_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = S3Config::default();
        let first = secret(&config, folder.path()).unwrap();
        assert!(first.len() >= 40, "{} characters", first.len());
        assert_eq!(secret(&config, folder.path()).unwrap(), first);
        let mode = fs::metadata(folder.path().join(SECRET_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn named_file_is_used_and_an_empty_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("given");
        let config = S3Config { secret_access_key_file: Some(file.clone()), ..S3Config::default() };
        assert!(secret(&config, folder.path()).is_err());
        fs::write(&file, " \n").unwrap();
        assert!(secret(&config, folder.path()).is_err());
        fs::write(&file, "abc\n").unwrap();
        assert_eq!(secret(&config, folder.path()).unwrap(), "abc");
    }
}
