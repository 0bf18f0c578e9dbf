//! Every SQL block of the README and of docs/ is run as a reader would run it, and its output compared.
//!
//! A page's blocks run in order, in psql, in a new database called `retail`; each block is a session of the superuser.
//! - ```` ```text ```` right after a block is what psql prints for it, errors included. A block without one must succeed.
//! - ```` ```csv /srv/exports/x.csv ```` is a file that is written before the blocks after it.
//! - ```` ```sql real ```` needs the public data set: such blocks run in a database of their own, where RETAILSCOPE_DATA
//!   has it.
//!
//! `/srv/` stands for a new folder with the folders of [`FOLDERS`] in it, and [`REAL`] for the public file. There is no other
//! preparation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use retailscope_system_tests::{Cluster, data};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The public file as the pages name it, and where the data folder has it.
const REAL: (&str, &str) = (
    "/srv/exports/online_retail_II.csv.zst",
    "online_retail_ii/online_retail_II.csv.zst",
);
const FOLDERS: [&str; 3] = ["exports", "lake", "backup"];
/// Pages that describe statements; a page that loses its blocks by a slip of a fence is noticed.
const WITH_SQL: [&str; 12] = [
    "README.md",
    "docs/baskets.md",
    "docs/churn.md",
    "docs/clean.md",
    "docs/features.md",
    "docs/forecasts.md",
    "docs/ingest.md",
    "docs/lake.md",
    "docs/models.md",
    "docs/operations.md",
    "docs/segments.md",
    "docs/warehouse.md",
];

/// Something between fences that the test acts on.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    Sql {
        line: usize,
        text: String,
        real: bool,
        expected: Option<String>,
    },
    File {
        path: String,
        text: String,
    },
}

/// The blocks of a page, in order.
fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let mut found: Vec<Block> = Vec::new();
    let mut lines = page.lines().enumerate();
    // Where a text block belongs to the SQL block before it: in the line after its end.
    let mut output_at = None;
    while let Some((at, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let mut text = String::new();
        let end = loop {
            match lines.next() {
                Some((end, "```")) => break end,
                Some((_, line)) => {
                    text.push_str(line);
                    text.push('\n');
                }
                None => return Err(format!("line {}: the block does not end", at + 1)),
            }
        };
        match info.split_once(' ').unwrap_or((info, "")) {
            ("sql", kind @ ("" | "real")) => {
                found.push(Block::Sql {
                    line: at + 1,
                    text,
                    real: kind == "real",
                    expected: None,
                });
                output_at = Some(end + 1);
            }
            ("text", "") => match found.last_mut() {
                Some(Block::Sql { expected, .. }) if output_at == Some(at) => {
                    *expected = Some(text);
                }
                _ => {
                    return Err(format!("line {}: this text follows no SQL block", at + 1));
                }
            },
            ("csv", path) if path.starts_with("/srv/") => found.push(Block::File {
                path: path.to_owned(),
                text,
            }),
            ("" | "python" | "mermaid", "") => {}
            _ => return Err(format!("line {}: what is a block of {info:?}?", at + 1)),
        }
    }
    Ok(found)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// README.md and the pages of docs/, with their text.
fn pages() -> Vec<(String, String)> {
    let mut names = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).expect("docs/") {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            names.push(format!("docs/{name}"));
        }
    }
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let text = std::fs::read_to_string(root().join(&name)).expect("a page");
            (name, text)
        })
        .collect()
}

/// One run through (a part of) a page, with its folder and database.
struct Run<'a> {
    cluster: &'a Cluster,
    srv: PathBuf,
    real_file: Option<PathBuf>,
}

impl Run<'_> {
    fn start<'a>(cluster: &'a Cluster, name: &str, real_file: Option<PathBuf>) -> Run<'a> {
        let folder = name.replace(['/', '.'], "-");
        for sub in FOLDERS {
            cluster.folder(&format!("{folder}/{sub}"));
        }
        cluster
            .connect("postgres")
            .batch_execute("DROP DATABASE IF EXISTS retail WITH (FORCE)")
            .unwrap();
        drop(cluster.create_database("retail"));
        Run {
            cluster,
            srv: cluster.folder(&folder),
            real_file,
        }
    }

    /// Puts real paths for those on the page.
    fn placed(&self, text: &str) -> String {
        let text = match &self.real_file {
            Some(file) => text.replace(REAL.0, &file.to_string_lossy()),
            None => text.to_owned(),
        };
        text.replace("/srv/", &format!("{}/", self.srv.display()))
    }

    fn as_on_the_page(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.srv.display()), "/srv/")
    }

    /// What psql prints for the statements, and whether it ended well.
    fn psql(&self, sql: &str, stop: bool) -> (String, bool) {
        let (mut output, writer) = std::io::pipe().unwrap();
        let mut command = self.cluster.command("psql");
        command
            .args(["-X", "-q", "-d", "retail", "-v"])
            .arg(format!("ON_ERROR_STOP={}", u8::from(stop)))
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer);
        let mut child = command.spawn().expect("psql starts");
        // The command holds the pipe's other end.
        drop(command);
        let mut input = child.stdin.take().unwrap();
        input.write_all(self.placed(sql).as_bytes()).unwrap();
        drop(input);
        let mut printed = String::new();
        output.read_to_string(&mut printed).unwrap();
        let status = child.wait().unwrap();
        (self.as_on_the_page(&printed), status.success())
    }

    /// Runs a block; what is wrong with it, if anything is.
    fn check(&self, block: &Block) -> Option<String> {
        match block {
            Block::File { path, text } => {
                let file = PathBuf::from(self.placed(path));
                std::fs::write(&file, text).unwrap();
                self.cluster.give(&file);
                None
            }
            Block::Sql {
                line,
                text,
                expected,
                ..
            } => {
                let (printed, well) = self.psql(text, expected.is_none());
                match expected {
                    None if well => None,
                    None => Some(format!("line {line} fails:\n{printed}")),
                    Some(expected) if tidy(expected) == tidy(&printed) => None,
                    Some(expected) => Some(format!(
                        "line {line} prints\n{printed}instead of\n{expected}"
                    )),
                }
            }
        }
    }
}

/// Without blanks at the ends of lines and empty lines at the end: psql pads and separates with them.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[test]
fn pages_do_what_they_say() {
    let cluster = Cluster::start(&[]);
    let real_file = data()
        .map(|folder| folder.join(REAL.1))
        .filter(|file| file.exists())
        .map(|file| cluster.stage(&file));
    let mut wrong = String::new();
    for (name, text) in pages() {
        let blocks = blocks(&text).unwrap_or_else(|e| panic!("{name}, {e}"));
        let is_real = |block: &Block| matches!(block, Block::Sql { real: true, .. });
        let has_sql = blocks.iter().any(|b| matches!(b, Block::Sql { .. }));
        assert_eq!(has_sql, WITH_SQL.contains(&name.as_str()), "{name}");
        let run = Run::start(&cluster, &name, real_file.clone());
        for problem in blocks
            .iter()
            .filter(|b| !is_real(b))
            .filter_map(|b| run.check(b))
        {
            writeln!(wrong, "{name}, {problem}").unwrap();
        }
        if !blocks.iter().any(is_real) {
            continue;
        }
        if real_file.is_none() {
            println!("{name}: the blocks on the public data set are skipped");
            continue;
        }
        let run = Run::start(&cluster, &format!("{name}-real"), real_file.clone());
        for problem in blocks
            .iter()
            .filter(|b| is_real(b))
            .filter_map(|b| run.check(b))
        {
            writeln!(wrong, "{name}, {problem}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn links_lead_somewhere() {
    for (name, text) in pages() {
        let folder = root().join(&name).parent().unwrap().to_path_buf();
        for link in text.split("](").skip(1).filter_map(|t| t.split(')').next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if file.starts_with("http") {
                continue;
            }
            let page = std::fs::read_to_string(folder.join(file))
                .unwrap_or_else(|e| panic!("{name} links to {file}: {e}"));
            let has_anchor = page.lines().filter(|l| l.starts_with('#')).any(|l| {
                l.trim_start_matches(['#', ' '])
                    .to_lowercase()
                    .replace(' ', "-")
                    == anchor
            });
            assert!(anchor.is_empty() || has_anchor, "{name} links to {link}");
        }
    }
}

/// docs/reliability.md names files and the tests in them.
#[test]
fn tests_that_are_named_exist() {
    let page = std::fs::read_to_string(root().join("docs/reliability.md")).expect("a page");
    for row in page.lines().filter(|l| l.starts_with("| R")) {
        let proof = row.rsplit('|').nth(1).expect("a third column");
        let mut file = String::new();
        for name in proof.split('`').skip(1).step_by(2) {
            if name.contains('/') {
                file = std::fs::read_to_string(root().join(name)).unwrap_or_default();
            }
            let there =
                !file.is_empty() && (name.contains('/') || file.contains(&format!("fn {name}()")));
            assert!(there, "there is no {name}: {row}");
        }
    }
}

#[test]
fn blocks_are_found_with_their_outputs() {
    let page = "a\n```sql\nSELECT 1;\n```\n```text\n1\n```\n\n```csv /srv/exports/a.csv\nx,y\n```\n```sql real\nSELECT 2;\n```\n";
    let sql = |line, text: &str, real, expected: Option<&str>| Block::Sql {
        line,
        text: text.to_owned(),
        real,
        expected: expected.map(str::to_owned),
    };
    let file = Block::File {
        path: "/srv/exports/a.csv".to_owned(),
        text: "x,y\n".to_owned(),
    };
    assert_eq!(
        blocks(page).unwrap(),
        [
            sql(2, "SELECT 1;\n", false, Some("1\n")),
            file,
            sql(12, "SELECT 2;\n", true, None)
        ]
    );
    for (page, problem) in [
        ("```sql\nSELECT 1;\n", "does not end"),
        ("```text\n1\n```\n", "follows no SQL block"),
        ("```sql\n```\n\n```text\n```\n", "follows no SQL block"),
        ("```sqk\n```\n", "what is a block"),
        ("```csv /etc/x.csv\n```\n", "what is a block"),
    ] {
        let error = blocks(page).unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
}
