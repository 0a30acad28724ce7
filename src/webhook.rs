//! Webhooks of channels: a way into Teams without the bot. Their address is the secret, so it is called by a name
//! everywhere and never shown.

use serde::{Deserialize, Serialize};

use crate::secret_name::SecretName;

pub mod answer;
pub mod message;
pub mod sender;

/// A webhook that `directory.yaml` gives a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The alias, as written.
    pub name: String,
    /// What its address is called.
    pub url: SecretName,
    /// What stands behind it.
    pub kind: Kind,
}

/// What stands behind a webhook: how fast it takes messages, and how it says yes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A flow of Workflows (Power Automate): any 2xx is a yes, 429 a not so fast.
    #[default]
    Workflow,
    /// An incoming webhook of an Office 365 connector: yes is 200 with the body `1`, and the rates are Microsoft's.
    Incoming,
}

/// Is this host one of Office 365 connectors, whatever the directory says? Microsoft is switching them off.
pub fn is_connector_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let is = |known: &str| host == known || host.ends_with(&format!(".{known}"));
    ["webhook.office.com", "outlook.office.com", "outlook.office365.com"]
        .into_iter()
        .any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_is_known_by_its_host() {
        assert!(is_connector_host("contoso.webhook.office.com"));
        assert!(is_connector_host("Outlook.Office.com"));
        assert!(!is_connector_host("webhook.office.com.evil.example"));
        assert!(!is_connector_host("prod-07.westeurope.logic.azure.com"));
    }
}
