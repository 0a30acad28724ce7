//! Where secrets come from: the environment, or files in a mounted folder.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretSlice;

use crate::secret_name::SecretName;

/// The variable that names the mounted folder.
pub const FOLDER_VARIABLE: &str = "HERALD_SECRETS_DIR";

/// How long a secret may be, in bytes; a longer file is some other file.
const LONGEST: u64 = 64 * 1024;

/// Finds the values behind names. A file in the mounted folder beats the environment, and is read again each time: a
/// secret that was replaced there counts from the next use on, without a restart.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    folder: Option<PathBuf>,
    given: Option<HashMap<SecretName, SecretSlice<u8>>>,
}

/// Why there is no value. Names the name, never the value.
#[derive(Debug, thiserror::Error)]
pub enum NoSecret {
    /// Nobody gave one.
    #[error("the secret `{name}` is missing: set the environment variable `{name}`, or {place}")]
    Missing {
        /// Its name.
        name: SecretName,
        /// Where a file could stand, in words.
        place: String,
    },
    /// It is there and empty.
    #[error("the secret `{name}` is empty")]
    Empty {
        /// Its name.
        name: SecretName,
    },
    /// Its file is there, but cannot be read.
    #[error("the secret `{name}` cannot be read from `{}`: {error}", path.display())]
    Unreadable {
        /// Its name.
        name: SecretName,
        /// Its file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Secrets {
    /// Looks in `folder` first, where one is mounted, and in the environment.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, given: None }
    }

    /// Looks where the environment says: the folder in [`FOLDER_VARIABLE`], if set, and the variables themselves.
    pub fn from_environment() -> Self {
        Self::new(
            variable(FOLDER_VARIABLE)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from),
        )
    }

    /// Adds values for names that have none of their own: demonstrations run without any set-up.
    #[must_use]
    pub fn or_else(mut self, given: impl IntoIterator<Item = (SecretName, String)>) -> Self {
        let values = given
            .into_iter()
            .map(|(name, value)| (name, SecretSlice::from(value.into_bytes())));
        self.given.get_or_insert_default().extend(values);
        self
    }

    /// The value behind `name`, without the line break that editors and `echo` put at its end.
    ///
    /// # Errors
    /// [`NoSecret`], a sentence with the name in it.
    pub fn read(&self, name: &SecretName) -> Result<SecretSlice<u8>, NoSecret> {
        let value = match self.file(name)? {
            Some(bytes) => bytes,
            None => match variable(name.as_str()) {
                Some(value) => value.into_encoded_bytes(),
                None => return self.fallback(name),
            },
        };
        let value = without_line_break(value);
        if value.is_empty() {
            return Err(NoSecret::Empty { name: name.clone() });
        }
        Ok(SecretSlice::from(value))
    }

    /// What is in the file at `path`, without a line break at its end: a token that the platform puts there and renews.
    ///
    /// # Errors
    /// The file cannot be read, or is longer than 64 KiB.
    pub fn read_at(path: &Path) -> io::Result<SecretSlice<u8>> {
        Ok(SecretSlice::from(without_line_break(read_file(path)?)))
    }

    /// The mounted folder, if there is one.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Where the value behind `name` comes from, in words: `the environment`, `the file /run/secrets/NAME`.
    pub fn place(&self, name: &SecretName) -> String {
        match self.folder.as_ref().map(|folder| folder.join(name.as_str())) {
            Some(file) if file.exists() => format!("the file {}", file.display()),
            Some(_) | None => "the environment".to_owned(),
        }
    }

    /// Whether [`Secrets::read`] would find a value now.
    pub fn has(&self, name: &SecretName) -> bool {
        self.read(name).is_ok()
    }

    fn file(&self, name: &SecretName) -> Result<Option<Vec<u8>>, NoSecret> {
        let Some(folder) = &self.folder else {
            return Ok(None);
        };
        let path = folder.join(name.as_str());
        match read_file(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(NoSecret::Unreadable {
                name: name.clone(),
                path,
                error,
            }),
        }
    }

    fn fallback(&self, name: &SecretName) -> Result<SecretSlice<u8>, NoSecret> {
        let given = self.given.as_ref().and_then(|given| given.get(name));
        given.cloned().ok_or_else(|| NoSecret::Missing {
            name: name.clone(),
            place: match &self.folder {
                Some(folder) => format!("put it into the file `{}`", folder.join(name.as_str()).display()),
                None => format!("name a folder with a file `{name}` in `{FOLDER_VARIABLE}`"),
            },
        })
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 64 KiB"));
    }
    fs::read(path)
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Takes one line break off the end.
fn without_line_break(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.pop_if(|last| *last == b'\n').is_some() {
        bytes.pop_if(|last| *last == b'\r');
    }
    bytes
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn name(text: &str) -> SecretName {
        SecretName::new(text).unwrap()
    }

    fn read(secrets: &Secrets, text: &str) -> Vec<u8> {
        secrets.read(&name(text)).unwrap().expose_secret().to_vec()
    }

    #[test]
    fn a_secret_replaced_in_the_mounted_folder_counts_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::new(Some(folder.path().to_owned()));
        fs::write(folder.path().join("HOOK_KEY"), "first\n").unwrap();
        assert_eq!(read(&secrets, "HOOK_KEY"), b"first");
        fs::write(folder.path().join("HOOK_KEY"), "second\r\n").unwrap();
        assert_eq!(read(&secrets, "HOOK_KEY"), b"second");
        fs::write(folder.path().join("HOOK_KEY"), " keeps blanks \n\n").unwrap();
        assert_eq!(read(&secrets, "HOOK_KEY"), b" keeps blanks \n");
    }

    #[test]
    fn the_environment_is_asked_when_no_file_is_there() {
        let folder = tempfile::tempdir().unwrap();
        // Cargo sets this one for every test.
        let found = read(&Secrets::new(Some(folder.path().to_owned())), "CARGO_PKG_NAME");
        assert_eq!(found, env!("CARGO_PKG_NAME").as_bytes());
    }

    #[test]
    fn a_missing_secret_is_named_with_the_places_where_it_could_be() {
        let sentence = Secrets::new(None)
            .read(&name("HERALD_TEST_NOWHERE"))
            .unwrap_err()
            .to_string();
        assert_eq!(
            sentence,
            "the secret `HERALD_TEST_NOWHERE` is missing: set the environment variable `HERALD_TEST_NOWHERE`, or name a \
             folder with a file `HERALD_TEST_NOWHERE` in `HERALD_SECRETS_DIR`"
        );
        let folder = tempfile::tempdir().unwrap();
        let sentence = Secrets::new(Some(folder.path().to_owned()))
            .read(&name("HERALD_TEST_NOWHERE"))
            .unwrap_err()
            .to_string();
        let file = folder.path().join("HERALD_TEST_NOWHERE");
        assert!(
            sentence.ends_with(&format!("put it into the file `{}`", file.display())),
            "{sentence}"
        );
    }

    #[test]
    fn an_empty_secret_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("HOOK_KEY"), "\n").unwrap();
        let secrets = Secrets::new(Some(folder.path().to_owned()));
        assert_eq!(
            secrets.read(&name("HOOK_KEY")).unwrap_err().to_string(),
            "the secret `HOOK_KEY` is empty"
        );
        assert!(!secrets.has(&name("HOOK_KEY")));
    }

    #[test]
    fn a_demonstration_value_never_replaces_a_real_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("REAL"), "real").unwrap();
        let given = [
            (name("REAL"), "demo".to_owned()),
            (name("HERALD_TEST_NOWHERE"), "demo".to_owned()),
        ];
        let secrets = Secrets::new(Some(folder.path().to_owned())).or_else(given);
        assert_eq!(read(&secrets, "REAL"), b"real");
        assert_eq!(read(&secrets, "HERALD_TEST_NOWHERE"), b"demo");
    }

    #[test]
    fn a_value_is_not_shown_by_accident() {
        let secrets = Secrets::new(None).or_else([(name("HERALD_TEST_NOWHERE"), "hunter2".to_owned())]);
        let value = secrets.read(&name("HERALD_TEST_NOWHERE")).unwrap();
        assert!(!format!("{secrets:?} {value:?}").contains("hunter2"));
    }
}
