//! CREATE EXTENSION, DROP EXTENSION, `rs_create_warehouse()`, and the ways of loading the library.

use crate::support::{extension_folder, fails, run, shared, table};
use retailscope_system_tests::{
    Cluster, error_text, hint, query_one, rows_as_text, sqlstate, tool,
};

const SCRIPT: &str = concat!("retailscope--", env!("CARGO_PKG_VERSION"), ".sql");

/// R03: the extension has no table, sequence, view or materialized view among its members.
#[test]
fn no_relation_is_a_member() {
    let mut db = shared().fresh("members");
    let relations = query_one(
        &mut db,
        "SELECT string_agg(objid::regclass::text, ', ') FROM pg_depend
         WHERE deptype = 'e' AND classid = 'pg_class'::regclass
           AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retailscope')",
    );
    assert_eq!(relations, "");
    let tables = query_one(
        &mut db,
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'retailscope'",
    );
    assert_ne!(tables, "0");
}

/// R02: DROP EXTENSION refuses and names the tables; CASCADE is the owner's word.
#[test]
fn drop_extension_never_deletes_rows_silently() {
    let mut db = shared().fresh("dropping");
    run(&mut db, "SELECT rs_generate_sales(20, 20)");
    let before = query_one(&mut db, "SELECT count(*) FROM retailscope.fact_sales");
    let error = fails(&mut db, "DROP EXTENSION retailscope");
    assert_eq!(sqlstate(&error), "2BP01");
    let detail = error.as_db_error().and_then(|e| e.detail()).unwrap_or("");
    assert!(
        detail.contains("table retailscope.fact_sales depends on schema retailscope"),
        "{detail}"
    );
    let after = query_one(&mut db, "SELECT count(*) FROM retailscope.fact_sales");
    assert_eq!(before, after);
    run(&mut db, "DROP EXTENSION retailscope CASCADE");
    assert_eq!(
        query_one(&mut db, "SELECT to_regclass('retailscope.fact_sales')"),
        ""
    );
    run(&mut db, "CREATE EXTENSION retailscope");
    run(&mut db, "SELECT rs_generate_sales(20, 20)");
    let again = query_one(&mut db, "SELECT count(*) FROM retailscope.fact_sales");
    assert_eq!(before, again);
}

/// R04: a schema or a function that somebody made before is never adopted.
#[test]
fn squatted_names_make_create_extension_fail() {
    let mut db = shared().create_database("squatted");
    run(
        &mut db,
        "CREATE ROLE squatter LOGIN; GRANT CREATE ON DATABASE squatted TO squatter; GRANT CREATE ON SCHEMA public TO squatter",
    );
    let mut squatter = shared().connect_as("squatted", "squatter");
    run(&mut squatter, "CREATE SCHEMA retailscope");
    let error = fails(&mut db, "CREATE EXTENSION retailscope");
    assert_eq!(error_text(&error), "schema \"retailscope\" already exists");
    run(&mut squatter, "DROP SCHEMA retailscope");

    // Each function of the script in turn, with the same signature but the squatter's body.
    let mut other = shared().fresh("unsquatted");
    let signatures = rows_as_text(
        &mut other,
        "SELECT p.proname, pg_get_function_identity_arguments(p.oid), p.prokind = 'p'
         FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
         WHERE d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
           AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retailscope') ORDER BY 1",
    );
    assert!(signatures.len() >= 12, "{signatures:?}");
    for row in signatures {
        let (name, args) = (row[0].clone().unwrap(), row[1].clone().unwrap());
        let kind = if row[2].as_deref() == Some("t") {
            "PROCEDURE"
        } else {
            "FUNCTION"
        };
        let returns = if kind == "PROCEDURE" {
            ""
        } else {
            "RETURNS integer"
        };
        let body = if kind == "PROCEDURE" {
            "AS ''"
        } else {
            "AS 'SELECT 1'"
        };
        run(
            &mut squatter,
            &format!("CREATE {kind} public.{name}({args}) {returns} LANGUAGE sql {body}"),
        );
        let error = fails(&mut db, "CREATE EXTENSION retailscope");
        assert_eq!(sqlstate(&error), "42723", "{name}: {}", error_text(&error));
        run(&mut squatter, &format!("DROP {kind} public.{name}({args})"));
    }
    run(&mut db, "CREATE EXTENSION retailscope");
}

/// R04: the script that CREATE EXTENSION runs replaces nothing and skips nothing that is there already.
#[test]
fn the_install_script_adopts_nothing() {
    let folder = extension_folder();
    let script = std::fs::read_to_string(folder.join(SCRIPT)).unwrap();
    let statements = without_strings_and_comments(&script).to_uppercase();
    assert!(statements.contains("CREATE SCHEMA RETAILSCOPE"));
    for phrase in ["OR REPLACE", "IF NOT EXISTS", "CREATE TABLE"] {
        assert!(!statements.contains(phrase), "{phrase}");
    }
    let control = std::fs::read_to_string(folder.join("retailscope.control")).unwrap();
    assert!(!control.contains("schema ="));
    assert!(control.contains("trusted = false") && control.contains("superuser = true"));
}

/// R04: pgspot finds nothing in the script. The procedure commits, so it cannot have a SET clause: it sets its path itself.
#[test]
fn pgspot_finds_nothing() {
    let Some(mut pgspot) = tool("pgspot") else {
        return;
    };
    let script = extension_folder().join(SCRIPT);
    let output = pgspot
        .args([
            "--proc-without-search-path",
            "extschema.rs_run_pipeline(path text)",
        ])
        .arg(&script)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Errors: 0 Warnings: 0 Unknown: 0"), "{text}");
}

/// The statements alone: function bodies, literals and comments taken out.
fn without_strings_and_comments(script: &str) -> String {
    let mut rest = script;
    let mut out = String::new();
    while let Some(first) = rest.chars().next() {
        let end_of = |opening: usize, closing: &str| {
            rest.get(opening..)
                .and_then(|r| r.find(closing))
                .map_or(rest.len(), |at| opening + at + closing.len())
        };
        let skip = if rest.starts_with("--") {
            end_of(2, "\n")
        } else if rest.starts_with("/*") {
            end_of(2, "*/")
        } else if first == '\'' {
            end_of(1, "'")
        } else if first == '$' {
            match rest[1..].find('$') {
                Some(at) if rest[1..1 + at].chars().all(|c| c.is_alphanumeric()) => {
                    let tag = &rest[..at + 2];
                    end_of(tag.len(), tag)
                }
                _ => 0,
            }
        } else {
            0
        };
        if skip == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.push(' ');
            rest = &rest[skip..];
        }
    }
    out
}

/// Only a superuser installs it, whatever else a role may do in the database.
#[test]
fn others_than_superusers_cannot_install_it() {
    let mut db = shared().create_database("untrusted");
    run(
        &mut db,
        "CREATE ROLE untrusted_owner LOGIN; ALTER DATABASE untrusted OWNER TO untrusted_owner",
    );
    let mut owner = shared().connect_as("untrusted", "untrusted_owner");
    let error = fails(&mut owner, "CREATE EXTENSION retailscope");
    assert_eq!(sqlstate(&error), "42501");
}

/// R52: `rs_create_warehouse()` changes nothing when nothing is missing, and brings back what is.
#[test]
fn create_warehouse_is_idempotent_and_mends() {
    let mut db = shared().fresh("mending");
    run(
        &mut db,
        "SELECT rs_generate_sales(20, 20); SELECT rs_refresh_marts()",
    );
    let catalog = crate::catalog::snapshot(&mut db);
    let facts =
        "SELECT md5(string_agg(f::text, '' ORDER BY sale_id)) FROM retailscope.fact_sales f";
    let before = query_one(&mut db, facts);
    run(
        &mut db,
        "SELECT rs_create_warehouse(); SELECT rs_create_warehouse()",
    );
    assert_eq!(catalog, crate::catalog::snapshot(&mut db));

    run(
        &mut db,
        "DROP TABLE retailscope.mart_daily_kpis; DROP TABLE retailscope.rfm_segment_map; DROP VIEW retailscope.progress;
         DELETE FROM retailscope.clean_rule; DROP INDEX retailscope.fact_sales_customer;
         SELECT rs_create_warehouse()",
    );
    assert_eq!(catalog, crate::catalog::snapshot(&mut db));
    assert_eq!(before, query_one(&mut db, facts));
    assert_eq!(
        query_one(&mut db, "SELECT count(*) FROM retailscope.rfm_segment_map"),
        "25"
    );
    run(&mut db, "SELECT rs_refresh_marts()");
    assert_eq!(
        table(
            &mut db,
            "SELECT check_name FROM rs_data_quality() WHERE NOT ok"
        ),
        ""
    );
}

/// Settings that `rs_create_warehouse()` needs for itself end with it.
#[test]
fn create_warehouse_leaves_the_session_alone() {
    let mut db = shared().fresh("quiet");
    run(&mut db, "BEGIN; SELECT rs_create_warehouse()");
    let level = query_one(&mut db, "SHOW client_min_messages");
    run(&mut db, "COMMIT");
    assert_eq!(level, "notice");
}

/// What belongs to another owner is refused by name.
#[test]
fn create_warehouse_adopts_nothing_of_another_owner() {
    let mut db = shared().fresh("adopting");
    run(
        &mut db,
        "CREATE ROLE stranger; ALTER TABLE retailscope.country_alias OWNER TO stranger",
    );
    let error = fails(&mut db, "SELECT rs_create_warehouse()");
    assert_eq!(sqlstate(&error), "42501");
    assert_eq!(
        error_text(&error),
        "relation \"retailscope.country_alias\" belongs to \"stranger\""
    );
    assert!(hint(&error).contains("rs_create_warehouse()"));
}

/// R52: the owner's role is renamed, the database is renamed, copied as a template, and given to another role.
#[test]
fn databases_and_roles_are_renamed_copied_and_reassigned() {
    let cluster = shared();
    let mut db = cluster.create_database("moving");
    run(&mut db, "CREATE ROLE mover LOGIN SUPERUSER");
    let mut mover = cluster.connect_as("moving", "mover");
    run(
        &mut mover,
        "CREATE EXTENSION retailscope; SELECT rs_generate_sales(20, 20)",
    );
    drop((mover, db));
    let mut admin = cluster.connect("postgres");
    run(
        &mut admin,
        "ALTER ROLE mover RENAME TO \"Mo'ver\"; ALTER DATABASE moving RENAME TO moved;",
    );
    run(&mut admin, "CREATE DATABASE moved_copy TEMPLATE moved");
    for name in ["moved", "moved_copy"] {
        let mut db = cluster.connect_as(name, "Mo'ver");
        run(
            &mut db,
            "SELECT rs_create_warehouse(); SELECT rs_refresh_marts()",
        );
        run(&mut db, "SELECT rs_generate_sales(10, 10, 7)");
        assert_eq!(
            table(
                &mut db,
                "SELECT check_name, detail FROM rs_data_quality() WHERE NOT ok AND check_name !~ 'mart'"
            ),
            ""
        );
    }
    let mut moved = cluster.connect("moved");
    run(
        &mut moved,
        "CREATE ROLE heir LOGIN SUPERUSER; REASSIGN OWNED BY \"Mo'ver\" TO heir",
    );
    let mut heir = cluster.connect_as("moved", "heir");
    run(
        &mut heir,
        "SELECT rs_create_warehouse(); SELECT rs_generate_sales(10, 10, 8); SELECT rs_refresh_marts()",
    );
    let mut copy = cluster.connect("moved_copy");
    run(&mut copy, "REASSIGN OWNED BY \"Mo'ver\" TO heir");
    run(
        &mut copy,
        "DROP EXTENSION retailscope CASCADE; CREATE EXTENSION retailscope",
    );
    run(&mut copy, "DROP ROLE \"Mo'ver\"");
}

/// R33: the library works the same preloaded by the server, by the session, by LOAD, and not at all.
#[test]
fn every_way_of_loading_gives_the_same() {
    let results = "SELECT rs_generate_sales(20, 20); SELECT rs_refresh_marts()";
    let facts =
        "SELECT md5(string_agg(f::text, '' ORDER BY sale_id)) FROM retailscope.fact_sales f";
    let mut plain = shared().fresh("not_preloaded");
    run(&mut plain, results);
    let expected = query_one(&mut plain, facts);

    let mut loaded = shared().create_database("by_load");
    run(
        &mut loaded,
        "LOAD 'retailscope'; SET retailscope.threads = 1",
    );
    run(&mut loaded, "CREATE EXTENSION retailscope");
    run(&mut loaded, results);
    assert_eq!(query_one(&mut loaded, facts), expected);

    run(
        &mut loaded,
        "ALTER DATABASE by_load SET session_preload_libraries = 'retailscope'",
    );
    let mut session = shared().connect("by_load");
    assert_eq!(
        query_one(&mut session, "SHOW retailscope.max_memory"),
        "512MB"
    );

    let cluster = Cluster::start(&["shared_preload_libraries = 'retailscope'"]);
    let mut db = cluster.fresh("preloaded");
    run(&mut db, results);
    assert_eq!(query_one(&mut db, facts), expected);
}
