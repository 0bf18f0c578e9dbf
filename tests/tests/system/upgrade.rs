//! Upgrades: every released version becomes, with its data, what a fresh install of this version is; and the comparison that
//! says so sees an upgrade that does not.

use crate::catalog::snapshot;
use crate::dump::contents;
use crate::models::TRAINED;
use crate::support::{blessed, difference, extension_folder, run};
use postgres::Client;
use retailscope_system_tests::Cluster;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// A version that never was: this version's script under another name.
const FAKE: &str = "0.0.9";

fn released() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("released")
}

fn script(version: &str) -> String {
    format!("retailscope--{version}.sql")
}

/// A script without the lines that say where in the source something stands, which change with every line above it.
fn without_places(text: &str) -> String {
    let is_place = |line: &&str| {
        line.strip_prefix("-- src/")
            .and_then(|rest| rest.split_once(".rs:"))
            .is_some_and(|(_, number)| number.parse::<u32>().is_ok())
    };
    text.lines()
        .filter(|line| !is_place(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The statements in an order of their own: pgrx promises none but that of the dependencies.
fn sorted_blocks(text: &str) -> String {
    let mut blocks: Vec<&str> = text
        .split_inclusive("/* </end connected objects> */")
        .collect();
    blocks.sort_unstable();
    blocks.concat()
}

/// R37: the script of this version is what is kept in `tests/released`.
#[test]
fn this_versions_script_is_the_kept_one() {
    let installed = std::fs::read_to_string(extension_folder().join(script(VERSION))).unwrap();
    let installed = without_places(&installed);
    let path = released().join(script(VERSION));
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        sorted_blocks(&kept) == sorted_blocks(&installed) || blessed(&path, &installed),
        "the install script is not the one in tests/released, whose README says what to do:\n{}",
        difference(&kept, &installed)
    );
}

/// A server that runs from a copy with an extension folder of its own, so that versions can be added to it. The installed
/// PostgreSQL is never touched, and the copy goes with its cluster, however the test ends.
struct Copied {
    cluster: Cluster,
    scripts: PathBuf,
}

impl Copied {
    fn start() -> Copied {
        let cluster = Cluster::start(&[]);
        let installed = ["--bindir", "--sharedir", "--pkglibdir"]
            .map(|what| PathBuf::from(cluster.must_run("pg_config", &[what]).trim()));
        let root = installed[0]
            .ancestors()
            .find(|folder| installed.iter().all(|i| i.starts_with(folder)))
            .unwrap();
        // A server looks for its folders along the way that leads there from its program: the copy has the same ways.
        let copy = cluster.folder("copy");
        let [bin, share, lib] =
            [0, 1, 2].map(|n| copy.join(installed[n].strip_prefix(root).unwrap()));
        std::fs::create_dir_all(&bin).unwrap();
        // Copied, because a server takes the place of a link's target for its own.
        for program in ["postgres", "pg_ctl"] {
            std::fs::copy(installed[0].join(program), bin.join(program)).unwrap();
        }
        std::fs::create_dir_all(lib.parent().unwrap()).unwrap();
        symlink(&installed[2], &lib).unwrap();
        let scripts = share.join("extension");
        linked(&installed[1], &share, Some("extension"));
        linked(&installed[1].join("extension"), &scripts, None);
        cluster.stop("fast");
        let (data, log) = (cluster.data_dir(), cluster.dir().join("log"));
        let [program, data, log] =
            [&bin.join("pg_ctl"), &data, &log].map(|p| p.display().to_string());
        cluster.must_run(&program, &["-D", &data, "-l", &log, "-w", "-s", "start"]);
        Copied { cluster, scripts }
    }

    /// Puts a script where this server looks for it.
    fn add(&self, name: &str, text: &str) {
        std::fs::write(self.scripts.join(name), text).unwrap();
    }

    /// Makes the database `old` with an older version and data in it.
    fn install(&self, version: &str) {
        run(
            &mut self.cluster.create_database("old"),
            &format!("CREATE EXTENSION retailscope VERSION '{version}'; {TRAINED}"),
        );
    }

    /// Upgrades a copy of that database: what is other than in a fresh install, or other in its data than before.
    fn upgraded(&self, fresh: &str) -> String {
        let mut admin = self.cluster.connect("postgres");
        run(&mut admin, "CREATE DATABASE upgraded TEMPLATE old");
        let mut db = self.cluster.connect("upgraded");
        let before = data(&mut db);
        run(&mut db, "ALTER EXTENSION retailscope UPDATE");
        let found = difference(fresh, &snapshot(&mut db)) + &difference(&before, &data(&mut db));
        drop(db);
        run(&mut admin, "DROP DATABASE upgraded");
        found
    }
}

/// Fills the new folder `to` with links to what is in `from`, except one.
fn linked(from: &Path, to: &Path, except: Option<&str>) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if except.is_none_or(|name| entry.file_name() != name) {
            symlink(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn data(db: &mut Client) -> String {
    contents(db)
        .into_iter()
        .map(|(name, rows)| format!("data of {name}: {rows}"))
        .collect()
}

/// R36: each released version that this one can follow.
#[test]
fn upgrades_end_in_the_catalog_of_a_fresh_install() {
    let server = Copied::start();
    let fresh = snapshot(&mut server.cluster.fresh("fresh"));
    let mut older = 0;
    for entry in std::fs::read_dir(released()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let version = name
            .strip_prefix("retailscope--")
            .and_then(|n| n.strip_suffix(".sql"));
        let Some(version) = version.filter(|v| *v != VERSION) else {
            continue;
        };
        server.add(
            &name,
            &std::fs::read_to_string(released().join(&name)).unwrap(),
        );
        server.install(version);
        assert_eq!(server.upgraded(&fresh), "", "from {version}");
        run(&mut server.cluster.connect("postgres"), "DROP DATABASE old");
        older += 1;
    }
    println!("{older} versions to upgrade from");
}

/// What an upgrade could do wrong, and what must then be reported.
const WRONG: &[(&str, &str)] = &[
    (
        "COMMENT ON FUNCTION @extschema@.rs_daily_features(date, text) IS NULL",
        "rs_daily_features(date,text)",
    ),
    (
        "COMMENT ON COLUMN retailscope.fact_sales.amount IS NULL",
        "fact_sales | 9 |",
    ),
    (
        "ALTER TABLE retailscope.etl_batch ALTER rows_read SET DEFAULT 1",
        "rows_read | bigint | not null |  | 1",
    ),
    (
        "ALTER TABLE retailscope.etl_batch ALTER source DROP NOT NULL",
        "source | text",
    ),
    (
        "ALTER TABLE retailscope.country_alias ADD COLUMN extra text",
        "extra | text",
    ),
    (
        "ALTER SEQUENCE retailscope.fact_sales_sale_id_seq CACHE 5",
        "fact_sales_sale_id_seq | bigint",
    ),
    ("GRANT USAGE ON SCHEMA retailscope TO PUBLIC", "=U/postgres"),
    (
        "GRANT SELECT ON retailscope.fact_sales TO PUBLIC",
        "=r/postgres",
    ),
    (
        "GRANT EXECUTE ON FUNCTION @extschema@.rs_lake_sweep() TO PUBLIC",
        "rs_lake_sweep()",
    ),
    (
        "ALTER FUNCTION @extschema@.rs_refresh_marts(date, boolean) RESET row_security",
        "rs_refresh_marts(date,boolean)",
    ),
    (
        "ALTER FUNCTION @extschema@.rs_daily_features(date, text) ROWS 7",
        "rs_daily_features(date,text)",
    ),
    (
        "DROP FUNCTION @extschema@.rs_lake_status() CASCADE",
        "function rs_lake_status()",
    ),
    (
        "CREATE TRIGGER t BEFORE UPDATE ON retailscope.dim_date FOR EACH ROW
      EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
        "CREATE TRIGGER t",
    ),
    (
        "CREATE POLICY p ON retailscope.fact_sales USING (true)",
        "fact_sales | p |",
    ),
    (
        "ALTER TABLE retailscope.fact_sales ENABLE ROW LEVEL SECURITY",
        "fact_sales | r | - | t",
    ),
    ("DROP INDEX retailscope.fact_sales_date", "fact_sales_date"),
    (
        "ALTER TABLE retailscope.fact_sales DROP CONSTRAINT fact_sales_line_kind",
        "fact_sales_line_kind",
    ),
    (
        "CREATE VIEW retailscope.extra AS SELECT 1 AS one",
        "view retailscope.extra",
    ),
    (
        "UPDATE retailscope.clean_rule SET enabled = false WHERE rule_id = 1",
        "clean_rule |",
    ),
    (
        "UPDATE retailscope.dim_product SET description = 'x' WHERE product_key = 1",
        "data of retailscope.dim_product",
    ),
    (
        "UPDATE retailscope.fact_sales SET customer_key = 0 WHERE sale_id = 1",
        "data of retailscope.fact_sales",
    ),
    (
        "DELETE FROM retailscope.mart_daily_kpis WHERE date = (SELECT pg_catalog.max(date) FROM retailscope.mart_daily_kpis)",
        "data of retailscope.mart_daily_kpis",
    ),
    (
        "ALTER TABLE retailscope.model_chunk DROP CONSTRAINT model_chunk_data_check",
        "model_chunk_data_check",
    ),
    (
        "UPDATE retailscope.model_chunk SET data = pg_catalog.set_byte(data, 100, 0) WHERE model_id = 1",
        "data of retailscope.model_chunk",
    ),
    (
        "DELETE FROM retailscope.model_deployment WHERE deployment_id = 2",
        "data of retailscope.model_deployment",
    ),
    (
        "DROP INDEX retailscope.mart_association_rules_items",
        "mart_association_rules_items",
    ),
    (
        "UPDATE retailscope.mart_association_rules SET lift = 0 WHERE rank = 1",
        "data of retailscope.mart_association_rules",
    ),
    (
        "ALTER FUNCTION @extschema@.rs_rules(text, integer) RESET plan_cache_mode",
        "rs_rules(text,integer)",
    ),
    (
        "ALTER FUNCTION @extschema@.rs_predict_churn(text) IMMUTABLE",
        "rs_predict_churn(text)",
    ),
];

/// R36: the comparison passes an upgrade that is right and reports each one that is wrong.
#[test]
fn a_wrong_upgrade_does_not_pass() {
    let server = Copied::start();
    let this = std::fs::read_to_string(server.scripts.join(script(VERSION))).unwrap();
    server.add(&script(FAKE), &this);
    let step = format!("retailscope--{FAKE}--{VERSION}.sql");
    server.add(&step, "-- nothing to do\n");
    server.install(FAKE);
    let fresh = snapshot(&mut server.cluster.fresh("fresh"));
    assert_eq!(server.upgraded(&fresh), "");
    let unseen: Vec<String> = WRONG
        .iter()
        .filter_map(|(statement, report)| {
            server.add(&step, &format!("{statement};\n"));
            let found = server.upgraded(&fresh);
            (!found.contains(report)).then(|| format!("{statement} reports {found:?}"))
        })
        .collect();
    assert!(unseen.is_empty(), "{unseen:#?}");
}
