//! The layers of the source tree. Cargo draws those between crates; this test has what Cargo cannot see: the folders
//! within a crate, and who may name the outside world.

use std::fs;
use std::path::{Path, PathBuf};

/// A crate, and its folders with their layers: a folder uses strictly lower ones of its crate only. A file at the root
/// of a crate, such as its `lib.rs`, may use any.
const LAYERS: [(&str, &[(&str, u32)]); 3] = [
    ("src", &[("profile", 1), ("suite", 2), ("compare", 2), ("capacity", 2), ("report", 3), ("cli", 4)]),
    ("src/crates/engine", &[("plan", 1), ("summary", 2), ("run", 3)]),
    ("src/crates/check", &[("exchange", 1)]),
];

/// Crates that do no I/O and read no clock, and what they may therefore not depend on.
const PURE: [&str; 3] = ["json", "wire", "check"];
const IMPURE: [&str; 8] = ["tokio", "reqwest", "hyper", "hyper-util", "rustls", "socket2", "tempfile", "rustix"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    files
}

/// A line of code.
struct Line {
    /// Root of its crate.
    root: &'static str,
    /// The folder of that crate that it is in.
    folder: String,
    /// `file:line`.
    place: String,
    text: String,
}

/// Every line of code in a folder of a crate, without comments and unit tests.
fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    for (root, _) in LAYERS {
        for file in sources(Path::new(root)) {
            if root == "src" && file.starts_with("src/crates") {
                continue;
            }
            let mut parts = file.strip_prefix(root).expect("below the root").iter();
            let (Some(folder), Some(_)) = (parts.next(), parts.next()) else { continue };
            let folder = folder.to_string_lossy().into_owned();
            let text = fs::read_to_string(&file).expect("readable");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                let place = format!("{}:{}", file.display(), number + 1);
                lines.push(Line { root, folder: folder.clone(), place, text: line.to_owned() });
            }
        }
    }
    lines
}

/// The layer of a folder, where it has one.
fn layer(root: &str, folder: &str) -> Option<u32> {
    let (_, folders) = LAYERS.iter().find(|(known, _)| *known == root)?;
    folders.iter().find(|(known, _)| *known == folder).map(|(_, layer)| *layer)
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
    for Line { root, folder, place, text } in lines() {
        let Some(own) = layer(root, &folder) else {
            assert_eq!(root, "src/crates/check", "{folder} of {root} has no layer");
            continue;
        };
        for other in used(&text).into_iter().filter(|other| *other != folder) {
            // Modules of other crates are re-exported at the root; Cargo looks after those.
            let is_above = layer(root, &other).is_some_and(|layer| layer >= own);
            let is_rule = root == "src/crates/check" && other != "wire";
            if is_above || is_rule {
                faults.push(format!("{place}: {folder} may not use {other}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_some_folders_name_the_outside_world() {
    let rules: [(&[&str], &[&str]); 3] = [
        (&["tokio", "reqwest", "hyper", "hyper_util"], &["run", "cli"]),
        (&["Instant::now", "SystemTime::now"], &["run"]),
        (&["clap", "anyhow", "indicatif"], &["cli"]),
    ];
    let mut faults = Vec::new();
    for Line { folder, place, text, .. } in lines() {
        for (names, folders) in rules {
            let word = |name: &str| {
                text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').any(|w| {
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
fn pure_crates_do_no_input_or_output() {
    for name in PURE {
        let root = Path::new("src/crates").join(name);
        let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("readable");
        let needed =
            manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
        for line in needed.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            assert!(!IMPURE.contains(&dependency), "{name} depends on {dependency}");
        }
        for file in sources(&root).into_iter().filter(|file| !file.ends_with("tests.rs")) {
            let text = fs::read_to_string(&file).expect("readable");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let code = code.join("\n");
            for word in ["std::fs", "std::net", "std::thread", "std::env", "Instant::now", "SystemTime::now"] {
                assert!(!code.contains(word), "{} names {word}", file.display());
            }
        }
    }
}

#[test]
fn inner_crates_embed_nothing_from_outside_their_root() {
    for file in sources(Path::new("src/crates")) {
        let depth = file.strip_prefix("src/crates").expect("below").components().count() - 2;
        let text = fs::read_to_string(&file).expect("readable");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| line.contains("include_str!") || line.contains("include_bytes!")) {
            let ups = line.matches("../").count();
            assert!(ups <= depth, "{} embeds a file from outside its crate: {line}", file.display());
        }
    }
}

#[test]
fn the_test_itself_sees_what_it_should() {
    assert_eq!(used("use crate::summary::Summary;"), ["summary"]);
    assert_eq!(used("use crate::{plan, run::Live};"), ["plan", "run"]);
    let sees = |folder: &str, text: &str| lines().iter().any(|line| line.folder == folder && line.text.contains(text));
    assert!(lines().len() > 4000 && sees("cli", "crate::run") && sees("run", "crate::plan"));
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
