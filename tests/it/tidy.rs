//! Rules of the house that no compiler knows.

use std::path::{Path, PathBuf};

/// Every file below a folder of the repository, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    fn walk(path: &Path, found: &mut Vec<PathBuf>) {
        let mut entries: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for entry in entries {
            if entry.is_dir() { walk(&entry, found) } else { found.push(entry) }
        }
    }
    let mut found = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if root.exists() {
        walk(&root, &mut found);
    }
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    ["src", "models/src", "models/tests", "tests", "examples", "benches"]
        .iter()
        .flat_map(|folder| files(folder))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

#[test]
fn no_source_file_is_too_long_to_read() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 420, "{} has {lines} lines; split it by what it is about", path.display());
    }
}

#[test]
fn nothing_sleeps_reads_the_clock_or_is_left_for_later() {
    let banned = [
        ["thread", "::sleep"],
        ["SystemTime", "::now"],
        ["to", "do!("],
        ["unimple", "mented!("],
        ["Hash", "Map<"],
        ["Hash", "Set<"],
        ["#[ig", "nore"],
    ]
    .map(|halves| halves.concat());
    for (path, text) in sources() {
        if path.ends_with("tidy.rs") {
            continue;
        }
        for word in &banned {
            assert!(!text.contains(word.as_str()), "{} says `{word}`", path.display());
        }
    }
}

/// Whether this is the repository, and not a package made of it: Cargo rewrites manifests and leaves
/// other members out.
fn is_repository() -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/Cargo.toml").exists()
}

#[test]
fn the_models_depend_on_serde_and_indexmap_only() {
    if !is_repository() {
        return;
    }
    let manifest =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/Cargo.toml"))
            .unwrap();
    let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    let names: Vec<&str> = dependencies
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
        .collect();
    assert_eq!(names, ["indexmap", "serde"]);
}

#[test]
fn every_dependency_has_a_reason() {
    if !is_repository() {
        return;
    }
    for manifest in ["Cargo.toml", "models/Cargo.toml"] {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest)).unwrap();
        let mut in_dependencies = false;
        let mut above = "";
        for line in text.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies && line.contains('=') && !line.starts_with("brownout-models")
            {
                assert!(above.starts_with("# "), "{manifest}: `{line}` has no reason above it");
            }
            above = line;
        }
    }
}

#[test]
fn pages_link_to_files_that_exist() {
    if !is_repository() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md"];
    let pages = pages.iter().map(|page| root.join(page)).chain(files("docs"));
    for page in pages.filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().unwrap().join(target);
            assert!(path.exists(), "{} links to `{target}`", page.display());
        }
    }
}

#[test]
fn every_fixture_is_named_in_the_table_of_fixtures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("fixtures/README.md")).unwrap();
    for path in files("fixtures") {
        let name = path.strip_prefix(root.join("fixtures")).unwrap().to_string_lossy().into_owned();
        // Defects are named by their ids, which another test holds against their index.
        let is_defect = name.strip_prefix("defects/").is_some_and(|name| {
            name.contains('/') || name.starts_with(|letter: char| letter.is_ascii_uppercase())
        });
        if is_defect || name.starts_with("rejected/") || name.starts_with("README") {
            continue;
        }
        assert!(table.contains(&name), "fixtures/README.md does not say what {name} is");
    }
}
