//! What Microsoft says when it gives no token, in words.

use serde_json::Value;

use super::NoToken;

/// Why `host` gave no token, by the status and the body of its answer.
pub(super) fn by_login(host: &str, status: u16, body: &Value) -> NoToken {
    NoToken {
        sentence: format!("{host} gives no token: {}", refusal(status, body)),
        way_out: numbers(body)
            .into_iter()
            .find_map(explained)
            .map(|(_, way_out)| way_out),
    }
}

/// What a refusal says: Microsoft's stable numbers and what they usually mean. Its prose is left out, since nobody
/// promises what it repeats.
fn refusal(status: u16, body: &Value) -> String {
    let numbers = numbers(body);
    let mut told = format!("status {status}");
    let plain = |value: &Value| {
        let text = value.as_str()?;
        let plain = text.len() <= 40
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        plain.then(|| text.to_owned())
    };
    // Error words have no digits; anything else in that place is not a word of the protocol.
    if let Some(error) =
        plain(&body["error"]).filter(|error| error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    {
        told = format!("{told}, {error}");
    }
    for number in &numbers {
        told = format!("{told}, AADSTS{number}");
    }
    if let Some((meaning, way_out)) = numbers.iter().find_map(|number| explained(*number)) {
        told = format!("{told}: {meaning}; {way_out}");
    }
    if let Some(id) = plain(&body["correlation_id"]).filter(|id| is_guid(id)) {
        told = format!("{told} (correlation id {id})");
    }
    told
}

/// Microsoft's numbers for what went wrong.
fn numbers(body: &Value) -> Vec<u64> {
    let listed = body["error_codes"].as_array().into_iter().flatten();
    let numbers: Vec<u64> = listed.filter_map(Value::as_u64).take(5).collect();
    if !numbers.is_empty() {
        return numbers;
    }
    number_in(body["error_description"].as_str().unwrap_or_default())
        .into_iter()
        .collect()
}

fn number_in(description: &str) -> Option<u64> {
    let (_, rest) = description.split_once("AADSTS")?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .map_or(rest, |end| &rest[..end]);
    digits.parse().ok().filter(|number| *number < 100_000_000)
}

fn is_guid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}

/// What Microsoft means by a number, and the way out.
fn explained(number: u64) -> Option<(&'static str, &'static str)> {
    Some(match number {
        7_000_215 => ("the client secret is wrong", "use the secret's value, not its id"),
        7_000_222 => ("the client secret has expired", "make a new one"),
        7_000_216 | 7_000_218 => ("no client secret arrived", "set the secret that `bot.secret` names"),
        700_027 => (
            "the signature of our certificate is not accepted",
            "upload the certificate to the app registration, under Certificates & secrets; it must be the one that \
             `bot.certificate` names",
        ),
        700_030 => (
            "the certificate's subject or issuer is not one the app registration trusts",
            "check which names the registration trusts, and `send_chain`",
        ),
        1_000_502 => (
            "the certificate has expired",
            "make a new one and upload it to the app registration",
        ),
        700_024 => (
            "our signed statement is not valid at this time",
            "set this machine's clock; of a token file, see whether the platform still renews it",
        ),
        700_021 | 700_023 => (
            "the token shown as proof is not meant for this",
            "check `bot.app_id`, `bot.tenant` and `bot.workload_identity`",
        ),
        70_021 | 700_211 | 700_212 | 700_213 => (
            "the app registration has no federated credential that fits the token shown as proof",
            "compare issuer, subject and audience under Certificates & secrets, Federated credentials",
        ),
        700_016 => (
            "the app is not known in that tenant",
            "check `bot.app_id`, and `bot.tenant` of a single-tenant bot",
        ),
        7_000_229 => (
            "the app has no service principal in that tenant",
            "register the bot in the tenant of `bot.tenant`, or name its own tenant there",
        ),
        7_000_112 => (
            "the app is switched off in Entra",
            "have an administrator enable sign-in for the enterprise application",
        ),
        90_002 => ("there is no such tenant", "check `bot.tenant`"),
        900_023 => ("that is not the name of a tenant", "check `bot.tenant`"),
        50_034 => (
            "no such account is in that tenant",
            "check `bot.tenant`: it must be the tenant where the bot is registered",
        ),
        500_011 => (
            "the Bot Framework is not known in that tenant",
            "check `bot.cloud` and `bot.tenant`",
        ),
        53_003 => (
            "a Conditional Access policy keeps the app out",
            "have an administrator let this machine's address through for the app",
        ),
        90_033 => ("Entra has a passing trouble", "try again in a few minutes"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_shows_the_numbers_and_the_way_out_and_none_of_the_prose() {
        let body = json!({
            "error": "invalid_client", "error_description": "AADSTS7000215: s3cr3t~value is wrong",
            "error_codes": [7_000_215], "trace_id": "x", "correlation_id": "0f1f62ac-7f0d-45a0-9d2e-3b60f1a2c3d4",
        });
        assert_eq!(
            refusal(401, &body),
            "status 401, invalid_client, AADSTS7000215: the client secret is wrong; use the secret's value, not its id \
             (correlation id 0f1f62ac-7f0d-45a0-9d2e-3b60f1a2c3d4)"
        );
        let only_prose = json!({"error_description": "AADSTS700016: s3cr3t"});
        assert!(refusal(400, &only_prose).contains("AADSTS700016"));
        let echo = json!({"error": "s3cr3t_value", "correlation_id": "s3cr3t", "error_codes": ["s3cr3t"]});
        assert_eq!(refusal(400, &echo), "status 400");
        assert_eq!(refusal(502, &Value::Null), "status 502");
    }
}
