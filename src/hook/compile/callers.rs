//! Who may post to hooks that ask for a token or a certificate in place of a secret.

use ipnet::IpNet;
use url::Url;

use super::super::client_certificate::{ClientCertificate, FORWARDED, VERIFIED};
use super::super::entra::Entra;
use super::super::file::HookFile;
use super::header_name;
use crate::diagnostic::Fault;
use crate::one_or_many::OneOrMany;
use crate::teams::cloud::Cloud;
use crate::teams::endpoints::is_loopback;

/// What `signature: entra` says of hook `name`.
pub(super) fn entra(name: &str, file: &HookFile, cloud: Cloud, faults: &mut Vec<Fault>) -> Entra {
    let audiences = list(&file.audience);
    let (roles, apps) = (list(&file.roles), list(&file.apps));
    if audiences.is_empty() {
        faults.push(
            of_entra(format!("the hook `{name}` does not say whom a token must be for"))
                .help("add `audience:` with the Application ID URI (or the client id) of the app registration that stands for Herald")
                .under("signature"),
        );
    }
    if roles.is_empty() && apps.is_empty() {
        faults.push(
            of_entra(format!(
                "every app of the tenant can get a token for `{name}`, and all of them could send messages to your colleagues"
            ))
            .help("add `roles:` with an app role, or `apps:` with the client ids of those who may post")
            .under("signature"),
        );
    }
    let mut expected = Entra {
        issuers: Vec::new(),
        tenant: None,
        openid: String::new(),
        audiences,
        roles,
        apps,
    };
    match (&file.tenant, &file.issuer) {
        (Some(tenant), None) => match guid(tenant) {
            Some(tenant) => {
                let login = cloud.login();
                expected.issuers = vec![
                    format!("https://sts.windows.net/{tenant}/"),
                    format!("https://{login}/{tenant}/v2.0"),
                ];
                expected.openid = format!("https://{login}/{tenant}/v2.0/.well-known/openid-configuration");
                expected.tenant = Some(tenant);
            }
            None => faults.push(
                of_entra("tokens name their tenant by its id, which has the form of a GUID".to_owned())
                    .help("copy `Tenant ID` from the overview of Entra: `8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01`")
                    .under("tenant"),
            ),
        },
        (None, Some(issuer)) => {
            let issuer = issuer.trim();
            if issuer.is_empty() {
                faults.push(of_entra("an issuer without a name would match nothing".to_owned()).under("issuer"));
            }
            expected.openid = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            expected.issuers = vec![issuer.to_owned()];
        }
        (None, None) => faults.push(
            of_entra(format!("the hook `{name}` does not say whose tokens it believes"))
                .help("add `tenant:` with the id of your tenant")
                .under("signature"),
        ),
        (Some(_), Some(_)) => faults.push(
            of_entra(
                "a token is believed because of its tenant or because of its issuer, but both are here".to_owned(),
            )
            .help("take one of them out; `tenant` is for Entra, `issuer` for other sign-in services")
            .on_key()
            .under("issuer"),
        ),
    }
    let named = file.openid.as_deref().map(|written| (written.trim(), "openid"));
    if let Some((openid, _)) = named {
        openid.clone_into(&mut expected.openid);
    }
    let place = named.map_or("issuer", |(_, place)| place);
    if !expected.openid.is_empty() && !is_safe(&expected.openid) {
        faults.push(
            of_entra(format!(
                "`{}` is not an https address, and whoever changes the keys on their way can post",
                expected.openid
            ))
            .help("write a whole address, such as `https://login.contoso.example/.well-known/openid-configuration`")
            .under(place),
        );
    }
    if expected.tenant.is_some() {
        for (index, app) in expected.apps.iter().enumerate() {
            if guid(app).is_none() {
                let fault = of_entra("an app is named by its client id, which has the form of a GUID".to_owned())
                    .help("copy `Application (client) ID` from the page of the app registration");
                let fault = if expected.apps.len() > 1 {
                    fault.under(index)
                } else {
                    fault
                };
                faults.push(fault.under("apps"));
            }
        }
    }
    expected
}

/// What `signature: client-certificate` says of hook `name`.
pub(super) fn client_certificate(name: &str, file: &HookFile, faults: &mut Vec<Fault>) -> ClientCertificate {
    let written = file
        .proxies
        .as_ref()
        .map(|proxies| proxies.0.as_slice())
        .unwrap_or_default();
    if written.is_empty() {
        faults.push(
            of_certificate(format!(
                "the hook `{name}` does not say which proxy verifies certificates, and anybody can write a header"
            ))
            .help("add `proxies:` with the address of your proxy, as Herald sees it: `proxies: 10.0.0.5`")
            .under("signature"),
        );
    }
    let mut proxies = Vec::new();
    for (index, text) in written.iter().enumerate() {
        match network(text.trim()) {
            Some(network) => proxies.push(network),
            None => {
                let fault = of_certificate(format!("`{text}` is not an address or a network"))
                    .help("write `10.0.0.5`, `10.0.0.0/24` or `fd00::/64`; names of machines do not work here");
                let fault = if written.len() > 1 { fault.under(index) } else { fault };
                faults.push(fault.under("proxies"));
            }
        }
    }
    let clients = list(&file.clients);
    if clients.is_empty() {
        faults.push(
            of_certificate(format!("the hook `{name}` does not say whose certificates may post"))
                .help("add `clients:` with subjects, fingerprints or names, as your proxy writes them")
                .under("signature"),
        );
    }
    let mut header = |written: &Option<String>, key: &str, otherwise: &str| match written {
        Some(written) => header_name(written).unwrap_or_else(|fault| {
            faults.push(fault.under(key));
            otherwise.to_owned()
        }),
        None => otherwise.to_owned(),
    };
    let told_in = header(&file.header, "header", FORWARDED);
    let verified_in = header(&file.verified_header, "verified_header", VERIFIED);
    let needs_word = told_in != FORWARDED || file.verified_header.is_some();
    ClientCertificate {
        proxies,
        header: told_in,
        verified_header: needs_word.then_some(verified_in),
        clients,
    }
}

/// One address or many: `10.0.0.5`, `10.0.0.0/24`.
fn network(text: &str) -> Option<IpNet> {
    let whole = || {
        text.parse()
            .ok()
            .map(|address: std::net::IpAddr| IpNet::from(address.to_canonical()))
    };
    text.parse().ok().or_else(whole)
}

fn list(written: &Option<OneOrMany<String>>) -> Vec<String> {
    let texts = written.iter().flat_map(|list| &list.0).map(|text| text.trim());
    texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

fn is_safe(written: &str) -> bool {
    Url::parse(written).is_ok_and(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)))
}

fn guid(text: &str) -> Option<String> {
    let id = uuid::Uuid::try_parse(text.trim()).ok()?;
    Some(id.hyphenated().to_string())
}

fn of_entra(message: String) -> Fault {
    Fault::error("hook::entra", message)
}

fn of_certificate(message: String) -> Fault {
    Fault::error("hook::client_certificate", message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::{Authentication, Hook};
    use super::*;
    use crate::diagnostic::Step;

    const TENANT: &str = "8A2B6F10-2F7E-4D0A-9C55-1B6D1F0E7A01";

    fn compiled(declared: Value, cloud: Cloud) -> Result<Authentication, Vec<Fault>> {
        let file: HookFile = serde_json::from_value(declared).unwrap();
        Hook::compile("erp", &file, cloud).map(|hook| hook.authentication)
    }

    #[test]
    fn a_tenant_stands_for_its_issuers_and_keys() {
        let declared = json!({ "signature": "entra", "tenant": TENANT, "audience": ["api://herald", "x"], "roles": "Events.Send" });
        let Ok(Authentication::Entra(expected)) = compiled(declared, Cloud::Gcch) else {
            panic!("a good hook");
        };
        assert_eq!(
            expected.issuers,
            [
                "https://sts.windows.net/8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01/",
                "https://login.microsoftonline.us/8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01/v2.0",
            ]
        );
        assert_eq!(
            expected.openid,
            "https://login.microsoftonline.us/8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01/v2.0/.well-known/openid-configuration"
        );
        assert_eq!(expected.audiences, ["api://herald", "x"]);
        let other =
            json!({ "signature": "entra", "issuer": "https://id.example/realms/a/", "audience": "x", "apps": "ci" });
        let Ok(Authentication::Entra(expected)) = compiled(other, Cloud::Public) else {
            panic!("a good hook");
        };
        assert_eq!(expected.issuers, ["https://id.example/realms/a/"]);
        assert_eq!(
            expected.openid,
            "https://id.example/realms/a/.well-known/openid-configuration"
        );
        assert_eq!(expected.tenant, None);
    }

    #[test]
    fn a_proxy_tells_in_envoys_header_unless_another_one_is_named() {
        let declared = json!({ "signature": "client-certificate", "proxies": "10.0.0.5", "clients": "CN=erp" });
        let Ok(Authentication::ClientCertificate(expected)) = compiled(declared, Cloud::Public) else {
            panic!("a good hook");
        };
        assert_eq!(expected.header, FORWARDED);
        assert_eq!(expected.verified_header, None);
        assert_eq!(expected.proxies, ["10.0.0.5/32".parse().unwrap()]);
        let declared = json!({ "signature": "client-certificate", "proxies": ["10.0.0.0/24", "::1"], "clients": ["CN=erp"],
            "header": "ssl-client-subject-dn", "verified_header": "ssl-client-verify" });
        let Ok(Authentication::ClientCertificate(expected)) = compiled(declared, Cloud::Public) else {
            panic!("a good hook");
        };
        assert_eq!(expected.header, "ssl-client-subject-dn");
        assert_eq!(expected.verified_header.as_deref(), Some("ssl-client-verify"));
    }

    #[test]
    fn what_is_missing_or_cannot_be_meant_is_told_at_its_place() {
        let entra = |more: Value| {
            let mut declared = json!({ "signature": "entra", "tenant": TENANT, "audience": "x", "roles": "r" });
            for (key, value) in more.as_object().unwrap() {
                declared[key] = value.clone();
            }
            declared.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            declared
        };
        let certificate = |more: Value| {
            let mut declared = json!({ "signature": "client-certificate", "proxies": "10.0.0.5", "clients": "CN=a" });
            for (key, value) in more.as_object().unwrap() {
                declared[key] = value.clone();
            }
            declared.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            declared
        };
        for (declared, place) in [
            (entra(json!({ "tenant": null })), vec![Step::from("signature")]),
            (entra(json!({ "tenant": "contoso.example" })), vec!["tenant".into()]),
            (entra(json!({ "audience": null })), vec!["signature".into()]),
            (entra(json!({ "roles": null })), vec!["signature".into()]),
            (entra(json!({ "issuer": "https://x.example" })), vec!["issuer".into()]),
            (
                entra(json!({ "tenant": null, "issuer": "http://x.example" })),
                vec!["issuer".into()],
            ),
            (
                entra(json!({ "openid": "http://x.example/keys" })),
                vec!["openid".into()],
            ),
            (entra(json!({ "apps": "ci" })), vec!["apps".into()]),
            (
                entra(json!({ "apps": ["8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01", "ci"] })),
                vec!["apps".into(), 1.into()],
            ),
            (entra(json!({ "secret": "A" })), vec!["secret".into()]),
            (entra(json!({ "clients": "CN=a" })), vec!["clients".into()]),
            (certificate(json!({ "proxies": null })), vec!["signature".into()]),
            (certificate(json!({ "clients": null })), vec!["signature".into()]),
            (
                certificate(json!({ "proxies": "proxy.example" })),
                vec!["proxies".into()],
            ),
            (
                certificate(json!({ "proxies": ["10.0.0.5", "10.0.0.0/99"] })),
                vec!["proxies".into(), 1.into()],
            ),
            (certificate(json!({ "header": "a b" })), vec!["header".into()]),
            (
                certificate(json!({ "verified_header": "a b" })),
                vec!["verified_header".into()],
            ),
            (certificate(json!({ "tenant": TENANT })), vec!["tenant".into()]),
        ] {
            let faults = compiled(declared.clone(), Cloud::Public).unwrap_err();
            assert_eq!(faults.len(), 1, "{declared}: {faults:?}");
            assert_eq!(faults[0].path, place, "{declared}: {faults:?}");
        }
    }
}
