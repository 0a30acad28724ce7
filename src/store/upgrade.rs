//! The format of what lies on disk, and the way from an older one to ours: one function per step.

use super::StoreError;

/// The format this Herald writes.
pub const FORMAT: u32 = 3;

/// A step from one format to the next, on the backend's own kind of draft.
pub type Step<D> = fn(&mut D) -> Result<(), StoreError>;

/// The steps that lead from format `found` to [`FORMAT`]; `steps[0]` leads from 1 to 2. All of them belong into one
/// draft together with the new format number, so that an interrupted upgrade has not happened.
///
/// # Errors
/// [`StoreError::Refused`] if a newer Herald wrote it (there is no way back), or if the number is none we ever wrote.
pub fn path<'a, D>(found: u32, steps: &'a [Step<D>], place: &str) -> Result<&'a [Step<D>], StoreError> {
    assert_eq!(
        steps.len() as u32 + 1,
        FORMAT,
        "every format but the first has its step"
    );
    if found > FORMAT {
        return Err(StoreError::Refused(format!(
            "`{place}` was written by a newer Herald (disk format {found}; this one knows up to {FORMAT}): start that \
             version again, or name another folder"
        )));
    }
    match found.checked_sub(1) {
        Some(done) => Ok(&steps[done as usize..]),
        None => Err(StoreError::Refused(format!(
            "`{place}` names the disk format {found}, which no Herald ever wrote: it is not Herald's, or damaged"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step<()>; FORMAT as usize - 1] = [|()| Ok(()), |()| Ok(())];

    #[test]
    fn our_own_format_needs_no_step_and_an_older_one_all_that_follow() {
        for found in 1..=FORMAT {
            let steps = path(found, &STEPS, "data/").expect("we wrote it");
            assert_eq!(steps.len() as u32, FORMAT - found);
        }
    }

    #[test]
    fn a_newer_format_is_refused_with_what_to_do() {
        let refused = path(FORMAT + 1, &STEPS, "data/").expect_err("newer");
        let sentence = refused.to_string();
        assert!(
            sentence.contains("newer Herald") && sentence.contains("start that version"),
            "{sentence}"
        );
    }
}
