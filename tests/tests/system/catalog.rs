//! The catalog as an install makes it, and as each upgrade to this version must make it too (`upgrade.rs`).

use crate::support::{golden, shared, table};
use postgres::Client;

/// The shape of an install, in words that do not depend on OIDs.
const SHAPE: &[(&str, &str)] = &[
    (
        "members",
        "SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
         WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
           AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retailscope')
         ORDER BY pg_describe_object(classid, objid, objsubid) COLLATE \"C\"",
    ),
    (
        "columns",
        "SELECT c.relname, c.relkind, a.attnum - (SELECT count(*) FROM pg_attribute d
                    WHERE d.attrelid = c.oid AND d.attisdropped AND d.attnum > 0 AND d.attnum < a.attnum),
                a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' ELSE '' END,
                a.attidentity, coalesce(pg_get_expr(d.adbin, d.adrelid), '')
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.relnamespace = 'retailscope'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
         ORDER BY c.relname COLLATE \"C\", a.attnum",
    ),
    (
        "constraints",
        "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE connamespace = 'retailscope'::regnamespace ORDER BY conrelid::regclass::text COLLATE \"C\", conname COLLATE \"C\"",
    ),
    (
        "indexes",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'retailscope' ORDER BY indexname COLLATE \"C\"",
    ),
    (
        "privileges of relations",
        "SELECT relname, relkind, coalesce(relacl::text, '-'), relrowsecurity
         FROM pg_class WHERE relnamespace = 'retailscope'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
         ORDER BY relname COLLATE \"C\"",
    ),
    (
        "privileges of the schema",
        "SELECT nspname, coalesce(nspacl::text, '-') FROM pg_namespace WHERE nspname = 'retailscope'",
    ),
    (
        "sequences",
        "SELECT c.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle
         FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
         WHERE c.relnamespace = 'retailscope'::regnamespace ORDER BY c.relname COLLATE \"C\"",
    ),
    (
        "triggers",
        "SELECT tgrelid::regclass, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
         WHERE c.relnamespace = 'retailscope'::regnamespace AND NOT tgisinternal ORDER BY 1::text, tgname COLLATE \"C\"",
    ),
    (
        "policies",
        "SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies
         WHERE schemaname = 'retailscope' ORDER BY tablename COLLATE \"C\", policyname COLLATE \"C\"",
    ),
    (
        "extension",
        "SELECT extversion, extrelocatable, extconfig FROM pg_extension WHERE extname = 'retailscope'",
    ),
];

/// What changes with every rewording, and an upgrade must bring up to date all the same.
const TEXTS: &[(&str, &str)] = &[
    (
        "functions",
        "SELECT p.oid::regprocedure, md5(pg_get_functiondef(p.oid)), pg_get_function_result(p.oid), p.provolatile, p.proparallel,
                p.proisstrict, p.prosecdef, p.proconfig, coalesce(p.proacl::text, '-'), md5(obj_description(p.oid, 'pg_proc'))
         FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
         WHERE d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
           AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retailscope')
         ORDER BY p.oid::regprocedure::text COLLATE \"C\"",
    ),
    (
        "views",
        "SELECT viewname, md5(definition) FROM pg_views WHERE schemaname = 'retailscope' ORDER BY 1",
    ),
    (
        // What pg_dump takes for the state right after the install: privileges that differ from it are dumped.
        "initial privileges",
        "SELECT pg_describe_object(classoid, objoid, objsubid), initprivs FROM pg_init_privs
         WHERE privtype = 'e' ORDER BY pg_describe_object(classoid, objoid, objsubid) COLLATE \"C\"",
    ),
    (
        "comments",
        "SELECT c.relname, d.objsubid, md5(d.description) FROM pg_description d JOIN pg_class c ON c.oid = d.objoid
         WHERE d.classoid = 'pg_class'::regclass AND c.relnamespace = 'retailscope'::regnamespace
         ORDER BY c.relname COLLATE \"C\", d.objsubid",
    ),
    (
        "seed rows",
        "SELECT 'clean_rule', count(*), md5(string_agg(r::text, '' ORDER BY field, pattern))
         FROM (SELECT priority, field, pattern, line_kind, is_merchandise, note, enabled FROM retailscope.clean_rule) r
         UNION ALL SELECT 'rfm_segment_map', count(*), md5(string_agg(m::text, '' ORDER BY r_score, f_score))
         FROM retailscope.rfm_segment_map m",
    ),
];

/// Everything that an upgrade could get wrong.
pub fn snapshot(db: &mut Client) -> String {
    words(db, SHAPE) + &words(db, TEXTS)
}

fn words(db: &mut Client, parts: &[(&str, &str)]) -> String {
    parts
        .iter()
        .map(|(name, sql)| format!("## {name}\n{}", table(db, sql)))
        .collect()
}

/// R36: a fresh install of this version has this shape. The files of released versions stay as they are.
#[test]
fn a_fresh_install_has_the_catalog_of_its_version() {
    let mut db = shared().fresh("catalog");
    let name = concat!("catalog-", env!("CARGO_PKG_VERSION"), ".txt");
    golden(name, &words(&mut db, SHAPE));
}

/// Whoever looks at a table, a view, a column or a function is told what it is.
#[test]
fn everything_is_commented() {
    let mut db = shared().fresh("commented");
    let silent = table(
        &mut db,
        "SELECT format('%s %s', c.relname, a.attname) FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'retailscope'::regnamespace AND c.relkind IN ('r', 'v') AND col_description(c.oid, a.attnum) IS NULL
         UNION ALL SELECT c.relname FROM pg_class c
         WHERE c.relnamespace = 'retailscope'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL
         UNION ALL SELECT p.proname FROM pg_proc p
         WHERE p.proname LIKE 'rs\\_%' AND obj_description(p.oid, 'pg_proc') IS NULL ORDER BY 1",
    );
    assert_eq!(silent, "");
}
