//! A workspace's files, from disk to memory. Nothing here knows what they mean.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::workspace::{Kind, SourceFile, Sources};
use crate::yaml;

/// How many files a workspace may have; what is beyond is not read, and said.
pub const MOST_FILES: usize = 50_000;
/// How many folders may lie inside each other.
const DEEPEST: usize = 16;
/// How large a sample may be, in bytes.
const LARGEST_SAMPLE: usize = 4 << 20;

/// Reads settings, directory, rules and templates below `root`, in the order of their paths. Symbolic links are
/// followed. Hidden files and what editors leave lying about are left out. A file that cannot be read is in the result
/// with the reason; it never hides the others.
pub fn read(root: &Path) -> Sources {
    let mut sources = engine_and_tests(root);
    sources.files.retain(|file| Kind::of(&file.path) != Some(Kind::Test));
    sources
}

fn engine_and_tests(root: &Path) -> Sources {
    let mut reader = Reader::new(root);
    for (name, slip) in [("directory.yaml", "directory.yml"), ("herald.yaml", "herald.yml")] {
        reader.single(name);
        // Taken for nothing, such a file would be missed without a word.
        if root.join(slip).is_file() && !root.join(name).exists() {
            reader.unusable(slip.to_owned(), format!("this file is not read: call it `{name}`"));
        }
    }
    for folder in ["rules", "templates", "texts", "holidays"] {
        reader.folder(folder);
    }
    reader.finish()
}

/// As [`read`], with samples and tests: `check` tries the rules out with them, the engine does not need them.
pub fn read_with_samples(root: &Path) -> Sources {
    let mut sources = engine_and_tests(root);
    let mut reader = Reader::new(root);
    reader.folder("samples");
    sources.files.extend(reader.finish().files);
    sources
}

/// The content of one sample that lies anywhere, or why there is none, in a sentence.
///
/// # Errors
/// It cannot be read.
pub fn single(path: &Path) -> Result<Vec<u8>, String> {
    read_up_to(path, LARGEST_SAMPLE + 1).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "Herald may not read this".to_owned(),
        _ => format!("this cannot be read: {error}"),
    })
}

struct Reader<'a> {
    root: &'a Path,
    files: Vec<SourceFile>,
    /// Folders on the way down, by their real path: a link to one of them would never end.
    above: HashSet<PathBuf>,
    full: bool,
}

impl<'a> Reader<'a> {
    fn new(root: &'a Path) -> Self {
        Self {
            root,
            files: Vec::new(),
            above: HashSet::new(),
            full: false,
        }
    }

    fn finish(mut self) -> Sources {
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        Sources {
            files: self.files,
            ..Sources::default()
        }
    }

    fn single(&mut self, name: &str) {
        let path = self.root.join(name);
        match fs::metadata(&path) {
            Ok(_) => self.file(&path, name.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&path).is_err() => {}
            Err(error) => self.unreadable(name.to_owned(), &error),
        }
    }

    fn folder(&mut self, name: &str) {
        let path = self.root.join(name);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => self.below(&path, name, 0),
            Ok(_) => self.unusable(name.to_owned(), "this must be a folder".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&path).is_err() => {}
            Err(error) => self.unreadable(name.to_owned(), &error),
        }
    }

    fn below(&mut self, folder: &Path, shown: &str, depth: usize) {
        if depth > DEEPEST {
            self.unusable(
                shown.to_owned(),
                format!("folders lie more than {DEEPEST} deep inside each other here"),
            );
            return;
        }
        let real = match fs::canonicalize(folder) {
            Ok(real) => real,
            Err(error) => return self.unreadable(shown.to_owned(), &error),
        };
        if !self.above.insert(real.clone()) {
            self.unusable(
                shown.to_owned(),
                "this link leads back to a folder it lies in".to_owned(),
            );
            return;
        }
        match fs::read_dir(folder) {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok(entry) => self.entry(&entry.path(), shown, depth),
                        Err(error) => self.unreadable(shown.to_owned(), &error),
                    }
                }
            }
            Err(error) => self.unreadable(shown.to_owned(), &error),
        }
        self.above.remove(&real);
    }

    fn entry(&mut self, path: &Path, folder: &str, depth: usize) {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if is_dropping(&name) || self.full {
            return;
        }
        let shown = format!("{folder}/{name}");
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.below(path, &shown, depth + 1),
            Ok(_) if Kind::of(&shown).is_some() => self.file(path, shown),
            Ok(_) => {}
            // Gone since the folder was listed: an editor's atomic save, or a checkout in progress.
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => {}
            Err(error) if Kind::of(&shown).is_some() => self.unreadable(shown, &error),
            Err(_) => {}
        }
    }

    fn file(&mut self, path: &Path, shown: String) {
        if self.files.len() >= MOST_FILES {
            self.full = true;
            let folder = shown.split('/').next().unwrap_or(&shown).to_owned();
            self.unusable(
                folder,
                format!("there are more than {MOST_FILES} files; the rest was not read"),
            );
            return;
        }
        let bound = Kind::of(&shown).map_or(yaml::LARGEST, bound);
        match read_up_to(path, bound + 1) {
            Ok(bytes) => self.files.push(SourceFile {
                path: shown,
                bytes: Ok(bytes),
            }),
            Err(error) => self.unreadable(shown, &error),
        }
    }

    fn unreadable(&mut self, shown: String, error: &io::Error) {
        let reason = match error.kind() {
            io::ErrorKind::PermissionDenied => "Herald may not read this".to_owned(),
            io::ErrorKind::NotFound => "this link leads nowhere".to_owned(),
            _ => format!("this cannot be read: {error}"),
        };
        self.unusable(shown, reason);
    }

    fn unusable(&mut self, shown: String, reason: String) {
        self.files.push(SourceFile {
            path: shown,
            bytes: Err(reason),
        });
    }
}

/// How large a file of this kind may be, in bytes.
pub fn bound(kind: Kind) -> usize {
    match kind {
        Kind::Sample => LARGEST_SAMPLE,
        Kind::Settings
        | Kind::Directory
        | Kind::Rule
        | Kind::Test
        | Kind::Template
        | Kind::Partial
        | Kind::Texts
        | Kind::Holidays => yaml::LARGEST,
    }
}

/// One byte more than allowed is enough to know that a file is too large.
fn read_up_to(path: &Path, bound: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    let mut bytes = Vec::new();
    file.take(bound as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Hidden files, and what editors leave lying about while or after they save.
pub fn is_dropping(name: &str) -> bool {
    name.starts_with('.')
        || name.ends_with('~')
        || (name.starts_with('#') && name.ends_with('#'))
        || name.starts_with("~$")
        || [".swp", ".swx", ".swo", ".tmp", ".bak", ".orig", ".rej"]
            .iter()
            .any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn paths(sources: &Sources) -> Vec<&str> {
        sources.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn a_workspace_is_read_in_the_order_of_its_paths_without_what_editors_leave() {
        let root = tempfile::tempdir().unwrap();
        for path in [
            "herald.yaml",
            "rules/b.yaml",
            "rules/team/a.yml",
            "rules/.b.yaml.swp",
            "rules/b.yaml~",
            "rules/#b.yaml#",
            "rules/.hidden/x.yaml",
            "rules/README.md",
            "templates/deploy.yaml",
            "templates/old.hbs",
            "templates/partials/reason.hbs",
            "samples/github/push.json",
            "data/db",
            "other.yaml",
        ] {
            write(root.path(), path, "a: 1\n");
        }
        assert_eq!(
            paths(&read(root.path())),
            [
                "herald.yaml",
                "rules/b.yaml",
                "rules/team/a.yml",
                "templates/deploy.yaml",
                "templates/old.hbs",
                "templates/partials/reason.hbs",
            ]
        );
        assert!(paths(&read_with_samples(root.path())).contains(&"samples/github/push.json"));
    }

    #[test]
    fn an_empty_folder_is_an_empty_workspace() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read(root.path()), Sources::default());
    }

    #[test]
    fn settings_under_a_slightly_wrong_name_are_not_overlooked() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "herald.yml", "time_zone: UTC\n");
        let told = &read(root.path()).files[0];
        assert_eq!(
            told.bytes,
            Err("this file is not read: call it `herald.yaml`".to_owned())
        );
    }

    #[test]
    fn only_the_beginning_of_a_huge_file_is_read() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "rules/huge.yaml", &"# x\n".repeat(3 << 20));
        let sources = read(root.path());
        assert_eq!(sources.files[0].bytes.as_ref().unwrap().len(), yaml::LARGEST + 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_a_circle_of_them_ends() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "elsewhere/a.yaml", "a: 1\n");
        fs::create_dir(root.path().join("rules")).unwrap();
        symlink(root.path().join("elsewhere"), root.path().join("rules/linked")).unwrap();
        symlink(root.path().join("rules"), root.path().join("elsewhere/round")).unwrap();
        symlink(root.path().join("nowhere"), root.path().join("rules/dead.yaml")).unwrap();
        let sources = read(root.path());
        let file = |path: &str| {
            sources
                .files
                .iter()
                .find(|file| file.path == path)
                .map(|file| file.bytes.clone())
        };
        assert_eq!(file("rules/linked/a.yaml"), Some(Ok(b"a: 1\n".to_vec())));
        assert_eq!(file("rules/dead.yaml"), Some(Err("this link leads nowhere".to_owned())));
        assert_eq!(
            file("rules/linked/round"),
            Some(Err("this link leads back to a folder it lies in".to_owned()))
        );
    }
}
