//! A disk that can be filled.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A small disk of our own, gone when dropped.
pub struct SmallDisk {
    place: PathBuf,
    // The folder it lies in, where the test brought none.
    _folder: Option<tempfile::TempDir>,
}

impl SmallDisk {
    /// A disk in a folder of its own; `None` where this user may not mount one.
    pub fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut disk = Self::mount_at(folder.path(), megabytes)?;
        disk._folder = Some(folder);
        Some(disk)
    }

    /// A disk in this folder, which is made if need be; `None` where this user may not mount one.
    pub fn mount_at(place: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(place).expect("a folder to mount at");
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(place)
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self {
                place: place.to_owned(),
                _folder: None,
            });
        }
        println!("skipped: this user may not mount a small disk to fill");
        None
    }

    pub fn path(&self) -> &Path {
        &self.place
    }

    /// Leaves this many bytes free.
    pub fn fill(&self, left: u64) {
        let mut file = std::fs::File::create(self.place.join("filler")).expect("create");
        let block = vec![0; 64 << 10];
        while fs2::available_space(&self.place).expect("space") > left + block.len() as u64 {
            file.write_all(&block).expect("there is room");
        }
    }

    pub fn make_room(&self) {
        std::fs::remove_file(self.place.join("filler")).expect("remove");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: what still has a file open there goes on until it is done.
        let _ = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}
