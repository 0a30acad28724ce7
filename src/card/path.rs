//! Names of values, as templates write them: `event.alerts.[0].labels`, `../title`, `@index`.

/// The name of a value: `event.alerts.[0].labels`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub written: String,
    pub start: Start,
    pub steps: Vec<String>,
}

/// Where a path sets out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// The nearest place that knows the first name.
    Anywhere,
    /// `this`, and `../` so many times.
    Here(usize),
    /// `@root`
    Root,
    /// `@index` and so on, `@../` so many times; the first step is its name.
    Local(usize),
}

impl Path {
    /// Takes a path apart that Handlebars' parser has accepted.
    pub(crate) fn read(written: &str) -> Path {
        let mut rest = written;
        let mut ups = 0;
        let local = rest.strip_prefix('@');
        rest = local.unwrap_or(rest);
        while let Some(shorter) = rest.strip_prefix("..") {
            ups += 1;
            rest = shorter.strip_prefix(['/', '.']).unwrap_or(shorter);
        }
        let here = rest == "this" || ["this.", "this/", "./"].iter().any(|start| rest.starts_with(start));
        rest = rest.strip_prefix("./").unwrap_or(rest);
        let mut steps = steps(rest);
        let start = match local {
            Some(_) if ups == 0 && steps.first().is_some_and(|first| first == "root") => {
                steps.remove(0);
                Start::Root
            }
            Some(_) => Start::Local(ups),
            None if here || ups > 0 => Start::Here(ups),
            None => Start::Anywhere,
        };
        Path {
            written: written.to_owned(),
            start,
            steps,
        }
    }
}

/// `a.[b c]/d` -> a, b c, d; `this` is no step.
fn steps(text: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (step, after, bracketed) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((step, after)) => (step, after, true),
            None => {
                let end = rest.find(['.', '/']).unwrap_or(rest.len());
                (&rest[..end], &rest[end..], false)
            }
        };
        if bracketed || !(step == "this" || step.is_empty()) {
            steps.push(step.to_owned());
        }
        rest = after.strip_prefix(['.', '/']).unwrap_or(after);
    }
    steps
}
