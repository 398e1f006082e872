//! The layers of the source tree: a folder uses strictly lower ones only, and few folders may name the outside world.

use std::fs;
use std::path::{Path, PathBuf};

/// Folder and layer. The reference endpoint stands apart: it may use the wire and nothing else.
const LAYERS: [(&str, u32); 14] = [
    ("json", 0),
    ("wire", 1),
    ("exchange", 2),
    ("check", 3),
    ("plan", 4),
    ("summary", 5),
    ("profile", 5),
    ("run", 6),
    ("reference", 6),
    ("suite", 7),
    ("compare", 7),
    ("capacity", 7),
    ("report", 8),
    ("cli", 9),
];

fn layer(folder: &str) -> u32 {
    LAYERS.iter().find(|(name, _)| *name == folder).unwrap_or_else(|| panic!("{folder} has no layer")).1
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    files
}

/// Folder, `file:line` and text of every line of code below `src`.
fn lines() -> Vec<(String, String, String)> {
    let mut lines = Vec::new();
    for file in sources(Path::new("src")) {
        // The folders of a crate of several stand in its own.
        let mut parts = file.iter().skip(1).skip_while(|part| *part == "line").map(|part| part.to_string_lossy());
        let (Some(folder), Some(_)) = (parts.next(), parts.next()) else { continue };
        let folder = folder.into_owned();
        let text = fs::read_to_string(&file).expect("readable");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            lines.push((folder.clone(), format!("{}:{}", file.display(), number + 1), line.to_owned()));
        }
    }
    lines
}

/// The folders that a line names behind `crate::`, in a list of imports too; `$crate::` of a macro is its own.
fn used(line: &str) -> Vec<String> {
    let mut folders = Vec::new();
    for rest in line.replace("$crate::", "").split("crate::").skip(1) {
        let names = rest.strip_prefix('{').and_then(|list| list.split('}').next()).unwrap_or(rest);
        let list = if rest.starts_with('{') { names.split(',').collect() } else { vec![names] };
        for name in list {
            let name: String = name.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            folders.push(name);
        }
    }
    folders
}

#[test]
fn a_folder_uses_lower_layers_only() {
    let mut faults = Vec::new();
    for (folder, place, line) in lines() {
        for other in used(&line).into_iter().filter(|other| *other != folder) {
            let allowed = if folder == "reference" { other == "wire" } else { layer(&other) < layer(&folder) };
            if !allowed {
                faults.push(format!("{place}: {folder} may not use {other}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_some_folders_name_the_outside_world() {
    let rules: [(&[&str], &[&str]); 3] = [
        (&["tokio", "reqwest", "hyper", "hyper_util"], &["run", "reference", "cli"]),
        (&["Instant::now", "SystemTime::now"], &["run", "reference"]),
        (&["clap", "anyhow", "indicatif"], &["cli"]),
    ];
    let mut faults = Vec::new();
    for (folder, place, line) in lines() {
        for (names, folders) in rules {
            let word = |name: &str| {
                line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').any(|w| {
                    w == name || w.starts_with(&format!("{name}::")) || w.ends_with(name) && name.contains("::")
                })
            };
            if let Some(name) = names.iter().find(|name| word(name)).filter(|_| !folders.contains(&folder.as_str())) {
                faults.push(format!("{place}: {folder} may not name {name}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_test_itself_sees_what_it_should() {
    assert_eq!(used("use crate::summary::Summary;"), ["summary"]);
    assert_eq!(used("use crate::{plan, run::Live};"), ["plan", "run"]);
    assert!(
        lines().len() > 4000 && lines().iter().any(|(folder, _, line)| folder == "cli" && line.contains("crate::run"))
    );
}

#[test]
fn every_file_of_tests_is_part_of_the_binary() {
    let main = fs::read_to_string("tests/it/main.rs").expect("readable");
    for entry in fs::read_dir("tests/it").expect("a folder") {
        let path = entry.expect("an entry").path();
        let is_module = path.extension().is_some_and(|extension| extension == "rs") || path.join("mod.rs").exists();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if is_module && name != "main" {
            assert!(main.contains(&format!("mod {name};")), "{} is never compiled", path.display());
        }
    }
}
