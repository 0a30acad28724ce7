//! A certificate with its key: what an app registration knows the bot by, in place of a secret.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x509_cert::Certificate as Parsed;
use x509_cert::der::Decode;
use x509_cert::time::Time;

use super::NoToken;
use crate::secret::Secrets;
use crate::teams::credential::CertificateNames;

/// How long a signed statement counts.
const LIFE: TimeDelta = TimeDelta::minutes(10);
/// The most certificates that are read of one text, and sent along.
const MOST: usize = 10;

/// A certificate that fits its key.
#[derive(Debug)]
pub struct Certificate {
    key: KeyPair,
    /// The bot's own first, then those above it, as they were written.
    chain: Vec<CertificateDer<'static>>,
    begins_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

/// What is wrong with a certificate or its key, as the end of a sentence. Holds nothing of either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// No certificate was found.
    #[error("the certificate `{0}` is not in PEM form: it has no `-----BEGIN CERTIFICATE-----`")]
    NoCertificate(String),
    /// It is the binary form.
    #[error("the certificate `{0}` is in a binary form (.pfx, .p12 or .der), not in PEM form")]
    Binary(String),
    /// It is broken.
    #[error("the certificate `{0}` is damaged")]
    Damaged(String),
    /// No key was found.
    #[error("the key `{0}` is not in PEM form: it has no `-----BEGIN PRIVATE KEY-----`")]
    NoKey(String),
    /// It is locked.
    #[error("the key `{0}` is locked with a password, which Herald does not know")]
    Locked(String),
    /// It is no RSA key, or a weak one.
    #[error("the key `{0}` is not an RSA key of 2048 to 8192 bits, which Entra wants")]
    OtherKey(String),
    /// They are of different pairs.
    #[error("the certificate `{certificate}` does not belong to the key `{key}`")]
    Strangers {
        /// The name of the certificate.
        certificate: String,
        /// The name of the key.
        key: String,
    },
    /// Its time is over.
    #[error("the certificate `{0}` expired on {date}", date = .1.format("%Y-%m-%d"))]
    Expired(String, DateTime<Utc>),
    /// Its time has not come.
    #[error("the certificate `{0}` is not valid before {date}", date = .1.format("%Y-%m-%d %H:%M UTC"))]
    TooEarly(String, DateTime<Utc>),
}

impl Unfit {
    fn way_out(&self) -> &'static str {
        match self {
            Unfit::NoCertificate(_) | Unfit::Damaged(_) => {
                "put the whole text in, from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`"
            }
            Unfit::Binary(_) => "turn it into PEM: `openssl pkcs12 -in bot.pfx -nodes -out bot.pem`",
            Unfit::NoKey(_) => {
                "put the key's whole text in, from `-----BEGIN PRIVATE KEY-----` to `-----END PRIVATE KEY-----`"
            }
            Unfit::Locked(_) => "take the password off: `openssl pkey -in locked.pem -out key.pem`",
            Unfit::OtherKey(_) => {
                "make a new pair: `openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout key.pem -out cert.pem`"
            }
            Unfit::Strangers { .. } => "use the key that the certificate was made with",
            Unfit::Expired(..) => "make a new certificate and upload it to the app registration",
            Unfit::TooEarly(..) => "wait, or set this machine's clock",
        }
    }
}

impl From<Unfit> for NoToken {
    fn from(unfit: Unfit) -> Self {
        NoToken::because(unfit.to_string()).with_way_out(unfit.way_out())
    }
}

/// The certificate behind these names, if it can be used at `now`.
pub(super) fn of(names: &CertificateNames, secrets: &Secrets, now: DateTime<Utc>) -> Result<Certificate, NoToken> {
    let read = |name| {
        secrets
            .read(name)
            .map_err(|problem| NoToken::because(problem.to_string()))
    };
    let certificate = read(&names.certificate)?;
    let key = read(&names.key)?;
    let called = (names.certificate.as_str(), names.key.as_str());
    let certificate = Certificate::read(certificate.expose_secret(), key.expose_secret(), called)?;
    certificate.look_at_time(names.certificate.as_str(), now)?;
    Ok(certificate)
}

impl Certificate {
    /// Takes a certificate, perhaps with those above it, and a key, both PEM. `called` are the names of the two, for
    /// sentences.
    ///
    /// # Errors
    /// [`Unfit`]: what is wrong with them. Their time is not looked at.
    pub fn read(certificate: &[u8], key: &[u8], called: (&str, &str)) -> Result<Self, Unfit> {
        let (certificate_name, key_name) = (called.0.to_owned(), called.1.to_owned());
        let mut chain = certificates(certificate, &certificate_name)?;
        let key = private_key(key, &key_name)?;
        let mut own = None;
        for (place, der) in chain.iter().enumerate() {
            let parsed = Parsed::from_der(der).map_err(|_| Unfit::Damaged(certificate_name.clone()))?;
            let public = &parsed.tbs_certificate.subject_public_key_info.subject_public_key;
            if public.as_bytes() == Some(key.public_key().as_ref()) {
                own = Some((place, parsed));
                break;
            }
        }
        let Some((place, parsed)) = own else {
            return Err(Unfit::Strangers {
                certificate: certificate_name,
                key: key_name,
            });
        };
        chain[..=place].rotate_right(1);
        let validity = &parsed.tbs_certificate.validity;
        let (Some(begins_at), Some(ends_at)) = (instant(&validity.not_before), instant(&validity.not_after)) else {
            return Err(Unfit::Damaged(certificate_name));
        };
        Ok(Self {
            key,
            chain,
            begins_at,
            ends_at,
        })
    }

    /// When it ends.
    pub fn ends_at(&self) -> DateTime<Utc> {
        self.ends_at
    }

    fn look_at_time(&self, called: &str, now: DateTime<Utc>) -> Result<(), Unfit> {
        if now > self.ends_at {
            return Err(Unfit::Expired(called.to_owned(), self.ends_at));
        }
        if now < self.begins_at {
            return Err(Unfit::TooEarly(called.to_owned(), self.begins_at));
        }
        Ok(())
    }

    /// The signed statement that the app `client_id` asks at `endpoint`, at `now`; no two are alike.
    pub fn assertion(&self, endpoint: &str, client_id: &str, send_chain: bool, now: DateTime<Utc>) -> String {
        let own = self.chain.first().map(AsRef::as_ref).unwrap_or_default();
        let mut header =
            json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(Sha256::digest(own)) });
        if send_chain {
            header["x5c"] = self.chain.iter().map(|der| STANDARD.encode(der)).collect();
        }
        let claims = json!({
            "aud": endpoint,
            "iss": client_id,
            "sub": client_id,
            "jti": uuid::Uuid::new_v4().to_string(),
            "nbf": now.timestamp(),
            "iat": now.timestamp(),
            "exp": (now + LIFE).timestamp(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("an RSA key of 2048 bits or more signs any text");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn certificates(text: &[u8], called: &str) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    // Everything in DER begins with a sequence of more than 127 bytes.
    if text.starts_with(&[0x30, 0x82]) {
        return Err(Unfit::Binary(called.to_owned()));
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).take(MOST).collect();
    let found = found.map_err(|_| Unfit::Damaged(called.to_owned()))?;
    if found.is_empty() {
        return Err(Unfit::NoCertificate(called.to_owned()));
    }
    Ok(found)
}

fn private_key(text: &[u8], called: &str) -> Result<KeyPair, Unfit> {
    let locked = [&b"BEGIN ENCRYPTED PRIVATE KEY"[..], b"Proc-Type: 4,ENCRYPTED"];
    if locked
        .iter()
        .any(|mark| text.windows(mark.len()).any(|part| part == *mark))
    {
        return Err(Unfit::Locked(called.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(text).map_err(|_| Unfit::NoKey(called.to_owned()))?;
    let pair = match &key {
        PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err(Unfit::OtherKey(called.to_owned())),
    };
    pair.map_err(|_| Unfit::OtherKey(called.to_owned()))
}

fn instant(time: &Time) -> Option<DateTime<Utc>> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
    DateTime::from_timestamp(seconds, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_file_is_told_apart_from_a_broken_text() {
        let read = |certificate: &[u8]| Certificate::read(certificate, b"", ("CERT", "KEY")).unwrap_err();
        assert_eq!(read(&[0x30, 0x82, 0x05, 0x00]), Unfit::Binary("CERT".to_owned()));
        assert_eq!(read(b"bot.pem"), Unfit::NoCertificate("CERT".to_owned()));
    }
}
