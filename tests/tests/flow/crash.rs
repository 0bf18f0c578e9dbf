//! Crashes and full disks: no moment leaves half of anything in the lake.

use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{Cluster, error_text, query_one, rows_as_text, sqlstate};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn a_full_disk_leaves_the_lake_as_it_was() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "full");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=192k,mode=0777", "tmpfs"])
        .arg(&lake)
        .output();
    if !mounted.is_ok_and(|o| o.status.success()) {
        println!("no tmpfs can be mounted here: skipped");
        return;
    }
    struct Unmount<'a>(&'a std::path::Path);
    impl Drop for Unmount<'_> {
        fn drop(&mut self) {
            let _done = Command::new("umount").arg("-l").arg(self.0).status();
        }
    }
    let _unmount = Unmount(&lake);
    let small = csv(cluster, "full/small.csv", &lines(0, 200));
    ingest(&mut client, &file(&small, "{}"));
    let before = (prints(&mut client), files_below(&lake));
    let large = csv(cluster, "full/large.csv", &lines(200, 40_000));
    let error = try_ingest(&mut client, &file(&large, "{}")).unwrap_err();
    assert!(
        matches!(sqlstate(&error).as_str(), "53100" | "58030"),
        "{} {}",
        sqlstate(&error),
        error_text(&error)
    );
    assert_eq!((prints(&mut client), files_below(&lake)), before);
    let next = csv(cluster, "full/next.csv", &lines(100, 300));
    assert_eq!(ingest(&mut client, &file(&next, "{}")).loaded, 100);
    assert_lake_in_step(&mut client, &lake);
}

/// What a reader that knows nothing of the writer relies on: a Parquet file that can be seen has its beginning and its end,
/// which are written first and last, and a manifest that can be seen names files that are all there as they were written.
fn readers_see_whole_files(client: &mut Client, lake: &Path) {
    let is_hidden = |name: &String| name.rsplit('/').next().is_some_and(|n| n.starts_with('.'));
    let visible: Vec<String> = files_below(lake)
        .into_iter()
        .filter(|n| !is_hidden(n))
        .collect();
    for name in visible.iter().filter(|n| n.ends_with(".parquet")) {
        let bytes = std::fs::read(lake.join(name)).unwrap();
        assert!(
            bytes.len() > 12 && bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"),
            "{name}"
        );
        let [.., a, b, c, d, _, _, _, _] = bytes[..] else {
            panic!("{name}")
        };
        let footer = u32::from_le_bytes([a, b, c, d]) as usize;
        assert!(
            footer > 0 && footer + 12 < bytes.len(),
            "{name}: a footer of {footer} bytes"
        );
    }
    for name in visible
        .iter()
        .filter(|n| n.contains("/batch-") && n.ends_with(".json"))
    {
        let named = rows_as_text(
            client,
            &format!(
                "WITH m AS (SELECT pg_read_file('{}')::jsonb AS m)
                 SELECT f ->> 'path', f ->> 'bytes', f ->> 'crc32c' FROM m, jsonb_array_elements((m -> 'files') || coalesce(nullif(m -> 'rejects', 'null'), '[]')) f",
                lake.join(name).display()
            ),
        );
        assert!(!named.is_empty(), "{name}");
        for file in named {
            let [path, bytes, crc32c] = [0, 1, 2].map(|at| file[at].clone().unwrap());
            let content =
                std::fs::read(lake.join(&path)).unwrap_or_else(|e| panic!("{name}: {path}: {e}"));
            assert_eq!(content.len().to_string(), bytes, "{name}: {path}");
            assert_eq!(
                crc32c::crc32c(&content).to_string(),
                crc32c,
                "{name}: {path}"
            );
        }
    }
}

#[test]
fn a_server_process_killed_at_any_moment_leaves_old_or_new() {
    let cluster = Cluster::start(&["restart_after_crash = on"]);
    let (mut client, lake) = with_lake(&cluster, "killed");
    cluster.fresh("killed_empty");
    let base = csv(&cluster, "base.csv", &lines(0, 20_000));
    ingest(&mut client, &file(&base, "{}"));
    let more = csv(&cluster, "more.csv", &lines(20_000, 30_000));
    // How long each takes undisturbed: the kills are spread over that time.
    let started = Instant::now();
    ingest(&mut client, &file(&more, "{}"));
    let ingesting = started.elapsed();
    let export = |folder: &Path| format!("SELECT rows FROM rs_export_lake('{}')", folder.display());
    let whole = cluster.folder("export-whole");
    let started = Instant::now();
    assert_eq!(query_one(&mut client, &export(&whole)), "30000");
    let exporting = started.elapsed();
    readers_see_whole_files(&mut client, &whole);
    let mut from = 30_000;
    let mut cut_short = [0, 0];
    for attempt in 0..24_u32 {
        let mut client = reconnect(&cluster, "killed");
        let path = csv(&cluster, "next.csv", &lines(from, from + 10_000));
        let is_export = attempt % 2 == 1;
        let exported = cluster.folder(&format!("export-{attempt}"));
        let (call, takes) = if is_export {
            (export(&exported), exporting)
        } else {
            let call = format!("SELECT rows_loaded FROM {}", file(&path, "{}"));
            (call, ingesting)
        };
        let victim = pid(&mut client);
        let worker = std::thread::spawn(move || (client.batch_execute(&call), client));
        std::thread::sleep(takes * (attempt / 2 + 1) / 13);
        Command::new("kill")
            .args(["-9", &victim.to_string()])
            .output()
            .unwrap();
        let (result, session) = worker.join().unwrap();
        cut_short[usize::from(is_export)] += u32::from(result.is_err());
        drop(session);
        // Until the server has noticed, it still takes connections that it is about to cut.
        std::thread::sleep(Duration::from_millis(300));
        let mut client = reconnect(&cluster, "killed");
        // As the kill left them, before anything mends them.
        readers_see_whole_files(&mut client, &lake);
        readers_see_whole_files(&mut client, &exported);
        client.batch_execute("SELECT rs_lake_sweep()").unwrap();
        assert_lake_in_step(&mut client, &lake);
        let rows: u64 = query_one(&mut client, "SELECT count(*) FROM retailscope.fact_sales")
            .parse()
            .unwrap();
        assert!(rows == from || rows == from + 10_000, "{rows} after {from}");
        from = rows;
        // Cut short between commit and renaming, an export is not taken for a whole lake.
        let hidden = files_below(&exported).iter().any(|f| f.contains("/."));
        if is_export && hidden {
            let mut empty = reconnect(&cluster, "killed_empty");
            let (code, message) = failure(
                &mut empty,
                &format!("SELECT rs_load_lake('{}')", exported.display()),
            );
            assert_eq!(code, "55000", "{message}");
        }
    }
    println!("of twelve ingests and twelve exports each were cut short: {cut_short:?}");
    assert!(cut_short.iter().all(|n| *n >= 6));
    let mut client = reconnect(&cluster, "killed");
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut client);
}
