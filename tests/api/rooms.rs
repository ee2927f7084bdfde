//! Who imports whom: a room leans only on the rooms below it, and a noun never on a noun.

use std::{fs, path::Path};

/// The stair, from the top down.
const STAIR: [&str; 13] = ["main", "server", "demo", "openapi", "api", "noun", "http", "ledger", "rights", "db", "schema", "config", "values"];

fn files(dir: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap().to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The code of every file, without comments and tests, and with each `use crate::{a::b, c}` told apart.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let code = |text: &str| {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        lines.join("\n")
    };
    found.into_iter().map(|(name, text)| (name, code(&text))).collect()
}

/// The rooms that a file names after `crate::`, or in the braces of a `use crate::{…}`.
fn imports(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for prefix in ["crate::", "territoires_industrie::"] {
        for rest in code.split(prefix).skip(1) {
            if let Some(braced) = rest.strip_prefix('{') {
                let mut depth = 0;
                let mut word = String::new();
                for char in braced.chars() {
                    match char {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => word.clear(),
                        ':' if depth == 0 && !word.is_empty() => rooms.push(std::mem::take(&mut word)),
                        char if depth == 0 && (char.is_alphanumeric() || char == '_') => word.push(char),
                        _ => {}
                    }
                }
            } else {
                rooms.push(rest.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect());
            }
        }
    }
    rooms
}

#[test]
fn a_room_leans_only_on_the_rooms_below_it() {
    let level = |room: &str| STAIR.iter().position(|known| *known == room);
    let mut seen = 0;
    for (name, code) in sources() {
        let room = name.split(['/', '.']).next().unwrap();
        let Some(own) = level(room) else {
            assert_eq!(name, "lib.rs", "{name} is in no room of the stair");
            continue;
        };
        for other in imports(&code) {
            let Some(below) = level(&other) else { continue };
            seen += 1;
            assert!(below >= own, "src/{name} imports crate::{other}, which is above it");
        }
    }
    assert!(seen > 100, "the imports were not found: {seen}");
}

#[test]
fn a_noun_never_imports_a_noun() {
    let files = sources();
    let nouns: Vec<&str> =
        files.iter().filter_map(|(name, _)| name.strip_prefix("api/")?.strip_suffix(".rs")).filter(|noun| !noun.contains('/')).collect();
    for (name, code) in &files {
        let Some(own) = name.strip_prefix("api/").map(|name| name.split(['/', '.']).next().unwrap()) else { continue };
        for noun in nouns.iter().filter(|noun| **noun != own && own != "mod") {
            assert!(!code.contains(&format!("api::{noun}")) && !code.contains(&format!("super::{noun}")), "src/{name} imports {noun}");
        }
    }
}

#[test]
fn only_the_configuration_reads_the_environment() {
    for (name, code) in sources() {
        assert!(name == "config.rs" || !code.contains("std::env::var") && !code.contains("env::var("), "src/{name} reads the environment");
    }
}
