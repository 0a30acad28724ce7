//! Ids shaped like Teams'. They are derived from names, so that a sandbox started again speaks of the same people
//! and conversations and whatever Herald remembers of them stays true.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Letters, digits, `-` and `_`, as many as asked for (at most 86).
fn opaque(parts: &[&str], length: usize) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(digest(parts));
    let mut more = parts.to_vec();
    more.push("more");
    text.push_str(&URL_SAFE_NO_PAD.encode(digest(&more)));
    text.truncate(length);
    text
}

/// A GUID in lower case.
pub(super) fn guid(parts: &[&str]) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(parts)[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// A person's id as this bot sees it: another bot would see another.
pub(super) fn account(app_id: &str, aad_object_id: &str) -> String {
    format!("29:1{}", opaque(&["account", app_id, aad_object_id], 63))
}

/// The personal chat of this bot and that person.
pub(super) fn personal_chat(app_id: &str, aad_object_id: &str) -> String {
    format!("a:1{}", opaque(&["personal", app_id, aad_object_id], 84))
}

/// The same chat as Graph names it.
pub(super) fn graph_chat(app_id: &str, aad_object_id: &str) -> String {
    format!("19:{aad_object_id}_{app_id}@unq.gbl.spaces")
}

/// A group chat.
pub(super) fn group_chat(tenant: &str, name: &str) -> String {
    format!("19:{}@thread.v2", hex::encode(&digest(&["chat", tenant, name])[..16]))
}

/// A team's General channel, which is the team's id too.
pub(super) fn team(tenant: &str, name: &str) -> String {
    format!("19:{}1@thread.tacv2", opaque(&["team", tenant, name], 43))
}

/// Any other channel.
pub(super) fn channel(team_id: &str, name: &str) -> String {
    format!(
        "19:{}@thread.tacv2",
        hex::encode(&digest(&["channel", team_id, name])[..16])
    )
}
