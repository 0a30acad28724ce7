//! Posts whose sender showed a certificate to the proxy in front of us: what the proxy says about it, and which proxy.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::Headers;
use super::refused::Refused;

/// The header in which Envoy, and proxies like it, tell of the certificate.
pub const FORWARDED: &str = "x-forwarded-client-cert";
/// The header in which a proxy says whether it verified the certificate, unless another one is named.
pub const VERIFIED: &str = "x-ssl-client-verify";

/// How much of what a proxy says is shown in a log.
const SHOWN: usize = 200;

/// Whose certificate opens a hook, and who is believed to have verified it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Where posts must come from; what others say about certificates proves nothing.
    pub proxies: Vec<IpNet>,
    /// The header that tells of the certificate, lower case.
    pub header: String,
    /// The header that must say `SUCCESS`, lower case; `None`: the proxy tells only of what it verified.
    pub verified_header: Option<String>,
    /// Whose certificates may post: subjects, fingerprints, or names, as the proxy writes them.
    pub clients: Vec<String>,
}

impl ClientCertificate {
    /// Lets in a post from `peer` with these headers. Returns what rules may know of the caller.
    ///
    /// # Errors
    /// The first thing that is wrong: 401 without a verified certificate, 403 for one that may not post.
    pub fn admit(&self, headers: &Headers, peer: Option<IpAddr>) -> Result<Value, Refused> {
        let is_proxy = |peer: IpAddr| self.proxies.iter().any(|known| known.contains(&peer.to_canonical()));
        if !peer.is_some_and(is_proxy) {
            return Err(Refused::NotThroughProxy { peer });
        }
        if let Some(header) = &self.verified_header {
            match one(headers, header)? {
                "SUCCESS" => {}
                "NONE" => return Err(Refused::Certificate("no certificate was shown")),
                _ => return Err(Refused::Certificate("the proxy did not accept the certificate")),
            }
        }
        let told = one(headers, &self.header)?;
        let presented = if self.header == FORWARDED {
            forwarded(told).ok_or_else(|| Refused::Malformed {
                header: self.header.clone(),
                expected: "about exactly one certificate",
            })?
        } else {
            vec![told.to_owned()]
        };
        let known = self
            .clients
            .iter()
            .find(|client| presented.iter().any(|shown| same(shown, client)));
        match known {
            Some(client) => Ok(json!({ "certificate": client })),
            None => Err(Refused::NotAllowed {
                why: "the owner of the certificate may not post here",
                who: presented
                    .join(", ")
                    .chars()
                    .take(SHOWN)
                    .map(|c| if c.is_control() { '?' } else { c })
                    .collect(),
            }),
        }
    }
}

/// Whether a proxy's text is what the author wrote. Fingerprints are compared by their digits.
fn same(shown: &str, written: &str) -> bool {
    match (fingerprint(shown), fingerprint(written)) {
        (Some(shown), Some(written)) => shown == written,
        _ => shown == written,
    }
}

/// The digits of `AB:CD:...`, `sha256:abcd...` or `abcd...`, if it is a SHA-256 or SHA-1 hash.
fn fingerprint(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let bare = lower
        .strip_prefix("sha256:")
        .or_else(|| lower.strip_prefix("sha1:"))
        .unwrap_or(&lower);
    let digits: String = bare.chars().filter(|c| *c != ':').collect();
    let is_hash = matches!(digits.len(), 40 | 64) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(digits)
}

/// The value of a header that must be there exactly once.
fn one<'a>(headers: &'a Headers, header: &str) -> Result<&'a str, Refused> {
    let mut values = headers.all(header);
    let missing = || Refused::Missing {
        header: header.to_owned(),
    };
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(Refused::Repeated {
            header: header.to_owned(),
        });
    }
    let value = str::from_utf8(value).map_err(|_| Refused::Malformed {
        header: header.to_owned(),
        expected: "UTF-8 text",
    })?;
    if value.trim().is_empty() {
        Err(missing())
    } else {
        Ok(value.trim())
    }
}

/// What one element of `X-Forwarded-Client-Cert` says about the certificate itself: its hash, subject and names. `None`
/// if it cannot be read, or tells of several certificates: which of them came from a stranger cannot be known.
fn forwarded(text: &str) -> Option<Vec<String>> {
    let mut told = Vec::new();
    let mut rest = text;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = value(after)?;
        let key = key.trim().to_ascii_lowercase();
        if key.contains([',', ';']) {
            return None;
        }
        // `By` is the proxy itself, `Cert` and `Chain` are the whole thing again.
        if matches!(key.as_str(), "hash" | "subject" | "uri" | "dns") && !value.is_empty() {
            told.push(value);
        }
        match after.strip_prefix(';') {
            Some(more) => rest = more,
            None if after.trim().is_empty() => return Some(told),
            None => return None,
        }
    }
}

/// A value, quoted or not, and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return Some((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut signs = quoted.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => value.push(signs.next()?.1),
            '"' => return Some((value, &quoted[at + 1..])),
            _ => value.push(sign),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::headers;
    use super::*;

    const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

    fn hook(header: &str, verified_header: Option<&str>, clients: &[&str]) -> ClientCertificate {
        ClientCertificate {
            proxies: vec!["10.0.0.0/24".parse().unwrap(), "::1/128".parse().unwrap()],
            header: header.to_owned(),
            verified_header: verified_header.map(str::to_owned),
            clients: clients.iter().map(|client| (*client).to_owned()).collect(),
        }
    }

    fn from(address: &str) -> Option<IpAddr> {
        Some(address.parse().unwrap())
    }

    #[test]
    fn a_certificate_that_the_proxy_verified_lets_its_owner_in() {
        let hook = hook("x-ssl-client-s-dn", Some(VERIFIED), &["CN=erp,O=Contoso"]);
        let said = |verified: &str, subject: &str| {
            headers(&[("X-SSL-Client-Verify", verified), ("X-SSL-Client-S-DN", subject)])
        };
        let good = said("SUCCESS", "CN=erp,O=Contoso");
        let known = Ok(json!({ "certificate": "CN=erp,O=Contoso" }));
        assert_eq!(hook.admit(&good, from("10.0.0.7")), known);
        assert_eq!(hook.admit(&good, from("::ffff:10.0.0.7")), known);
        assert_eq!(hook.admit(&good, from("::1")), known);
        for stranger in [from("10.0.1.7"), from("127.0.0.1"), None] {
            let refused = hook.admit(&good, stranger).unwrap_err();
            assert_eq!(refused, Refused::NotThroughProxy { peer: stranger });
            assert_eq!(refused.status(), 401);
        }
        let asked = |headers: &Headers| hook.admit(headers, from("10.0.0.7")).unwrap_err();
        assert!(matches!(asked(&said("NONE", "")), Refused::Certificate(_)));
        assert!(matches!(
            asked(&said("FAILED:certificate has expired", "CN=erp,O=Contoso")),
            Refused::Certificate(_)
        ));
        assert_eq!(asked(&said("SUCCESS", "CN=erp,O=Contoso,OU=x")).status(), 403);
        assert!(matches!(
            asked(&headers(&[("X-SSL-Client-S-DN", "CN=erp,O=Contoso")])),
            Refused::Missing { .. }
        ));
        let twice = headers(&[
            ("X-SSL-Client-Verify", "SUCCESS"),
            ("X-SSL-Client-S-DN", "CN=erp,O=Contoso"),
            ("x-ssl-client-s-dn", "CN=other"),
        ]);
        assert!(matches!(asked(&twice), Refused::Repeated { .. }));
    }

    #[test]
    fn what_envoy_says_is_understood() {
        let told = format!(
            "By=spiffe://contoso/herald;Hash={HASH};Subject=\"CN=erp,O=\\\"Contoso; Inc\\\"\";URI=spiffe://contoso/erp;DNS=erp.contoso.example;DNS=b.example"
        );
        let ask = |client: &str| {
            hook(FORWARDED, None, &[client]).admit(&headers(&[("X-Forwarded-Client-Cert", &told)]), from("10.0.0.7"))
        };
        for client in [
            HASH,
            &HASH.to_uppercase(),
            "spiffe://contoso/erp",
            "erp.contoso.example",
            "b.example",
            "CN=erp,O=\"Contoso; Inc\"",
        ] {
            assert!(ask(client).is_ok(), "{client}");
        }
        let colons: Vec<String> = HASH
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).into())
            .collect();
        assert!(ask(&format!("SHA256:{}", colons.join(":"))).is_ok());
        for client in ["spiffe://contoso/herald", "CN=erp", "contoso.example", ""] {
            assert_eq!(ask(client).unwrap_err().status(), 403, "{client}");
        }
    }

    #[test]
    fn what_could_be_a_strangers_word_is_not_believed() {
        for told in [
            "Hash=aa,Hash=bb",
            "Hash=aa;Subject=\"CN=x\",Hash=bb",
            "Subject=\"CN=x",
            "nonsense",
            ",Hash=aa",
            "Hash=aa;",
            "Subject=\"CN=x\"y",
        ] {
            assert_eq!(forwarded(told), None, "{told}");
        }
        assert_eq!(forwarded("By=x;Hash=aa"), Some(vec!["aa".to_owned()]));
        assert_eq!(forwarded("By=x"), Some(Vec::new()));
    }
}
