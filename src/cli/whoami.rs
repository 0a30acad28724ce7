//! Who runs this command, as far as the system tells: a claim for the audit log, no proof.

/// `anna`, or `root for anna` after sudo; `None` where the system tells nothing.
pub fn claim() -> Option<String> {
    let variable = |name: &str| {
        let (_, value) = std::env::vars_os().find(|(found, _)| found == name)?;
        value.into_string().ok().filter(|value| !value.is_empty())
    };
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    match (user, variable("SUDO_USER")) {
        (Some(user), Some(person)) if user != person => Some(format!("{user} for {person}")),
        (user, person) => user.or(person),
    }
}
