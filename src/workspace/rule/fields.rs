//! Fields that a `where:` names and that nobody has.

use super::{Directory, Surroundings};
use crate::diagnostic::{Fault, did_you_mean};
use crate::roster::profile;
use crate::rule::sieve::{KNOWN, OWN};
use crate::rule::target::Target;

/// The fields of a target's `where` that are none of Herald's and that nobody in `directory.yaml` has: with them, nobody is
/// told.
pub(super) fn unknown(target: &Target, around: &Surroundings<'_>) -> Vec<Fault> {
    let Some(only) = target.only().filter(|_| around.directory != Directory::Unsure) else {
        return Vec::new();
    };
    let there = around.book.fields();
    let unknown = only
        .fields()
        .into_iter()
        .filter(|field| !there.contains(field.as_str()) && !OWN.contains(&field.as_str()))
        .filter(|field| around.profiles == Some(false) || !profile::FIELDS.contains(&field.as_str()));
    let doubt = |field: String| {
        let message = format!("nobody in directory.yaml has a field `{field}`");
        let fault = Fault::warning("target::field", message)
            .label("nobody is told")
            .under("where");
        match did_you_mean(&field, there.iter().copied().chain(KNOWN)).filter(|near| *near != field) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None if profile::FIELDS.contains(&field.as_str()) => fault.help(format!(
                "add it there: `anna: {{ email: anna@contoso.example, fields: {{ {field}: ... }} }}`; or have Entra asked, \
                 with `graph: {{ profiles: true }}` in herald.yaml"
            )),
            None => fault.help(format!(
                "add it there: `anna: {{ email: anna@contoso.example, fields: {{ {field}: ... }} }}`"
            )),
        }
    };
    unknown.map(doubt).collect()
}
