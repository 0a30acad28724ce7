//! Why a post is not let in, for two readers.

use std::net::IpAddr;

/// How far a sender's clock may be from ours, in seconds, either way. Older posts may be replays.
pub const TOLERANCE: u64 = 5 * 60;

/// Why a post is not let in. Two readers: [`Refused::log`] is for the operator, [`Refused::answer`] for the caller, who
/// may be anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The header that carries the proof is not there.
    Missing {
        /// The header.
        header: String,
    },
    /// The header is there more than once, so which one counts would be a guess.
    Repeated {
        /// The header.
        header: String,
    },
    /// The header does not look as it should.
    Malformed {
        /// The header.
        header: String,
        /// How it should look.
        expected: &'static str,
    },
    /// The post is older, or from further in the future, than [`TOLERANCE`].
    OutOfTime {
        /// Seconds since it was signed; negative for the future.
        age: i64,
    },
    /// The address ends where its last part, the key, should follow.
    NoKey,
    /// The proof is well-formed and wrong.
    Mismatch,
    /// We hold no usable secret for this hook, so nobody can prove anything.
    NoSecret,
    /// The token is no proof; the sentence holds nothing of it.
    Token(&'static str),
    /// There is no certificate that the proxy verified.
    Certificate(&'static str),
    /// The post did not come from a proxy that is believed.
    NotThroughProxy {
        /// Where it came from; `None`: not known.
        peer: Option<IpAddr>,
    },
    /// The caller is known, and may not post here.
    NotAllowed {
        /// What is missing.
        why: &'static str,
        /// Who it was, from what was proven; for the log alone.
        who: String,
    },
    /// The keys that sign tokens cannot be had, so nobody can prove anything.
    NoKeys(String),
}

impl Refused {
    /// The HTTP status: 401, 403 for a caller who is known and may not, or 503 when the fault is ours and the sender should try again.
    pub fn status(&self) -> u16 {
        match self {
            Refused::Missing { .. }
            | Refused::Repeated { .. }
            | Refused::Malformed { .. }
            | Refused::OutOfTime { .. }
            | Refused::NoKey
            | Refused::Mismatch
            | Refused::Token(_)
            | Refused::Certificate(_)
            | Refused::NotThroughProxy { .. } => 401,
            Refused::NotAllowed { .. } => 403,
            Refused::NoSecret | Refused::NoKeys(_) => 503,
        }
    }

    /// What happened, for the log. Holds nothing that the caller sent without proof.
    pub fn log(&self) -> String {
        match self {
            Refused::Missing { header } => format!("the header `{header}` is missing"),
            Refused::Repeated { header } => format!("the header `{header}` came more than once"),
            Refused::Malformed { header, expected } => format!("the header `{header}` is not {expected}"),
            Refused::OutOfTime { age } if *age >= 0 => {
                format!(
                    "it was signed {age} seconds ago; {TOLERANCE} are allowed (a replay, or a clock that is wrong)"
                )
            }
            Refused::OutOfTime { age } => format!(
                "it was signed {} seconds in the future; {TOLERANCE} are allowed (a clock is wrong)",
                age.unsigned_abs()
            ),
            Refused::NoKey => "the address has no key behind the hook's path".to_owned(),
            Refused::Mismatch => {
                "no secret of this hook fits (a wrong secret, or a body changed on its way)".to_owned()
            }
            Refused::NoSecret => {
                "this hook has no usable secret: it is empty, or not in the form its preset needs".to_owned()
            }
            Refused::Token(why) | Refused::Certificate(why) => (*why).to_owned(),
            Refused::NotThroughProxy { peer: Some(peer) } => {
                format!("it came from {peer}, which is none of the hook's `proxies`")
            }
            Refused::NotThroughProxy { peer: None } => "it is not known where it came from".to_owned(),
            Refused::NotAllowed { why, who } => format!("{why} ({who})"),
            Refused::NoKeys(why) => why.clone(),
        }
    }

    /// What the caller is told: enough to mend an honest mistake, nothing about our secrets.
    pub fn answer(&self) -> String {
        match self {
            Refused::Missing { header } => format!("The header `{header}` is missing."),
            Refused::Repeated { header } => format!("The header `{header}` came more than once."),
            Refused::Malformed { header, expected } => format!("The header `{header}` is not {expected}."),
            Refused::OutOfTime { .. } => {
                "The timestamp is more than 5 minutes away from this server's clock.".to_owned()
            }
            Refused::NoKey => {
                "The address is incomplete: the hook's key follows its path, as in `/hooks/NAME/KEY`.".to_owned()
            }
            Refused::Mismatch => "The signature or secret does not fit.".to_owned(),
            Refused::NoSecret | Refused::NoKeys(_) => "This hook is not ready. Try again later.".to_owned(),
            Refused::Token(why) | Refused::Certificate(why) | Refused::NotAllowed { why, .. } => sentence(why),
            Refused::NotThroughProxy { .. } => "This hook takes posts through its proxy only.".to_owned(),
        }
    }
}

/// `the token has expired` -> `The token has expired.`
fn sentence(why: &str) -> String {
    let mut signs = why.chars();
    let first = signs.next().map(|first| first.to_ascii_uppercase());
    let rest = signs.as_str();
    let stop = if rest.ends_with('?') { "" } else { "." };
    first.into_iter().chain(rest.chars()).chain(stop.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_hears_says_nothing_about_our_secrets() {
        assert_eq!(Refused::Mismatch.answer(), "The signature or secret does not fit.");
        assert_eq!(Refused::NoSecret.answer(), "This hook is not ready. Try again later.");
        let late = Refused::OutOfTime { age: 301 };
        assert_eq!(
            late.answer(),
            "The timestamp is more than 5 minutes away from this server's clock."
        );
        assert!(late.log().contains("301 seconds ago"));
        assert!(Refused::OutOfTime { age: -9 }.log().contains("9 seconds in the future"));
    }
}
