//! The structure that the rest relies on, held by a test: who may import whom, where `unsafe` may stand, how long a file is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The stages of the engine, in the order in which data flows: a stage imports itself and earlier ones.
const FLOW: [&str; 9] = [
    "ingest",
    "clean",
    "lake",
    "warehouse",
    "churn",
    "segments",
    "baskets",
    "forecasts",
    "models",
];
/// Modules of the engine that every stage may import and that import no stage.
const FREE: [&str; 9] = [
    "calendar", "control", "error", "names", "params", "random", "sorting", "thrift", "trees",
];

/// The modules of the extension, and which others each may import. At the boundary the ingest drives the lake and the
/// warehouse, a restore from the lake takes the ingest's way of appending, and a new warehouse gets the ingest's rules. A
/// stored model may read only features that there are, and whoever trains stores. All of them use `pg`, which knows none of
/// them.
const BOUNDARY: [(&str, &[&str]); 10] = [
    ("ingest", &["pg", "lake", "warehouse"]),
    ("lake", &["pg", "ingest", "warehouse"]),
    ("warehouse", &["pg", "ingest"]),
    ("features", &["pg"]),
    ("models", &["pg", "features"]),
    ("churn", &["pg", "features", "models"]),
    ("segments", &["pg", "features", "models"]),
    ("baskets", &["pg", "models"]),
    ("forecasts", &["pg", "models"]),
    ("pg", &[]),
];

/// Lines of a source file.
const LONGEST: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// The Rust files below a folder of the repository: path and content.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(at) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&at) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|n| n != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The code without comments and without what literals hold; line breaks stay.
fn code(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::new();
    let mut i = 0;
    while i < chars.len() {
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    ('\n', _) => (out.push('\n'), i += 1).0,
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if c == 'r' && !is_word(at(i.wrapping_sub(1))) && raw_hashes(&chars, i).is_some() {
            let hashes = raw_hashes(&chars, i).unwrap();
            i += hashes + 2;
            while i < chars.len() && !(at(i) == '"' && (1..=hashes).all(|n| at(i + n) == '#')) {
                if at(i) == '\n' {
                    out.push('\n');
                }
                i += 1;
            }
            i += hashes + 1;
        } else if c == '"' {
            i += 1;
            while i < chars.len() && at(i) != '"' {
                if at(i) == '\n' {
                    out.push('\n');
                }
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if c == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            // A character, not a lifetime.
            i += if at(i + 1) == '\\' { 3 } else { 2 };
            while i < chars.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
        } else {
            out.push(c);
            i += 1;
        }
    }
    out
}

/// The number of `#` of a raw string that begins at `start`.
fn raw_hashes(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(start + 1 + hashes) == Some(&'"')).then_some(hashes)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The places where `word` stands as a whole word.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).filter_map(move |(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(is_word);
        let after = code[at + word.len()..].chars().next().is_some_and(is_word);
        (!before && !after).then_some(at)
    })
}

/// The first names of what follows a path's prefix: `a` of `a::b`, `a` and `c` of `{a::b, c}`.
fn heads(rest: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim_start()
            .chars()
            .take_while(|c| is_word(*c))
            .collect::<String>()
    };
    let Some(group) = rest.trim_start().strip_prefix('{') else {
        return vec![name(rest)];
    };
    let (mut depth, mut found, mut start) = (0, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' if depth == 0 => {
                found.push(name(&group[start..at]));
                start = at + 1;
            }
            '}' if depth == 0 => {
                found.push(name(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// The modules at the crate's root that a file names, by `crate::` or by climbing with `super::`.
fn imports(file: &str, code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for at in words(code, "crate") {
        if let Some(rest) = code[at + 5..].trim_start().strip_prefix("::") {
            found.extend(heads(rest));
        }
    }
    // `src/a/b.rs` is the module a::b: two steps up is the root. Modules inside the file need more.
    let depth = file.split('/').skip_while(|p| *p != "src").skip(1).count()
        - usize::from(file.ends_with("/mod.rs"));
    for at in words(code, "super") {
        let mut rest = &code[at..];
        let mut steps = 0;
        while let Some(next) = rest
            .strip_prefix("super")
            .and_then(|r| r.strip_prefix("::"))
        {
            rest = next;
            steps += 1;
        }
        if steps >= depth {
            found.extend(heads(rest));
        }
    }
    found
}

/// The module at the root to which a file belongs.
fn module(file: &str) -> String {
    let inner = file.split("src/").nth(1).unwrap();
    inner
        .split('/')
        .next()
        .unwrap()
        .trim_end_matches(".rs")
        .to_owned()
}

/// Imports of the engine against the flow.
fn against_the_flow(files: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, source) in files {
        let own = module(file);
        if own == "lib" {
            continue;
        }
        let rank = FLOW.iter().position(|s| *s == own);
        if rank.is_none() && !FREE.contains(&own.as_str()) {
            wrong.push(format!(
                "{file}: the module {own} is neither in FLOW nor in FREE"
            ));
        }
        for import in imports(file, &code(source)) {
            let place = FLOW.iter().position(|s| *s == import);
            if place.is_some_and(|place| rank.is_none_or(|own| place > own)) {
                wrong.push(format!(
                    "{file} imports {import}, which comes later than {own}"
                ));
            }
        }
    }
    wrong
}

/// Imports of the extension that the table does not have.
fn against_the_boundary(files: &[(String, String)]) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = BOUNDARY.into_iter().collect();
    let mut wrong = Vec::new();
    for (file, source) in files {
        let own = module(file);
        if own == "lib" {
            continue;
        }
        let Some(allowed) = table.get(own.as_str()) else {
            wrong.push(format!("{file}: the module {own} is not in BOUNDARY"));
            continue;
        };
        for import in imports(file, &code(source)) {
            if import != own
                && table.contains_key(import.as_str())
                && !allowed.contains(&import.as_str())
            {
                wrong.push(format!("{file}: {own} may not import {import}"));
            }
        }
    }
    wrong
}

/// Files in which the keyword `unsafe` stands.
fn unsafe_in(files: &[(String, String)]) -> Vec<String> {
    files
        .iter()
        .filter(|(_, source)| words(&code(source), "unsafe").next().is_some())
        .map(|(file, _)| format!("{file} has `unsafe`"))
        .collect()
}

/// Functions and variables of PostgreSQL's: `pg_sys::name` in small letters or called. Types and constants are only data.
fn postgres_calls(files: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, source) in files {
        let code = code(source);
        for at in words(&code, "pg_sys") {
            let Some(rest) = code[at + 6..].strip_prefix("::") else {
                continue;
            };
            for name in heads(rest) {
                let small = name.starts_with(|c: char| c.is_lowercase() || c == '_');
                let called = rest
                    .strip_prefix(&name)
                    .is_some_and(|r| r.trim_start().starts_with('('));
                // pgrx keeps its report type in a module there.
                if (small || called) && name != "panic" {
                    wrong.push(format!("{file} uses pg_sys::{name}"));
                }
            }
        }
    }
    wrong
}

fn too_long(files: &[(String, String)]) -> Vec<String> {
    files
        .iter()
        .map(|(file, source)| (file, source.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(file, lines)| format!("{file} has {lines} lines"))
        .collect()
}

fn outside_pg() -> Vec<(String, String)> {
    let mut files = sources("src");
    assert!(
        files.iter().any(|(f, _)| f == "src/pg/bulk.rs"),
        "src was not found"
    );
    files.retain(|(file, _)| !file.starts_with("src/pg/"));
    files
}

#[test]
fn the_engine_knows_no_postgres() {
    let manifest = std::fs::read_to_string(root().join("engine/Cargo.toml")).unwrap();
    assert!(!manifest.contains("pgrx"), "engine/Cargo.toml names pgrx");
    assert!(
        !manifest.contains("path ="),
        "engine/Cargo.toml has a path dependency"
    );
    for (file, source) in sources("engine/src") {
        let code = code(&source);
        for word in ["pgrx", "pg_sys", "Spi"] {
            assert_eq!(words(&code, word).next(), None, "{file} names {word}");
        }
    }
}

#[test]
fn imports_of_the_engine_follow_the_flow() {
    assert_eq!(
        against_the_flow(&sources("engine/src")),
        Vec::<String>::new()
    );
}

#[test]
fn imports_of_the_extension_are_the_ones_in_the_table() {
    assert_eq!(against_the_boundary(&sources("src")), Vec::<String>::new());
}

#[test]
fn unsafe_stands_in_src_pg_only() {
    assert_eq!(unsafe_in(&sources("engine")), Vec::<String>::new());
    assert_eq!(unsafe_in(&outside_pg()), Vec::<String>::new());
}

#[test]
fn postgres_is_called_from_src_pg_only() {
    assert_eq!(postgres_calls(&outside_pg()), Vec::<String>::new());
}

#[test]
fn no_file_is_too_long() {
    let files: Vec<_> = ["src", "engine", "pg_test", "tests", "fuzz"]
        .into_iter()
        .flat_map(sources)
        .collect();
    assert!(files.len() > 100, "{} files", files.len());
    assert_eq!(too_long(&files), Vec::<String>::new());
}

/// Each rule finds what it is there to find.
#[test]
fn violations_are_found() {
    let file = |name: &str, source: &str| vec![(name.to_owned(), source.to_owned())];
    for (name, source, wrong) in [
        ("engine/src/clean/a.rs", "use crate::lake::Manifest;", 1),
        (
            "engine/src/clean/a.rs",
            "use crate::{control::Free, ingest::{Field, Reject}, lake};",
            1,
        ),
        (
            "engine/src/ingest/parquet/a.rs",
            "use super::super::super::clean::Line;",
            1,
        ),
        (
            "engine/src/control.rs",
            "fn f() { crate::ingest::open_file(); }",
            1,
        ),
        ("engine/src/weather/mod.rs", "", 1),
        (
            "engine/src/lake/a.rs",
            "use crate::clean::Line;\n// crate::warehouse\nconst A: &str = \"crate::warehouse\";",
            0,
        ),
        (
            "engine/src/ingest/parquet/a.rs",
            "use super::super::batch::Field; mod tests { use super::super::super::csv; }",
            0,
        ),
    ] {
        assert_eq!(
            against_the_flow(&file(name, source)).len(),
            wrong,
            "{source}"
        );
    }
    for (name, source, wrong) in [
        ("src/pg/a.rs", "use crate::lake::sweep;", 1),
        (
            "src/pg/a.rs",
            "/// See [`crate::lake::sweep`].\nuse crate::pg::files;",
            0,
        ),
        ("src/features.rs", "use crate::{pg::Failure, ingest};", 1),
        ("src/weather.rs", "", 1),
        ("src/warehouse.rs", "use crate::ingest::rules;", 0),
    ] {
        assert_eq!(
            against_the_boundary(&file(name, source)).len(),
            wrong,
            "{source}"
        );
    }
    for (source, wrong) in [
        ("unsafe { f() }", 1),
        ("fn f<'a>(x: &'a u8) {}\nlet q = '\"'; unsafe {}", 1),
        ("let s = r#\"a \"quote\" b\"#; unsafe {}", 1),
        (
            "/* unsafe /* nested */ unsafe */ // unsafe\nlet s = \"unsafe \\\" unsafe\"; let r = r#\"unsafe\"#; let c = 'u';",
            0,
        ),
        ("#![allow(unsafe_code)]", 0),
    ] {
        assert_eq!(
            unsafe_in(&file("src/a.rs", source)).len(),
            wrong,
            "{source}"
        );
    }
    for (source, wrong) in [
        ("pg_sys::SPI_connect()", 1),
        (
            "let d = pg_sys::Datum::from(0); use pgrx::pg_sys::panic::ErrorReport; pg_sys::TEXTOID",
            0,
        ),
        ("unsafe { pgrx::pg_sys::nextval_oid(f) }", 1),
        ("use pg_sys::{table_open, Oid};", 1),
    ] {
        assert_eq!(
            postgres_calls(&file("src/a.rs", source)).len(),
            wrong,
            "{source}"
        );
    }
    assert_eq!(
        too_long(&file("src/a.rs", &"\n".repeat(LONGEST + 1))).len(),
        1
    );
    assert_eq!(too_long(&file("src/a.rs", &"\n".repeat(LONGEST))).len(), 0);
}
