//! How the bot proves to Microsoft who it is. Names and ids only; nothing here is secret.

use crate::secret_name::SecretName;

/// What is called so unless `bot.secret` says otherwise.
const DEFAULT_SECRET: &str = "HERALD_BOT_SECRET";

/// How the bot proves who it is when it asks for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A client secret, by its name.
    Secret(SecretName),
    /// A certificate that the app registration knows; its key signs each request.
    Certificate(CertificateNames),
    /// The platform vouches for the machine: the bot's app id is the client id of its user-assigned identity.
    ManagedIdentity,
    /// A token of somebody whom the app registration trusts, shown in place of a secret.
    WorkloadIdentity(Federation),
}

/// Where a certificate and its key are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNames {
    /// What the certificate (PEM) is called.
    pub certificate: SecretName,
    /// What its key (PEM) is called; the same name when one text holds both.
    pub key: SecretName,
    /// Whether each request carries the certificate itself and those above it (`x5c`), not only its hash: registrations
    /// that trust a subject name and an issuer want to see them.
    pub send_chain: bool,
}

/// Whose token is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Federation {
    /// The one in this file, which the platform renews; `None`: the file that [`TOKEN_FILE_VARIABLE`] names.
    TokenFile(Option<String>),
    /// That of the user-assigned managed identity with this client id.
    ManagedIdentity {
        /// Its client id, lower case.
        client_id: String,
    },
}

/// The variable in which Kubernetes names the file of the workload's token.
pub const TOKEN_FILE_VARIABLE: &str = "AZURE_FEDERATED_TOKEN_FILE";

impl Default for Credential {
    fn default() -> Self {
        Self::Secret(Self::default_secret())
    }
}

impl Credential {
    /// The words for the kinds in `bot:`, in the order they are told.
    pub const WORDS: [&str; 4] = ["secret", "certificate", "managed_identity", "workload_identity"];

    /// What the client secret is called unless the settings say otherwise.
    pub fn default_secret() -> SecretName {
        SecretName::new(DEFAULT_SECRET).expect("a plain name")
    }

    /// The word for it in `bot:`.
    pub fn word(&self) -> &'static str {
        match self {
            Credential::Secret(_) => "secret",
            Credential::Certificate(_) => "certificate",
            Credential::ManagedIdentity => "managed_identity",
            Credential::WorkloadIdentity(_) => "workload_identity",
        }
    }

    /// The names of what it needs to be set; a platform that vouches needs nothing.
    pub fn secrets(&self) -> Vec<&SecretName> {
        match self {
            Credential::Secret(name) => vec![name],
            Credential::Certificate(names) if names.certificate == names.key => vec![&names.certificate],
            Credential::Certificate(names) => vec![&names.certificate, &names.key],
            Credential::ManagedIdentity | Credential::WorkloadIdentity(_) => Vec::new(),
        }
    }
}
