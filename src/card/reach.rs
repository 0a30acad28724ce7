//! What a text or template can depend on, known without any event.

use crate::card::path::{Path, Start};
use crate::card::syntax::{Expression, Node};

/// What a text can depend on. Gathered once: partials share their parts, and walking every path through them
/// could take for ever.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// Every path, and whether it stands where names are those of the outside.
    pub paths: Vec<(Path, bool)>,
    /// Some function looks at the recipient or the time by itself.
    pub recipient: bool,
    /// It shows a text that stands in several languages.
    pub texts: bool,
}

/// Different paths kept for [`Reach`].
const MOST_PATHS: usize = 2_000;

impl Reach {
    /// Whether something from the outside called `root` can change the result.
    pub(crate) fn reads(&self, root: &str) -> bool {
        let implied = self.recipient && matches!(root, "recipient" | "now");
        implied
            || (self.texts && root == "languages")
            || self
                .paths
                .iter()
                .any(|(path, outside)| match (path.start, path.steps.first()) {
                    (Start::Local(_), _) => false,
                    // `this` at the top, and `@root`, are everything.
                    (Start::Root, first) => first.is_none_or(|first| first == root),
                    (Start::Here(_), None) => *outside,
                    (Start::Here(_) | Start::Anywhere, first) => first.is_some_and(|first| first == root),
                })
    }

    /// Whether something of this name is read, from wherever.
    pub(crate) fn names(&self, name: &[&str]) -> bool {
        let begins = |path: &Path| {
            path.steps
                .iter()
                .map(String::as_str)
                .take(name.len())
                .eq(name.iter().copied())
        };
        self.paths
            .iter()
            .any(|(path, _)| !matches!(path.start, Start::Local(_)) && begins(path))
    }

    /// Adds what nodes can depend on.
    pub(crate) fn add_nodes(&mut self, nodes: &[Node], outside: bool) {
        for node in nodes {
            match node {
                Node::Raw { .. } => {}
                Node::Print { expression, .. } => self.add(expression, outside),
                Node::If { test, then, otherwise } => {
                    self.add(test, outside);
                    self.add_nodes(then, outside);
                    self.add_nodes(otherwise, outside);
                }
                Node::Each {
                    list: subject,
                    body,
                    otherwise,
                    ..
                }
                | Node::With {
                    value: subject,
                    body,
                    otherwise,
                    ..
                } => {
                    self.add(subject, outside);
                    self.add_nodes(body, false);
                    self.add_nodes(otherwise, outside);
                }
                Node::Partial {
                    program,
                    context,
                    named,
                    ..
                } => {
                    for expression in context.iter().chain(named.iter().map(|(_, value)| value)) {
                        self.add(expression, outside);
                    }
                    let same_names = outside && context.is_none() && named.is_empty();
                    self.merge(&program.reach, same_names);
                }
            }
        }
    }

    /// Adds what a part can depend on; `outside` is false where names mean something else than around it.
    pub(crate) fn merge(&mut self, part: &Reach, outside: bool) {
        for (path, within) in &part.paths {
            self.add_path(path, *within && outside);
        }
        self.recipient |= part.recipient;
        self.texts |= part.texts;
    }

    /// Adds what an expression can depend on.
    pub(crate) fn add(&mut self, expression: &Expression, outside: bool) {
        match expression {
            Expression::Path(path) => self.add_path(path, outside),
            Expression::Literal(_) => {}
            Expression::Call(call) => {
                self.recipient |= call.function.reads_recipient;
                if let Some(text) = &call.text {
                    self.texts = true;
                    // Its holes are filled by name.
                    self.merge(&text.reach, false);
                }
                for argument in call.arguments.iter().chain(call.named.iter().map(|(_, value)| value)) {
                    self.add(argument, outside);
                }
            }
        }
    }

    fn add_path(&mut self, path: &Path, outside: bool) {
        let entry = (path.clone(), outside);
        if self.paths.len() < MOST_PATHS && !self.paths.contains(&entry) {
            self.paths.push(entry);
        }
    }
}
