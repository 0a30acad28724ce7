//! Which other programs steps may call.

use url::Url;

use super::file::CallsFile;
use crate::diagnostic::Fault;

/// How many hosts each list has.
const MOST_HOSTS: usize = 1_000;

/// Which other programs steps may call; lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    /// Hosts on the internet, and domains as `*.contoso.example`.
    pub hosts: Vec<String>,
    /// Hosts that may be in a private network, and may be called without TLS.
    pub private_hosts: Vec<String>,
}

pub(super) fn compile(file: &CallsFile, faults: &mut Vec<Fault>) -> Calls {
    Calls {
        hosts: hosts("hosts", &file.hosts, faults),
        private_hosts: hosts("private_hosts", &file.private_hosts, faults),
    }
}

fn hosts(key: &'static str, written: &[String], faults: &mut Vec<Fault>) -> Vec<String> {
    let mut hosts = Vec::new();
    for (index, text) in written.iter().enumerate() {
        let lower = text.trim().to_ascii_lowercase();
        let (wild, name) = match lower.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, lower.as_str()),
        };
        // As an address would have it, so that `[::1]` and `::1` are the same.
        let name = match name.contains(':') && !name.starts_with('[') {
            true => format!("[{name}]"),
            false => name.to_owned(),
        };
        let read = Url::parse(&format!("https://{name}/"));
        let is_host = read.is_ok_and(|url| url.host_str() == Some(name.as_str()) && url.port().is_none());
        // `*.example` would be half the world.
        let fits = is_host && (!wild || name.contains('.')) && index < MOST_HOSTS;
        if fits {
            hosts.push(if wild { format!("*.{name}") } else { name });
            continue;
        }
        let message = match (index < MOST_HOSTS, is_host) {
            (false, _) => "the list is too long",
            (true, true) => "a `*.` stands before a domain with a dot in it",
            (true, false) => "this is not the name of a host",
        };
        let fault = Fault::error("settings::call_host", message).help(
            "write the host alone, without `https://`, port or path: `tickets.contoso.example`, `*.contoso.example`",
        );
        faults.push(fault.under(index).under(key).under("calls"));
    }
    hosts
}
