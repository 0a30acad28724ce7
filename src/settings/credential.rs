//! Which proof of `bot:` counts, and whether it is said completely.

use super::at;
use super::file::{BotFile, CertificateFile, WorkloadIdentityFile};
use super::{guid, pasted_secret};
use crate::diagnostic::{Fault, Step};
use crate::secret_name::SecretName;
use crate::teams::credential::{CertificateNames, Credential, Federation};

/// The credential of `bot:`; the client secret with its usual name when nothing is written. Paths of the faults start
/// at the top of the file.
pub(super) fn compile(file: &BotFile, faults: &mut Vec<Fault>) -> Credential {
    let written = written(file);
    if let [first, second, ..] = written[..] {
        faults.push(under_bot(
            fault(format!(
                "a bot proves in one way who it is, but both `{first}` and `{second}` are here"
            ))
            .help("keep the one that the app registration knows, and take the other out")
            .on_key()
            .under(second),
        ));
        return Credential::default();
    }
    if let Some(certificate) = &file.certificate {
        return certificate_of(certificate, faults).map_or_else(Credential::default, Credential::Certificate);
    }
    if file.managed_identity == Some(true) {
        return Credential::ManagedIdentity;
    }
    if let Some(workload) = &file.workload_identity {
        if file.tenant.is_none() {
            faults.push(under_bot(
                fault("`workload_identity` is known in one tenant, and no tenant is named".to_owned())
                    .help("add `tenant:` with the tenant in which the bot is registered")
                    .on_key()
                    .under("workload_identity"),
            ));
        }
        return Credential::WorkloadIdentity(federation(workload, faults));
    }
    let name = secret(file.secret.as_deref(), &["secret"], faults);
    Credential::Secret(name.unwrap_or_else(Credential::default_secret))
}

/// The kinds that are written, by their words.
fn written(file: &BotFile) -> Vec<&'static str> {
    let is_there = [
        file.secret.is_some(),
        file.certificate.is_some(),
        file.managed_identity == Some(true),
        file.workload_identity.is_some(),
    ];
    let pairs = Credential::WORDS.into_iter().zip(is_there);
    pairs.filter_map(|(word, is_there)| is_there.then_some(word)).collect()
}

/// Takes out of `bot:` every kind but this one, which `HERALD_BOT_CREDENTIAL` names.
///
/// # Errors
/// A sentence when it is no kind, or `bot:` says too little about it.
pub(super) fn choose(file: &mut BotFile, word: &str) -> Result<(), String> {
    let Some(chosen) = Credential::WORDS.into_iter().find(|kind| *kind == word) else {
        let words = Credential::WORDS.join(", ");
        return Err(format!(
            "HERALD_BOT_CREDENTIAL is `{word}`, but it must be one of {words}"
        ));
    };
    if chosen == "certificate" && file.certificate.is_none() {
        return Err("HERALD_BOT_CREDENTIAL is `certificate`, but `bot:` has no `certificate:`".to_owned());
    }
    if chosen != "secret" {
        file.secret = None;
    }
    if chosen != "certificate" {
        file.certificate = None;
    }
    file.managed_identity = (chosen == "managed_identity").then_some(true);
    file.workload_identity = match chosen {
        "workload_identity" => Some(file.workload_identity.take().unwrap_or_default()),
        _ => None,
    };
    Ok(())
}

fn certificate_of(file: &CertificateFile, faults: &mut Vec<Fault>) -> Option<CertificateNames> {
    let certificate = secret(Some(&file.certificate), &["certificate", "certificate"], faults);
    let key = match &file.key {
        Some(key) => secret(Some(key), &["certificate", "key"], faults),
        // One text holds both.
        None => certificate.clone(),
    };
    Some(CertificateNames {
        certificate: certificate?,
        key: key?,
        send_chain: file.send_chain == Some(true),
    })
}

fn federation(file: &WorkloadIdentityFile, faults: &mut Vec<Fault>) -> Federation {
    let Some(written) = &file.managed_identity else {
        return Federation::TokenFile(file.token_file.as_deref().map(|path| path.trim().to_owned()));
    };
    if file.token_file.is_some() {
        faults.push(under_bot(
            fault("either a file or a managed identity has the token, but both are named".to_owned())
                .help("take one of them out")
                .on_key()
                .under("token_file")
                .under("workload_identity"),
        ));
    }
    let client_id = guid(written).unwrap_or_else(|| {
        faults.push(under_bot(
            fault("a managed identity is named by its client id, which has the form of a GUID".to_owned())
                .help("copy `Client ID` from the page of the identity in the Azure portal")
                .under("managed_identity")
                .under("workload_identity"),
        ));
        String::new()
    });
    Federation::ManagedIdentity { client_id }
}

fn secret(written: Option<&str>, path: &[&str], faults: &mut Vec<Fault>) -> Option<SecretName> {
    let name = SecretName::new(written?.trim());
    if name.is_err() {
        let path: Vec<Step> = path.iter().map(|key| Step::from(*key)).collect();
        faults.push(under_bot(at(pasted_secret(), &path)));
    }
    name.ok()
}

fn fault(message: String) -> Fault {
    Fault::error("settings::credential", message)
}

fn under_bot(fault: Fault) -> Fault {
    fault.under("bot")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn compiled(bot: Value) -> (Credential, Vec<Fault>) {
        let mut faults = Vec::new();
        let file: BotFile = serde_json::from_value(bot).unwrap();
        (compile(&file, &mut faults), faults)
    }

    fn name(text: &str) -> SecretName {
        SecretName::new(text).unwrap()
    }

    #[test]
    fn each_kind_of_proof_is_said_in_a_few_words() {
        for (bot, credential) in [
            (json!({}), Credential::Secret(name("HERALD_BOT_SECRET"))),
            (json!({ "managed_identity": false }), Credential::default()),
            (json!({ "secret": "MINE" }), Credential::Secret(name("MINE"))),
            (
                json!({ "certificate": { "certificate": "CERT", "key": "KEY", "send_chain": true } }),
                Credential::Certificate(CertificateNames {
                    certificate: name("CERT"),
                    key: name("KEY"),
                    send_chain: true,
                }),
            ),
            (
                json!({ "certificate": { "certificate": "BOTH" } }),
                Credential::Certificate(CertificateNames {
                    certificate: name("BOTH"),
                    key: name("BOTH"),
                    send_chain: false,
                }),
            ),
            (json!({ "managed_identity": true }), Credential::ManagedIdentity),
            (
                json!({ "tenant": "contoso.example", "workload_identity": {} }),
                Credential::WorkloadIdentity(Federation::TokenFile(None)),
            ),
            (
                json!({ "tenant": "contoso.example", "workload_identity": { "token_file": "/var/run/token" } }),
                Credential::WorkloadIdentity(Federation::TokenFile(Some("/var/run/token".to_owned()))),
            ),
            (
                json!({ "tenant": "contoso.example", "workload_identity": {
                    "managed_identity": "5D6C0F3A-0B1E-4C7E-9A41-7F0F3E2B1C10" } }),
                Credential::WorkloadIdentity(Federation::ManagedIdentity {
                    client_id: "5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10".to_owned(),
                }),
            ),
        ] {
            assert_eq!(compiled(bot.clone()), (credential, Vec::new()), "{bot}");
        }
    }

    #[test]
    fn a_proof_that_is_said_twice_or_by_halves_is_a_fault_at_its_place() {
        for (bot, path) in [
            (
                json!({ "secret": "A", "managed_identity": true }),
                &["bot", "managed_identity"][..],
            ),
            (
                json!({ "certificate": { "certificate": "A" }, "secret": "B" }),
                &["bot", "certificate"],
            ),
            (json!({ "workload_identity": {} }), &["bot", "workload_identity"]),
            (
                json!({ "tenant": "a.b", "workload_identity": { "managed_identity": "my-identity" } }),
                &["bot", "workload_identity", "managed_identity"],
            ),
            (
                json!({ "tenant": "a.b", "workload_identity": {
                    "token_file": "/x", "managed_identity": "5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10" } }),
                &["bot", "workload_identity", "token_file"],
            ),
            (
                json!({ "certificate": { "certificate": "-----BEGIN CERTIFICATE-----" } }),
                &["bot", "certificate", "certificate"],
            ),
            (
                json!({ "certificate": { "certificate": "A", "key": "-----BEGIN PRIVATE KEY-----" } }),
                &["bot", "certificate", "key"],
            ),
            (json!({ "secret": "Xq8~abc.DEF" }), &["bot", "secret"]),
        ] {
            let (_, faults) = compiled(bot.clone());
            assert_eq!(faults.len(), 1, "{bot}: {faults:?}");
            let path: Vec<Step> = path.iter().map(|key| Step::from(*key)).collect();
            assert_eq!(faults[0].path, path, "{bot}");
            assert!(!format!("{faults:?}").contains("BEGIN"), "{faults:?}");
        }
    }

    #[test]
    fn the_environment_chooses_one_of_several() {
        let bot = json!({ "managed_identity": true, "secret": "A" });
        let mut file: BotFile = serde_json::from_value(bot).unwrap();
        choose(&mut file, "secret").unwrap();
        let mut faults = Vec::new();
        assert_eq!(compile(&file, &mut faults), Credential::Secret(name("A")));
        choose(&mut file, "managed_identity").unwrap();
        assert_eq!(compile(&file, &mut faults), Credential::ManagedIdentity);
        assert_eq!(faults, []);
        assert!(
            choose(&mut file, "certificate")
                .unwrap_err()
                .contains("no `certificate:`")
        );
        assert!(
            choose(&mut file, "password")
                .unwrap_err()
                .contains("secret, certificate")
        );
    }
}
