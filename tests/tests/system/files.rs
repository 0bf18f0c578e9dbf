//! R06: server files are reached only by the right role, inside the allowed folders, and never by way of a link.

use crate::support::{fails, outcome, run, table};
use postgres::Client;
use retailscope_system_tests::{Cluster, error_text, query_one, sqlstate};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const CSV: &[u8] =
    b"Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n\
    1,10001,A,2,2020-01-01 10:00,1.50,77,France\n2,10001,A,1,2020-02-01 10:00,1.50,78,France\n";

struct Field {
    cluster: Cluster,
    allowed: PathBuf,
    outside: PathBuf,
}

impl Field {
    fn lay(db: &str) -> (Field, Client) {
        let cluster = Cluster::start(&[]);
        let allowed = cluster.folder("allowed");
        let outside = cluster.folder("outside");
        for name in ["allowed/good.csv", "outside/secret.csv"] {
            cluster.write_file(name, CSV);
        }
        // A folder whose name begins like the allowed one is another folder.
        cluster.write_file("allowed_not/secret.csv", CSV);
        let data = cluster.data_dir();
        for (target, link) in [
            (outside.join("secret.csv"), "link.csv"),
            (outside.clone(), "linked"),
            (PathBuf::from("/dev/zero"), "zero.csv"),
            (data.clone(), "pgdata"),
            (allowed.join("good.csv"), "inner.csv"),
        ] {
            symlink(target, allowed.join(link)).unwrap();
        }
        cluster.must_run(
            "/usr/bin/mkfifo",
            &[&allowed.join("fifo.csv").display().to_string()],
        );
        cluster.folder("allowed/folder.csv");
        let mut client = cluster.fresh(db);
        run(
            &mut client,
            &format!(
                "CREATE ROLE no_role; CREATE ROLE reading IN ROLE pg_read_server_files; CREATE ROLE writing IN ROLE pg_write_server_files;
                 SELECT rs_grant_access('no_role', 'admin'); SELECT rs_grant_access('reading', 'admin');
                 SELECT rs_grant_access('writing', 'admin');
                 ALTER DATABASE {db} SET retailscope.allowed_dirs = '{}'",
                allowed.display()
            ),
        );
        let client = cluster.connect(db);
        (
            Field {
                cluster,
                allowed,
                outside,
            },
            client,
        )
    }
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

/// All files and folders below, so that a new one anywhere is seen.
fn listing(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.symlink_metadata().unwrap().is_dir() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Reading: one role, two cells (the file itself and a link that stays inside) pass; all others are refused alike.
#[test]
fn ingest_file_matrix() {
    let (field, mut db) = Field::lay("reading");
    let a = &field.allowed;
    let cells: &[(PathBuf, &str)] = &[
        (a.join("good.csv"), "ok"),
        (a.join("inner.csv"), "ok"),
        (a.join("missing.csv"), "58P01"),
        (a.join("../outside/secret.csv"), "42501"),
        (a.join("../allowed/good.csv"), "42501"),
        (field.outside.join("secret.csv"), "42501"),
        (field.outside.join("missing.csv"), "42501"),
        (
            PathBuf::from(format!("{}_not/secret.csv", a.display())),
            "42501",
        ),
        (a.join("link.csv"), "42501"),
        (a.join("linked/secret.csv"), "42501"),
        (a.join("fifo.csv"), "42501"),
        (a.join("zero.csv"), "42501"),
        (PathBuf::from("/dev/zero"), "42501"),
        (PathBuf::from("/etc/passwd"), "42501"),
        (PathBuf::from("/proc/self/environ"), "42501"),
        (a.join("pgdata/PG_VERSION"), "42501"),
        (field.cluster.data_dir().join("PG_VERSION"), "42501"),
        (a.join("folder.csv"), "42501"),
        (PathBuf::from("good.csv"), "22023"),
        (PathBuf::new(), "22023"),
    ];
    for role in ["no_role", "writing", "reading"] {
        for (path, expected) in cells {
            let expected = if role == "reading" { expected } else { "42501" };
            let sql = format!(
                "SET LOCAL ROLE {role}; SELECT rs_ingest_file({})",
                quoted(path)
            );
            assert_eq!(
                outcome(&mut db, &sql),
                expected,
                "{role} {}",
                path.display()
            );
        }
    }
    // With a list of folders, superusers are held to it too.
    let sql = format!(
        "SELECT rs_ingest_file({})",
        quoted(&field.outside.join("secret.csv"))
    );
    assert_eq!(outcome(&mut db, &sql), "42501");
    // Whoever may not look outside does not learn either what is there.
    let message = |db: &mut Client, name: &str| {
        let error = fails(
            db,
            &format!(
                "BEGIN; SET LOCAL ROLE reading; SELECT rs_ingest_file({})",
                quoted(&field.outside.join(name))
            ),
        );
        error_text(&error).replace(name, "")
    };
    assert_eq!(
        message(&mut db, "secret.csv"),
        message(&mut db, "missing.csv")
    );
    assert_eq!(
        query_one(&mut db, "SELECT count(*) FROM retailscope.fact_sales"),
        "0"
    );
}

/// Without a list, only superusers name files, and never the server's own.
#[test]
fn without_a_list_only_superusers_name_files() {
    let cluster = Cluster::start(&[]);
    let file = cluster.write_file("open.csv", CSV);
    let mut db = cluster.fresh("open");
    run(
        &mut db,
        "CREATE ROLE reading IN ROLE pg_read_server_files; SELECT rs_grant_access('reading', 'admin')",
    );
    let call = format!("SELECT rs_ingest_file({})", quoted(&file));
    assert_eq!(outcome(&mut db, &call), "ok");
    assert_eq!(
        outcome(&mut db, &format!("SET LOCAL ROLE reading; {call}")),
        "42501"
    );
    let own = cluster.data_dir().join("postgresql.conf");
    assert_eq!(
        outcome(&mut db, &format!("SELECT rs_ingest_file({})", quoted(&own))),
        "42501"
    );
    assert_eq!(
        outcome(&mut db, "SELECT rs_ingest_file('/dev/zero')"),
        "42501"
    );
}

/// Exporting and loading a lake by name: the same folders, the other role; nothing is written where it failed.
#[test]
fn lake_folder_matrix() {
    let (field, mut db) = Field::lay("lakes");
    let a = &field.allowed;
    run(
        &mut db,
        &format!("SELECT rs_ingest_file({})", quoted(&a.join("good.csv"))),
    );
    let before = listing(field.cluster.dir().join("files").as_path());
    let cells: &[(PathBuf, &str)] = &[
        (a.join("missing"), "58P01"),
        (a.join("../outside"), "42501"),
        (field.outside.clone(), "42501"),
        (field.outside.join("missing"), "42501"),
        (a.join("linked"), "42501"),
        (a.join("linked/deeper"), "58P01"),
        (a.join("pgdata"), "42501"),
        (field.cluster.data_dir(), "42501"),
        (field.cluster.data_dir().join("base"), "42501"),
        (PathBuf::from("/"), "42501"),
        (PathBuf::from("/etc"), "42501"),
        (a.join("good.csv"), "42809"),
        (a.join("fifo.csv"), "42809"),
        (PathBuf::from("allowed"), "22023"),
    ];
    for role in ["no_role", "reading", "writing"] {
        for (path, expected) in cells {
            for (function, able) in [("rs_export_lake", "writing"), ("rs_load_lake", "reading")] {
                let expected = if role == able { expected } else { "42501" };
                let sql = format!("SET LOCAL ROLE {role}; SELECT {function}({})", quoted(path));
                assert_eq!(
                    outcome(&mut db, &sql),
                    expected,
                    "{role} {function} {}",
                    path.display()
                );
            }
        }
    }
    assert_eq!(listing(field.cluster.dir().join("files").as_path()), before);
    // The allowed cell: a folder inside, the right role.
    let lake = field.cluster.folder("allowed/lake");
    for role in ["no_role", "reading"] {
        let sql = format!(
            "SET LOCAL ROLE {role}; SELECT rs_export_lake({})",
            quoted(&lake)
        );
        assert_eq!(outcome(&mut db, &sql), "42501");
    }
    run(
        &mut db,
        &format!(
            "SET ROLE writing; SELECT rs_export_lake({}); RESET ROLE",
            quoted(&lake)
        ),
    );
    assert!(lake.join("year=2020/month=01").is_dir());
    let mut empty = field.cluster.fresh("lakes_again");
    run(
        &mut empty,
        &format!(
            "SET retailscope.allowed_dirs = '{}'; SELECT rs_grant_access('reading', 'admin'); SET ROLE reading; SELECT rs_load_lake({}); RESET ROLE",
            a.display(),
            quoted(&lake)
        ),
    );
    assert_eq!(
        query_one(&mut empty, "SELECT sum(amount) FROM retailscope.fact_sales"),
        "4.5"
    );
}

/// A lake whose partition is a link to elsewhere is neither written through nor read through.
#[test]
fn links_inside_a_lake_lead_nowhere() {
    let (field, mut db) = Field::lay("linked");
    run(
        &mut db,
        &format!(
            "SELECT rs_ingest_file({})",
            quoted(&field.allowed.join("good.csv"))
        ),
    );
    let lake = field.cluster.folder("allowed/lake");
    symlink(&field.outside, lake.join("year=2020")).unwrap();
    let before = listing(&field.outside);
    let error = fails(
        &mut db,
        &format!("SELECT rs_export_lake({})", quoted(&lake)),
    );
    assert_eq!(sqlstate(&error), "42501", "{}", error_text(&error));
    assert_eq!(listing(&field.outside), before);
}

/// Tables: the caller's own privileges and row policies decide what is read.
#[test]
fn ingest_table_matrix() {
    let cluster = crate::support::shared();
    let mut db = cluster.fresh("table_acl");
    run(
        &mut db,
        "CREATE TABLE public.orders (invoice_no text, stock_code text, description text, quantity int, sold_at timestamp,
             unit_price numeric, customer_id text, country text, till text);
         INSERT INTO public.orders SELECT i, 'P' || i, 'thing', 1, timestamp '2020-01-01' + i * interval '1 hour', 2, 'c', 'x',
             CASE WHEN i <= 3 THEN 'table_rls' ELSE 'else' END FROM generate_series(1, 10) i;
         CREATE ROLE table_owner; CREATE ROLE table_none; CREATE ROLE table_rls; CREATE ROLE table_column; CREATE ROLE table_schema;
         ALTER TABLE public.orders OWNER TO table_owner; ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own_till ON public.orders TO table_rls USING (till = current_user);
         GRANT SELECT ON public.orders TO table_rls; GRANT SELECT (invoice_no, stock_code) ON public.orders TO table_column;
         CREATE SCHEMA closed; CREATE TABLE closed.orders AS SELECT * FROM public.orders; GRANT SELECT ON closed.orders TO table_schema;
         SELECT rs_grant_access(r, 'admin') FROM unnest('{table_owner,table_none,table_rls,table_column,table_schema}'::regrole[]) r",
    );
    for (role, table, expected) in [
        ("table_none", "public.orders", "42501"),
        ("table_column", "public.orders", "42501"),
        ("table_none", "pg_catalog.pg_authid", "22023"),
        ("table_schema", "closed.orders", "42501"),
    ] {
        let sql = format!("SET LOCAL ROLE {role}; SELECT rs_ingest_table('{table}')");
        assert_eq!(outcome(&mut db, &sql), expected, "{role} {table}");
    }
    for (role, rows) in [("table_rls", "3"), ("table_owner", "10")] {
        run(&mut db, &format!("BEGIN; SET LOCAL ROLE {role}"));
        let read = query_one(
            &mut db,
            "SELECT rows_read FROM rs_ingest_table('public.orders')",
        );
        run(&mut db, "ROLLBACK");
        assert_eq!(read, rows, "{role}");
    }
    // With row_security off a policy is an error and not a filter.
    let sql = "SET LOCAL ROLE table_rls; SET LOCAL row_security = off; SELECT rs_ingest_table('public.orders')";
    assert_eq!(outcome(&mut db, sql), "42501");
}

/// R06: five gigabytes of nothing, which take no room on the disk, are refused as what they are, in little memory.
#[test]
fn huge_files_are_refused_in_little_memory() {
    let (field, mut db) = Field::lay("huge");
    let pid = query_one(&mut db, "SELECT pg_backend_pid()");
    let (huge, large) = (5 << 30, 256 << 20);
    let sparse = |name: &str, start: &[u8], size: u64| {
        let path = field.cluster.write_file(name, start);
        std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(size))
            .unwrap();
        path
    };
    for (name, start, size) in [
        ("bare.csv", Vec::new(), huge),
        ("headed.csv", CSV.to_vec(), huge),
        ("bare.csv.gz", Vec::new(), huge),
        ("started.csv.gz", b"\x1f\x8b\x08\0".to_vec(), huge),
        // Three bytes of nothing are an empty block, and each is read.
        ("started.csv.zst", b"\x28\xb5\x2f\xfd".to_vec(), large),
        ("bare.parquet", Vec::new(), huge),
        ("started.parquet", b"PAR1".to_vec(), huge),
    ] {
        let path = sparse(&format!("allowed/{name}"), &start, size);
        let error = fails(
            &mut db,
            &format!("SELECT rs_ingest_file({})", quoted(&path)),
        );
        assert_eq!(sqlstate(&error), "22P04", "{name}: {}", error_text(&error));
        std::fs::remove_file(&path).unwrap();
    }
    assert_eq!(
        query_one(&mut db, "SELECT count(*) FROM retailscope.etl_batch"),
        "0"
    );
    // After more lines than are looked at to tell text from binary data, a gigabyte without an end of line is one line that
    // is too long, and the others are loaded.
    let line = b"3,10001,A,1,2020-02-01 10:00,1.50,78,France\n";
    let lines = [CSV, &line.repeat(40_000)].concat();
    let path = sparse("allowed/late.csv", &lines, 1 << 30);
    let counts = table(
        &mut db,
        &format!(
            "SELECT rows_loaded, rows_duplicate, rows_rejected FROM rs_ingest_file({})",
            quoted(&path)
        ),
    );
    assert_eq!(counts, "3 | 39999 | 1\n");
    std::fs::remove_file(&path).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    let peak: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak < 300 << 10, "{peak} kB at the peak");
}
