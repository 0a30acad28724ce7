//! Certificates and keys, made by openssl as an operator would make them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A certificate for the next 30 days, and its key, in a folder of their own.
pub struct Pair {
    folder: tempfile::TempDir,
}

impl Pair {
    pub fn new() -> Self {
        let pair = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=herald -keyout {} -out {}",
            pair.key_file().display(),
            pair.certificate_file().display()
        ));
        pair
    }

    pub fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    pub fn certificate(&self) -> String {
        read(&self.certificate_file())
    }

    pub fn key(&self) -> String {
        read(&self.key_file())
    }

    /// The certificate, as its hash is taken.
    pub fn certificate_der(&self) -> Vec<u8> {
        openssl(&format!("x509 -outform der -in {}", self.certificate_file().display()))
    }

    /// The public half of the key (PKCS #1), for verifying what the other half signed.
    pub fn public_key_der(&self) -> Vec<u8> {
        openssl(&format!(
            "rsa -RSAPublicKey_out -outform der -in {}",
            self.key_file().display()
        ))
    }

    /// The key, locked with a password.
    pub fn locked_key(&self) -> String {
        let locked = openssl(&format!(
            "pkey -aes128 -passout pass:hunter2 -in {}",
            self.key_file().display()
        ));
        String::from_utf8(locked).expect("PEM is text")
    }
}

/// An authority, and a certificate of a server at 127.0.0.1 that it signed.
pub struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let authority = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        let at = |name: &str| authority.folder.path().join(name).display().to_string();
        openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=authority -keyout {} -out {}",
            at("authority.key"),
            at("authority.pem")
        ));
        openssl(&format!(
            "req -newkey rsa:2048 -nodes -subj /CN=server -keyout {} -out {}",
            at("key.pem"),
            at("request.pem")
        ));
        std::fs::write(at("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").expect("written");
        openssl(&format!(
            "x509 -req -days 30 -in {} -CA {} -CAkey {} -CAcreateserial -extfile {} -out {}",
            at("request.pem"),
            at("authority.pem"),
            at("authority.key"),
            at("names"),
            at("certificate.pem")
        ));
        authority
    }

    /// The certificate of the authority, for those who are to believe it.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The server's certificate and key.
    pub fn certificate(&self) -> String {
        read(&self.certificate_file())
    }

    pub fn key(&self) -> String {
        read(&self.key_file())
    }

    pub fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

/// A key of another kind, on a curve.
pub fn key_on_a_curve() -> String {
    let key = openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    String::from_utf8(key).expect("PEM is text")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("openssl wrote it")
}

/// What `openssl ARGS` writes.
fn openssl(args: &str) -> Vec<u8> {
    let said = Command::new("openssl")
        .args(args.split(' '))
        .stdin(Stdio::null())
        .output()
        .expect("openssl is installed (see ./test)");
    assert!(
        said.status.success(),
        "openssl {args}: {}",
        String::from_utf8_lossy(&said.stderr)
    );
    said.stdout
}
