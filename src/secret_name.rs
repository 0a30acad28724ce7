//! What a secret is called. The value never comes near a file, a message, a log or a page.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name under which a secret is found in the environment or in a mounted folder; never its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretName(String);

impl SecretName {
    /// How long a name may be, in bytes. Nobody types a longer one, but somebody may paste a key.
    pub const LONGEST: usize = 128;

    /// Takes a name such as `HERALD_BOT_SECRET`.
    ///
    /// # Errors
    /// A sentence for the author when `name` cannot be the name of a variable (other signs than capital letters, digits
    /// and `_`, a digit in front, empty, longer than [`SecretName::LONGEST`]). It does not repeat `name`, which may well
    /// be the secret itself.
    pub fn new(name: impl Into<String>) -> Result<Self, &'static str> {
        let name = name.into();
        let starts_well = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
        if starts_well
            && name.len() <= Self::LONGEST
            && name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        {
            Ok(Self(name))
        } else {
            Err(
                "this is not the name of a secret: a name has capital letters, digits and `_` only, such as `HERALD_BOT_SECRET`",
            )
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_secret_is_not_taken_for_a_name_and_not_repeated() {
        for pasted in [
            "Xq8~abc.DEF-1234567890",
            "whsec_a+b/c=",
            "",
            "1ABC",
            "c2VjcmV0",
            &"A".repeat(200),
        ] {
            let refusal = SecretName::new(pasted).unwrap_err();
            assert!(pasted.is_empty() || !refusal.contains(pasted));
        }
        assert_eq!(
            SecretName::new("GITHUB_WEBHOOK_SECRET").unwrap().as_str(),
            "GITHUB_WEBHOOK_SECRET"
        );
    }
}
