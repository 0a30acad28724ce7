//! Is this post from someone who knows the secret? Decided over the raw bytes, before anything is parsed.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use super::refused::{Refused, TOLERANCE};
use super::{Algorithm, Authentication, Encoding, Hook, Request};

/// Senders disagree about the padding of base64; its meaning does not depend on it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Hook {
    /// Lets a post in if it proves knowledge of one of `secrets` (in the order of [`Hook::secrets`]).
    ///
    /// Returns the place of the secret that fitted, from 0, so that an operator can see when the old one is no longer
    /// used; `None` where no proof is asked for. Comparisons take the same time wherever the difference is. Empty
    /// secrets fit nothing.
    ///
    /// # Errors
    /// The first thing that is wrong; `body` is never parsed for it.
    pub fn verify(
        &self,
        request: &Request<'_>,
        secrets: &[&[u8]],
        now: DateTime<Utc>,
    ) -> Result<Option<usize>, Refused> {
        let secrets = Secrets(secrets);
        match &self.authentication {
            Authentication::None => Ok(None),
            Authentication::Url => secrets.equal(request.key.ok_or(Refused::NoKey)?.as_bytes()),
            Authentication::Github => {
                let header = "X-Hub-Signature-256";
                let expected = "`sha256=` and 64 hexadecimal digits";
                let presented = signature(one(request, header)?, "sha256=", Encoding::Hex)
                    .ok_or_else(|| malformed(header, expected))?;
                secrets.sign(Algorithm::Sha256, &[request.body], &[presented])
            }
            Authentication::Gitlab => secrets.equal(one(request, "X-Gitlab-Token")?.as_bytes()),
            Authentication::Slack => slack(request, &secrets, now),
            Authentication::Stripe => stripe(request, &secrets, now),
            Authentication::StandardWebhooks => standard_webhooks(request, &secrets, now),
            Authentication::Bearer => {
                let token = bearer_token(request)?;
                secrets.equal(token.as_bytes())
            }
            Authentication::ApiKey { header } => secrets.equal(one(request, header)?.as_bytes()),
            Authentication::Basic { user } => basic(request, user, &secrets),
            Authentication::Hmac {
                header,
                algorithm,
                encoding,
                prefix,
            } => {
                let presented = signature(one(request, header)?, prefix, *encoding)
                    .ok_or_else(|| malformed(header, "a signature in the form this hook declares"))?;
                secrets.sign(*algorithm, &[request.body], &[presented])
            }
            // Their proof is no secret, and is looked at elsewhere; here nobody is let in.
            Authentication::Entra(_) | Authentication::ClientCertificate(_) => Err(Refused::NoSecret),
        }
    }
}

/// The token of the one `Authorization: Bearer` header.
///
/// # Errors
/// There is none, or the header looks otherwise.
pub fn bearer_token<'a>(request: &Request<'a>) -> Result<&'a str, Refused> {
    authorization(request, "Bearer", "`Bearer` and a token")
}

/// `v0=` and the HMAC of `v0:TIME:BODY`.
fn slack(request: &Request<'_>, secrets: &Secrets<'_>, now: DateTime<Utc>) -> Result<Option<usize>, Refused> {
    let time = one(request, "X-Slack-Request-Timestamp")?;
    let header = "X-Slack-Signature";
    let presented = signature(one(request, header)?, "v0=", Encoding::Hex)
        .ok_or_else(|| malformed(header, "`v0=` and 64 hexadecimal digits"))?;
    in_time("X-Slack-Request-Timestamp", time, now)?;
    secrets.sign(
        Algorithm::Sha256,
        &[b"v0:", time.as_bytes(), b":", request.body],
        &[presented],
    )
}

/// `t=TIME,v1=SIGNATURE`, with more `v1` while Stripe rolls its secret; other schemes in the list do not count.
fn stripe(request: &Request<'_>, secrets: &Secrets<'_>, now: DateTime<Utc>) -> Result<Option<usize>, Refused> {
    let header = "Stripe-Signature";
    let wrong = || malformed(header, "`t=TIME,v1=SIGNATURE`");
    let (mut time, mut presented) = (None, Vec::new());
    for part in one(request, header)?.split(',') {
        match part.trim().split_once('=').ok_or_else(wrong)? {
            ("t", value) if time.is_none() => time = Some(value),
            ("t", _) => return Err(wrong()),
            ("v1", value) => presented.push(hex::decode(value).map_err(|_| wrong())?),
            (_other_scheme, _) => {}
        }
    }
    let time = time.filter(|_| !presented.is_empty()).ok_or_else(wrong)?;
    in_time(header, time, now)?;
    secrets.sign(Algorithm::Sha256, &[time.as_bytes(), b".", request.body], &presented)
}

/// The HMAC of `ID.TIME.BODY`; several signatures stand apart by blanks, and those of other versions do not count.
fn standard_webhooks(
    request: &Request<'_>,
    secrets: &Secrets<'_>,
    now: DateTime<Utc>,
) -> Result<Option<usize>, Refused> {
    let prefix = standard_prefix(request);
    let (id, time) = (format!("{prefix}-id"), format!("{prefix}-timestamp"));
    let header = format!("{prefix}-signature");
    let (id, sent_at) = (one(request, &id)?, one(request, &time)?);
    let presented: Vec<Vec<u8>> = one(request, &header)?
        .split_ascii_whitespace()
        .filter_map(|entry| BASE64.decode(entry.strip_prefix("v1,")?).ok())
        .collect();
    if presented.is_empty() {
        return Err(malformed(&header, "`v1,` and a base64 signature"));
    }
    in_time(&time, sent_at, now)?;
    let keys: Vec<Vec<u8>> = secrets.0.iter().map(|secret| standard_key(secret)).collect();
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    Secrets(&keys).sign(
        Algorithm::Sha256,
        &[id.as_bytes(), b".", sent_at.as_bytes(), b".", request.body],
        &presented,
    )
}

/// What the names of the three headers begin with: Svix, where the standard grew up, still says `svix-`. The headers
/// must agree, or the id of a replay could come from outside the signature.
pub(super) fn standard_prefix(request: &Request<'_>) -> &'static str {
    let has = |header: &str| request.headers.all(header).next().is_some();
    if has("svix-signature") && !has("webhook-signature") {
        "svix"
    } else {
        "webhook"
    }
}

/// The key inside `whsec_BASE64`; empty, and so fitting nothing, when it is not base64.
fn standard_key(secret: &[u8]) -> Vec<u8> {
    BASE64
        .decode(secret.strip_prefix(b"whsec_").unwrap_or(secret))
        .unwrap_or_default()
}

fn basic(request: &Request<'_>, user: &str, secrets: &Secrets<'_>) -> Result<Option<usize>, Refused> {
    let expected = "`Basic` and base64 of `user:password`";
    let wrong = || malformed("Authorization", expected);
    let pair = BASE64
        .decode(authorization(request, "Basic", expected)?)
        .map_err(|_| wrong())?;
    let colon = pair.iter().position(|byte| *byte == b':').ok_or_else(wrong)?;
    let known_user = same(&pair[..colon], user.as_bytes());
    let found = secrets.equal(&pair[colon + 1..]);
    if bool::from(known_user) {
        found
    } else {
        found.and(Err(Refused::Mismatch))
    }
}

/// The value of a header that must be there exactly once, as text.
fn one<'a>(request: &Request<'a>, header: &str) -> Result<&'a str, Refused> {
    let mut values = request.headers.all(header);
    let missing = || Refused::Missing {
        header: header.to_owned(),
    };
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(Refused::Repeated {
            header: header.to_owned(),
        });
    }
    let value = str::from_utf8(value)
        .map_err(|_| malformed(header, "UTF-8 text"))?
        .trim();
    if value.is_empty() { Err(missing()) } else { Ok(value) }
}

/// The credentials after the scheme's name, which is written in any case.
fn authorization<'a>(request: &Request<'a>, scheme: &str, expected: &'static str) -> Result<&'a str, Refused> {
    let value = one(request, "Authorization")?;
    match value.split_once(' ') {
        Some((name, credentials)) if name.eq_ignore_ascii_case(scheme) => Ok(credentials.trim_start()),
        Some(_) | None => Err(malformed("Authorization", expected)),
    }
}

fn malformed(header: &str, expected: &'static str) -> Refused {
    Refused::Malformed {
        header: header.to_owned(),
        expected,
    }
}

fn signature(value: &str, prefix: &str, encoding: Encoding) -> Option<Vec<u8>> {
    let digits = value.strip_prefix(prefix)?;
    match encoding {
        Encoding::Hex => hex::decode(digits).ok(),
        Encoding::Base64 => BASE64.decode(digits).ok(),
    }
}

fn in_time(header: &str, time: &str, now: DateTime<Utc>) -> Result<(), Refused> {
    let time: i64 = time
        .parse()
        .map_err(|_| malformed(header, "a time in seconds since 1970"))?;
    if now.timestamp().abs_diff(time) > TOLERANCE {
        return Err(Refused::OutOfTime {
            age: now.timestamp().saturating_sub(time),
        });
    }
    Ok(())
}

/// The secrets a caller may know. All of them are tried, always.
struct Secrets<'a>(&'a [&'a [u8]]);

impl Secrets<'_> {
    /// Which secret is what was presented?
    fn equal(&self, presented: &[u8]) -> Result<Option<usize>, Refused> {
        self.first(|secret| same(secret, presented))
    }

    /// Under which secret does one of the signatures belong to the message?
    fn sign(&self, algorithm: Algorithm, message: &[&[u8]], presented: &[Vec<u8>]) -> Result<Option<usize>, Refused> {
        self.first(|secret| {
            let right = mac(algorithm, secret, message);
            presented
                .iter()
                .fold(Choice::from(0), |fits, signature| fits | right.ct_eq(signature))
        })
    }

    fn first(&self, fits: impl Fn(&[u8]) -> Choice) -> Result<Option<usize>, Refused> {
        // An empty key is one that everybody knows.
        let usable = self.0.iter().enumerate().filter(|(_, secret)| !secret.is_empty());
        let tried: Vec<(usize, bool)> = usable.map(|(place, secret)| (place, fits(secret).into())).collect();
        match tried.iter().find(|(_, fits)| *fits) {
            Some((place, _)) => Ok(Some(*place)),
            None if tried.is_empty() => Err(Refused::NoSecret),
            None => Err(Refused::Mismatch),
        }
    }
}

/// Compares without telling the length either: the hashes of both have one length.
fn same(left: &[u8], right: &[u8]) -> Choice {
    Sha256::digest(left).ct_eq(&Sha256::digest(right))
}

fn mac(algorithm: Algorithm, key: &[u8], message: &[&[u8]]) -> Vec<u8> {
    fn run<M: Mac + KeyInit>(key: &[u8], message: &[&[u8]]) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).expect("an HMAC takes a key of any length");
        message.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::Sha256 => run::<Hmac<Sha256>>(key, message),
        Algorithm::Sha1 => run::<Hmac<Sha1>>(key, message),
        Algorithm::Sha512 => run::<Hmac<Sha512>>(key, message),
    }
}

#[cfg(test)]
mod tests {
    // The signatures below were computed with openssl and Python, not with this code.
    use chrono::TimeZone;

    use super::super::tests::{headers, hook, post};
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn at(seconds: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(seconds, 0).unwrap()
    }

    fn asked_at(
        authentication: Authentication,
        pairs: &[(&str, &str)],
        body: &[u8],
        secrets: &[&[u8]],
        seconds: i64,
    ) -> Result<Option<usize>, Refused> {
        hook(authentication).verify(&post(&headers(pairs), body), secrets, at(seconds))
    }

    fn asked(
        authentication: Authentication,
        pairs: &[(&str, &str)],
        body: &[u8],
        secrets: &[&[u8]],
    ) -> Result<Option<usize>, Refused> {
        asked_at(authentication, pairs, body, secrets, NOW)
    }

    const GITHUB: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const GITHUB_SECRET: &[u8] = b"It's a Secret to Everybody";

    #[test]
    fn github_is_let_in_with_the_right_signature_alone() {
        let ask = |signature: &str, body: &[u8]| {
            asked(
                Authentication::Github,
                &[("x-hub-signature-256", signature)],
                body,
                &[GITHUB_SECRET],
            )
        };
        assert_eq!(ask(GITHUB, b"Hello, World!"), Ok(Some(0)));
        assert_eq!(
            ask(&GITHUB.replace("757", "756"), b"Hello, World!"),
            Err(Refused::Mismatch)
        );
        assert_eq!(ask(GITHUB, b"Hello, World"), Err(Refused::Mismatch), "a changed body");
        assert_eq!(
            ask(&GITHUB[..61], b"Hello, World!"),
            Err(Refused::Mismatch),
            "a cut signature"
        );
        for broken in ["sha1=7571", "757107ea", "sha256=xyz", "sha256=757"] {
            assert!(
                matches!(ask(broken, b"Hello, World!"), Err(Refused::Malformed { .. })),
                "{broken}"
            );
        }
    }

    #[test]
    fn a_proof_that_is_missing_or_doubled_is_refused_before_anything_is_computed() {
        let ask = |pairs: &[(&str, &str)]| asked(Authentication::Github, pairs, b"Hello, World!", &[GITHUB_SECRET]);
        let header = "X-Hub-Signature-256".to_owned();
        assert_eq!(ask(&[]), Err(Refused::Missing { header: header.clone() }));
        assert_eq!(
            ask(&[("X-Hub-Signature-256", "")]),
            Err(Refused::Missing { header: header.clone() })
        );
        assert_eq!(
            ask(&[("X-Hub-Signature-256", GITHUB), ("x-hub-signature-256", GITHUB)]),
            Err(Refused::Repeated { header })
        );
    }

    #[test]
    fn both_secrets_fit_while_one_replaces_the_other() {
        let ask = |secrets: &[&[u8]]| {
            let pairs = [("X-Hub-Signature-256", GITHUB)];
            asked(Authentication::Github, &pairs, b"Hello, World!", secrets)
        };
        assert_eq!(
            ask(&[b"new", GITHUB_SECRET]),
            Ok(Some(1)),
            "the operator sees that the old one is in use"
        );
        assert_eq!(ask(&[GITHUB_SECRET, b"old"]), Ok(Some(0)));
        assert_eq!(ask(&[b"new", b"newer"]), Err(Refused::Mismatch));
    }

    #[test]
    fn an_empty_secret_fits_nobody() {
        // HMAC under the empty key is something anyone can compute.
        let empty_key = "sha256=2bbcfa9524f3218c7a34b30e6936f8b1a4516cb097f1a85a1c7d98b5977ec769";
        let ask = |secrets: &[&[u8]]| {
            asked(
                Authentication::Github,
                &[("X-Hub-Signature-256", empty_key)],
                b"Hello, World!",
                secrets,
            )
        };
        assert_eq!(ask(&[]), Err(Refused::NoSecret));
        assert_eq!(ask(&[b""]), Err(Refused::NoSecret));
        assert_eq!(ask(&[b"", b"real"]), Err(Refused::Mismatch));
        let token = |secrets: &[&[u8]]| asked(Authentication::Gitlab, &[("X-Gitlab-Token", "x")], b"", secrets);
        assert_eq!(token(&[b""]), Err(Refused::NoSecret));
        assert_eq!(Refused::NoSecret.status(), 503, "the sender should try again");
    }

    #[test]
    fn gitlab_shows_the_secret_itself() {
        let ask = |token: &str| {
            asked(
                Authentication::Gitlab,
                &[("X-Gitlab-Token", token)],
                b"{}",
                &[b"glt-77"],
            )
        };
        assert_eq!(ask("glt-77"), Ok(Some(0)));
        assert_eq!(ask("glt-7"), Err(Refused::Mismatch));
        assert_eq!(ask("glt-777"), Err(Refused::Mismatch));
    }

    #[test]
    fn slack_signs_the_time_too_so_an_old_post_is_refused() {
        let signature = "v0=bfb79235253ec531a472cc2d03ac1096be108386aa1c827721b73586e6e00cff";
        let ask = |time: &str, seconds: i64| {
            asked_at(
                Authentication::Slack,
                &[("X-Slack-Request-Timestamp", time), ("X-Slack-Signature", signature)],
                b"token=x&team_id=T1",
                &[b"8f742231b10e8888abcd99yyyzzz85a5"],
                seconds,
            )
        };
        assert_eq!(ask("1700000000", NOW), Ok(Some(0)));
        assert_eq!(ask("1700000000", NOW + 300), Ok(Some(0)));
        assert_eq!(ask("1700000000", NOW + 301), Err(Refused::OutOfTime { age: 301 }));
        assert_eq!(ask("1700000000", NOW - 301), Err(Refused::OutOfTime { age: -301 }));
        assert_eq!(
            ask("1700000001", NOW),
            Err(Refused::Mismatch),
            "the time cannot be refreshed"
        );
        assert!(matches!(ask("yesterday", NOW), Err(Refused::Malformed { .. })));
        assert!(matches!(
            ask("-9223372036854775808", NOW),
            Err(Refused::OutOfTime { .. })
        ));
    }

    #[test]
    fn stripe_may_send_several_signatures_while_it_rolls_its_secret() {
        let right = "248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb1618b9bf8ea9c9a";
        let wrong = "00".repeat(32);
        let ask = |header: String| {
            asked(
                Authentication::Stripe,
                &[("Stripe-Signature", &header)],
                br#"{"id":"evt_1"}"#,
                &[b"whsec_test_secret"],
            )
        };
        assert_eq!(ask(format!("t={NOW},v1={right}")), Ok(Some(0)));
        assert_eq!(
            ask(format!("t={NOW}, v1={wrong}, v1={right}, v0=anything")),
            Ok(Some(0))
        );
        assert_eq!(ask(format!("t={NOW},v1={wrong}")), Err(Refused::Mismatch));
        for broken in [
            format!("t={NOW},v0={right}"),
            format!("v1={right}"),
            format!("t={NOW},t=1,v1={right}"),
            "nonsense".to_owned(),
        ] {
            assert!(
                matches!(ask(broken.clone()), Err(Refused::Malformed { .. })),
                "{broken}"
            );
        }
        assert!(matches!(
            ask(format!("t={},v1={right}", NOW - 400)),
            Err(Refused::OutOfTime { age: 400 })
        ));
    }

    #[test]
    fn standard_webhooks_sign_id_time_and_body_with_the_key_inside_the_secret() {
        let ask = |signature: &str, id: &str, secret: &[u8]| {
            asked_at(
                Authentication::StandardWebhooks,
                &[
                    ("webhook-id", id),
                    ("webhook-timestamp", "1614265330"),
                    ("webhook-signature", signature),
                ],
                br#"{"test": 2432232314}"#,
                &[secret],
                1_614_265_330,
            )
        };
        let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let secret = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(ask(right, id, secret), Ok(Some(0)));
        assert_eq!(ask(right.trim_end_matches('='), id, secret), Ok(Some(0)));
        assert_eq!(ask(right, id, &secret[6..]), Ok(Some(0)), "the prefix may be left out");
        assert_eq!(ask(&format!("v1a,AAAA v1,AAAA {right}"), id, secret), Ok(Some(0)));
        assert_eq!(
            ask(right, "msg_other", secret),
            Err(Refused::Mismatch),
            "the id is signed"
        );
        assert_eq!(ask(right, id, b"whsec_not base64!"), Err(Refused::NoSecret));
        assert!(matches!(ask("v1a,AAAA", id, secret), Err(Refused::Malformed { .. })));
    }

    #[test]
    fn the_older_header_names_of_standard_webhooks_work_but_do_not_mix() {
        let signature = ("svix-signature", "v1,kwpUgH75G850+Q91OQR7mAyiORqzc1AmYgye9IOnAnw=");
        let secret: &[u8] = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let ask =
            |pairs: &[(&str, &str)]| asked(Authentication::StandardWebhooks, pairs, br#"{"type":"x"}"#, &[secret]);
        let time = ("svix-timestamp", "1700000000");
        assert_eq!(ask(&[("svix-id", "msg_1"), time, signature]), Ok(Some(0)));
        assert!(matches!(
            ask(&[("webhook-id", "msg_1"), time, signature]),
            Err(Refused::Missing { .. })
        ));
    }

    #[test]
    fn bearer_api_key_and_basic_show_a_secret_in_their_headers() {
        let bearer = |value: &str| asked(Authentication::Bearer, &[("Authorization", value)], b"", &[b"s3cret"]);
        assert_eq!(bearer("Bearer s3cret"), Ok(Some(0)));
        assert_eq!(bearer("bearer s3cret"), Ok(Some(0)));
        assert_eq!(bearer("Bearer other"), Err(Refused::Mismatch));
        assert!(matches!(bearer("s3cret"), Err(Refused::Malformed { .. })));

        let header = "x-api-key".to_owned();
        let key = |name: &str| {
            asked(
                Authentication::ApiKey { header: header.clone() },
                &[(name, "s3cret")],
                b"",
                &[b"s3cret"],
            )
        };
        assert_eq!(key("X-API-Key"), Ok(Some(0)));
        assert!(matches!(key("X-Other"), Err(Refused::Missing { .. })));

        let user = "herald".to_owned();
        let basic = |value: &str| {
            let authentication = Authentication::Basic { user: user.clone() };
            asked(authentication, &[("Authorization", value)], b"", &[b"pass:word"])
        };
        assert_eq!(basic("Basic aGVyYWxkOnBhc3M6d29yZA=="), Ok(Some(0)));
        assert_eq!(
            basic("Basic b3RoZXI6cGFzczp3b3Jk"),
            Err(Refused::Mismatch),
            "another user"
        );
        assert_eq!(basic("Basic aGVyYWxkOndyb25n"), Err(Refused::Mismatch));
        assert!(
            matches!(basic("Basic aGVyYWxk"), Err(Refused::Malformed { .. })),
            "no colon"
        );
    }

    #[test]
    fn any_hmac_of_the_body_can_be_described() {
        let ask = |algorithm, encoding, prefix: &str, value: &str| {
            let authentication = Authentication::Hmac {
                header: "x-sign".to_owned(),
                algorithm,
                encoding,
                prefix: prefix.to_owned(),
            };
            let body = b"The quick brown fox jumps over the lazy dog";
            asked(authentication, &[("X-Sign", value)], body, &[b"key"])
        };
        let sha256 = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        assert_eq!(ask(Algorithm::Sha256, Encoding::Hex, "", sha256), Ok(Some(0)));
        assert_eq!(
            ask(Algorithm::Sha256, Encoding::Hex, "", &sha256.to_uppercase()),
            Ok(Some(0))
        );
        assert_eq!(
            ask(
                Algorithm::Sha1,
                Encoding::Base64,
                "sha1=",
                "sha1=3nybhbi3iqa8ino29wqQcBydtNk="
            ),
            Ok(Some(0))
        );
        let sha512 = "tCrwkFe6weLUFwjkipAuCbX/fxKrQopP6GZTxz3SSPuC+UilSfe3kaW0GRXuTR7Dk1NX5OIxclDQNyr6Lr7rOg";
        assert_eq!(ask(Algorithm::Sha512, Encoding::Base64, "", sha512), Ok(Some(0)));
        assert_eq!(ask(Algorithm::Sha1, Encoding::Hex, "", sha256), Err(Refused::Mismatch));
        assert!(matches!(
            ask(Algorithm::Sha256, Encoding::Hex, "sha256=", sha256),
            Err(Refused::Malformed { .. })
        ));
    }

    #[test]
    fn the_last_part_of_the_address_can_be_the_secret() {
        let ask = |key: Option<&str>, secrets: &[&[u8]]| {
            let sent = headers(&[]);
            let request = crate::hook::Request {
                key,
                ..post(&sent, b"{}")
            };
            hook(Authentication::Url).verify(&request, secrets, at(NOW))
        };
        assert_eq!(ask(Some("4f9c"), &[b"4f9c"]), Ok(Some(0)));
        assert_eq!(ask(Some("4f9c"), &[b"new", b"4f9c"]), Ok(Some(1)));
        assert_eq!(ask(Some("4f9"), &[b"4f9c"]), Err(Refused::Mismatch));
        assert_eq!(ask(Some(""), &[b""]), Err(Refused::NoSecret));
        assert_eq!(ask(None, &[b"4f9c"]), Err(Refused::NoKey));
    }

    #[test]
    fn a_hook_without_proof_lets_everybody_in() {
        assert_eq!(asked(Authentication::None, &[], b"x", &[]), Ok(None));
    }
}
