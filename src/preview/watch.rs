//! Keeps the previewed workspace as its files are: read once, and again whenever something happens to them.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode};
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::shown::Shown;
use super::stage::{Stage, Subject};
use crate::diagnostic::{Diagnostic, Severity, report};
use crate::file_watch;
use crate::load;
use crate::workspace::sample::{self, Sample};
use crate::workspace::{self, Kind, SourceFile, Sources, Workspace, as_texts};

/// How often it is read without being told: network file systems tell nothing.
const SWEEP: Duration = Duration::from_secs(5);

/// What the last reading of the files gave. Broken files are in it with their last good version.
#[derive(Debug)]
pub struct Scene {
    /// Grows with every change.
    pub version: u64,
    workspace: Workspace,
    samples: Vec<Sample>,
    template_files: BTreeMap<String, String>,
    diagnostics: Vec<Diagnostic>,
    sources: Sources,
}

impl Scene {
    /// Reads the workspace below `root`, and the sample at `extra` that lies anywhere.
    pub fn read(root: &Path, extra: Option<&Extra>) -> Scene {
        Scene::of(sources(root, extra), extra.map(|extra| &extra.shown), None)
    }

    fn of(sources: Sources, extra: Option<&String>, before: Option<&Scene>) -> Scene {
        let compiled = workspace::compile(&sources, before.map(|before| &before.workspace));
        let mut diagnostics = compiled.diagnostics;
        let of_kind = |kind: Kind| {
            sources
                .files
                .iter()
                .filter(move |file| Kind::of(&file.path) == Some(kind))
        };
        let is_sample = |file: &&SourceFile| Kind::of(&file.path) == Some(Kind::Sample) || extra == Some(&file.path);
        let mut told = Vec::new();
        let mut samples = sample::read(sources.files.iter().filter(is_sample), &mut told);
        // `compile` has told about those in `samples/`.
        diagnostics.extend(told.into_iter().filter(|told| Kind::of(&told.file).is_none()));
        let earlier = before.map_or(&[][..], |before| &before.samples);
        for last_good in earlier {
            let there = sources.files.iter().any(|file| file.path == last_good.file);
            if there && !samples.iter().any(|sample| sample.file == last_good.file) {
                samples.push(last_good.clone());
            }
        }
        samples.sort_by(|a, b| a.file.cmp(&b.file));
        let template_files = of_kind(Kind::Template)
            .filter_map(|file| {
                let below = file.path.strip_prefix("templates/")?;
                let name = below.rsplit_once('.').map_or(below, |(name, _)| name);
                Some((name.to_owned(), file.path.clone()))
            })
            .collect();
        Scene {
            version: before.map_or(1, |before| before.version + 1),
            workspace: compiled.workspace,
            samples,
            template_files,
            diagnostics,
            sources,
        }
    }

    /// What there is to preview.
    pub fn stage(&self) -> Stage<'_> {
        Stage {
            workspace: &self.workspace,
            samples: &self.samples,
            template_files: &self.template_files,
        }
    }

    /// What is wrong, as `check` draws it.
    pub fn problems(&self, files: &[String]) -> Problems {
        let here = |told: &Diagnostic| files.contains(&told.file);
        let error = |told: &Diagnostic| told.severity == Severity::Error;
        let of_here = self.drawn(|told| here(told));
        let elsewhere = self.drawn(|told| !here(told) && error(told));
        let errors = |wanted: &dyn Fn(&Diagnostic) -> bool| {
            self.diagnostics
                .iter()
                .filter(|told| error(told) && wanted(told))
                .count()
        };
        Problems {
            errors: errors(&here),
            drawn: of_here,
            errors_elsewhere: errors(&|told| !here(told)),
            drawn_elsewhere: elsewhere,
        }
    }

    fn drawn(&self, wanted: impl Fn(&Diagnostic) -> bool) -> String {
        let told: Vec<Diagnostic> = self.diagnostics.iter().filter(|told| wanted(told)).cloned().collect();
        let texts = self.sources.texts(&told);
        report::draw(&told, &as_texts(&texts), false)
    }

    /// Files of rules that are broken and of which no version ever worked.
    pub fn broken(&self) -> Vec<&str> {
        let rules = self
            .sources
            .files
            .iter()
            .filter(|file| Kind::of(&file.path) == Some(Kind::Rule));
        let works: HashSet<&str> = self
            .workspace
            .ruleset
            .rules
            .iter()
            .map(|rule| rule.file.as_str())
            .collect();
        rules
            .map(|file| file.path.as_str())
            .filter(|path| !works.contains(path))
            .collect()
    }

    /// The file that a subject stands in, if it is there.
    pub fn file_of(&self, subject: &Subject) -> Option<String> {
        match subject {
            Subject::Rule(name) => {
                let bare = format!("rules/{name}");
                let is_it = |path: &&str| path.rsplit_once('.').is_some_and(|(path, _)| path == bare);
                let mut paths = self.sources.files.iter().map(|file| file.path.as_str());
                paths.find(is_it).map(str::to_owned)
            }
            Subject::Template(name) => self.template_files.get(name).cloned(),
        }
    }

    /// The files that a card was made of: the rule, its template, the partials, the sample.
    pub fn files_of(&self, shown: &Shown) -> Vec<String> {
        let mut files = vec![shown.file.clone()];
        files.extend(
            shown
                .template
                .as_ref()
                .and_then(|name| self.template_files.get(name))
                .cloned(),
        );
        files.extend(shown.sample.clone());
        let partials = self
            .sources
            .files
            .iter()
            .filter(|file| Kind::of(&file.path) == Some(Kind::Partial));
        files.extend(partials.map(|file| file.path.clone()));
        files
    }

    /// The file of a rule or template that `written` can only mean, however broken it is.
    pub fn file_named(&self, written: &str) -> Option<&str> {
        let written = written.trim_start_matches("./");
        let means = |path: &str| {
            let bare = path.rsplit_once('.').map_or(path, |(bare, _)| bare);
            path == written || bare == format!("rules/{written}") || bare == format!("templates/{written}")
        };
        self.sources
            .files
            .iter()
            .filter(|file| matches!(Kind::of(&file.path), Some(Kind::Rule | Kind::Template)))
            .map(|file| file.path.as_str())
            .find(|path| means(path))
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problems {
    /// How many errors there are in the files asked for.
    pub errors: usize,
    /// Errors and warnings in these files, as `check` draws them; empty when nothing is wrong.
    pub drawn: String,
    /// How many errors there are in all other files.
    pub errors_elsewhere: usize,
    /// Those errors, as `check` draws them.
    pub drawn_elsewhere: String,
}

/// A sample that lies outside of `samples/`.
#[derive(Debug, Clone)]
pub struct Extra {
    /// Where.
    pub path: PathBuf,
    /// Its name on the page.
    pub shown: String,
}

impl Extra {
    /// The sample at `path`, called so where that cannot be mistaken for a file of the workspace.
    pub fn at(path: &Path) -> Extra {
        let typed = path.display().to_string();
        let shown = match Kind::of(&typed) {
            None => typed,
            Some(_) => std::path::absolute(path).map_or(typed, |path| path.display().to_string()),
        };
        Extra {
            path: path.to_owned(),
            shown,
        }
    }
}

fn sources(root: &Path, extra: Option<&Extra>) -> Sources {
    let mut sources = load::read_with_samples(root);
    if let Some(extra) = extra {
        sources.files.push(SourceFile {
            path: extra.shown.clone(),
            bytes: load::single(&extra.path),
        });
    }
    sources
}

/// Watches the files and puts what changed into `scene`, for as long as it runs.
pub async fn run(root: PathBuf, extra: Option<Extra>, scene: watch::Sender<Arc<Scene>>) {
    let (hint, mut hints) = mpsc::channel::<()>(1);
    let mut watcher = watch_all(&root, extra.as_ref(), hint.clone());
    loop {
        let hinted = tokio::select! {
            Some(()) = hints.recv() => true,
            () = tokio::time::sleep(SWEEP) => false,
        };
        if hinted {
            file_watch::quiet(&mut hints).await;
        }
        let before = scene.borrow().clone();
        let (folder, beside) = (root.clone(), extra.clone());
        let read = tokio::task::spawn_blocking(move || {
            let sources = sources(&folder, beside.as_ref());
            let beside = beside.as_ref().map(|extra| &extra.shown);
            (sources != before.sources).then(|| Scene::of(sources, beside, Some(&before)))
        });
        if let Ok(Some(changed)) = read.await {
            scene.send_replace(Arc::new(changed));
            // Folders may have come or gone.
            watcher = watch_all(&root, extra.as_ref(), hint.clone());
        } else if watcher.is_none() {
            watcher = watch_all(&root, extra.as_ref(), hint.clone());
        }
    }
}

fn watch_all(root: &Path, extra: Option<&Extra>, hint: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let mut folders = file_watch::of_workspace(root, &["rules", "templates", "texts", "samples", "holidays"]);
    if let Some(folder) = extra.and_then(|extra| extra.path.parent()) {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        folders.push((folder.to_owned(), RecursiveMode::NonRecursive));
    }
    file_watch::folders(folders, hint)
}
