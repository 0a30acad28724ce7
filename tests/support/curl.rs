//! What a line with `curl` in it would send, without sending it.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What `curl` was told to send.
#[derive(Debug, Default)]
pub struct Told {
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Runs the lines in bash with `curl` replaced by something that tells what it was asked for.
///
/// # Errors
/// What is wrong with the lines, in a sentence.
pub fn told(lines: &str, folder: &Path, environment: &[(String, String)]) -> Result<Told, String> {
    let script = format!("set -eu\ncurl() {{ printf '%s\\0' \"$@\"; }}\n{lines}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder)
        .envs(environment.iter().cloned())
        .output()
        .map_err(|error| format!("bash does not run: {error}"))?;
    if !output.status.success() || !output.stderr.is_empty() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let output = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    let mut words = output.split_terminator('\0');
    let mut told = Told::default();
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or_else(|| format!("nothing follows `{word}`"));
        match word {
            "-sS" => {}
            "-X" => {
                let method = next()?;
                if method != "POST" {
                    return Err(format!("the method is {method}"));
                }
            }
            "-H" => {
                let header = next()?;
                let (name, value) = header
                    .split_once(": ")
                    .ok_or_else(|| format!("`{header}` is no header"))?;
                told.headers.push((name.to_owned(), value.to_owned()));
            }
            "-u" => {
                let credentials = format!("Basic {}", STANDARD.encode(next()?));
                told.headers.push(("Authorization".to_owned(), credentials));
            }
            "--data" | "--data-binary" => {
                let data = next()?;
                told.body = match data.strip_prefix('@') {
                    Some(path) => fs::read(folder.join(path)).map_err(|error| format!("{path}: {error}"))?,
                    None => data.as_bytes().to_vec(),
                };
            }
            url if url.starts_with("http://127.0.0.1:") => url.clone_into(&mut told.url),
            other => return Err(format!("what does curl make of `{other}`?")),
        }
    }
    Ok(told)
}
