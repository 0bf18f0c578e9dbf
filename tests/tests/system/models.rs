//! Stored models: they survive a dump, a copy and a rename with the same answers to the bit, and whatever is damaged is noticed.

use crate::dump::contents;
use crate::support::{fails, run, shared, table};
use postgres::Client;
use retailscope_system_tests::{Cluster, error_text, hint, query_one, sqlstate};

/// A warehouse with two models of churn, the second of which serves, one of segments and one of baskets.
pub const TRAINED: &str = "
    SELECT rs_generate_sales(60, 300); SELECT rs_refresh_marts();
    SELECT rs_train_churn('logistic_regression', 30);
    SELECT rs_train_churn('xgboost', 30, '{\"n_estimators\": 20, \"promote\": false}');
    SELECT rs_promote(2); SELECT rs_train_segments(3); SELECT rs_mine_rules(0.02, 0.1)";

/// Every answer of the models that serve, to the bit.
const ANSWERS: &str = "
    SELECT customer_id, encode(float8send(churn_probability), 'hex'), churned, risk, model_id FROM rs_predict_churn()
    UNION ALL SELECT customer_id, encode(float8send(distance), 'hex'), NULL, segment, model_id FROM rs_segment_customers()
    UNION ALL SELECT format('%s %s', antecedent, consequent), encode(float8send(lift), 'hex'), NULL, encode(float8send(p_value), 'hex'), model_id
              FROM rs_rules(n => NULL)
    UNION ALL SELECT format('%s: %s %s', i.item, r.antecedent, r.consequent), encode(float8send(r.confidence), 'hex'), NULL, NULL, r.model_id
              FROM (SELECT DISTINCT items[1] AS item FROM retailscope.mart_association_rules) AS i, rs_rules(i.item, NULL) AS r
    UNION ALL SELECT format('%s %s %s', r.items[1], a.item, a.because), encode(float8send(a.score), 'hex'), NULL, a.source, NULL
              FROM (SELECT DISTINCT items FROM retailscope.mart_association_rules) AS r, rs_recommend(r.items, 10) AS a
    ORDER BY 1, 2, 4, 5";

/// What one call answers, for one customer and for all.
const PREDICTIONS: [&str; 3] = [
    "SELECT rs_predict_churn()",
    "SELECT rs_predict_churn((SELECT max(customer_id) FROM retailscope.dim_customer WHERE first_sale_date IS NOT NULL))",
    "SELECT rs_explain_churn((SELECT max(customer_id) FROM retailscope.dim_customer WHERE first_sale_date IS NOT NULL))",
];

/// 200 MB under a number of its own, in parts as large as they may be: a checksum that is right and a content that is no model.
fn store_synthetic(db: &mut Client) {
    let mut bytes: Vec<u8> = (0..200_u32 << 20).map(|n| (n % 251) as u8).collect();
    let crc = sealed(&mut bytes);
    db.execute(
        "INSERT INTO retailscope.model (model_id, task, algorithm, version, status, params, seed, as_of, training_rows, data_hash,
                                        format_version, extension_version, bytes, crc32c, features, seconds, verdict)
         VALUES (1000, 'synthetic', 'none', 1, 'candidate', '{}', 1, '2020-01-01', 1, '', 1, '', $1, $2, '{}', 0, '')",
        &[&(bytes.len() as i64), &i64::from(crc)],
    )
    .unwrap();
    for (part, data) in (0i32..).zip(bytes.chunks(64 << 20)) {
        db.execute(
            "INSERT INTO retailscope.model_chunk VALUES (1000, $1, $2)",
            &[&part, &data],
        )
        .unwrap();
    }
}

/// R01, R10: plain and custom dumps with stop-on-error, parts of 64 MB among the rows: the same tables, the same predictions
/// to the bit, every model passes its check, and training goes on.
#[test]
fn a_restored_database_predicts_the_same() {
    let source = Cluster::start(&[]);
    let mut db = source.fresh("shop");
    run(&mut db, TRAINED);
    store_synthetic(&mut db);
    let before = (contents(&mut db), table(&mut db, ANSWERS));
    assert!(before.1.lines().count() > 100, "{}", before.1);
    let plain = source.folder("").join("shop.sql").display().to_string();
    let custom = source.folder("").join("shop.dump").display().to_string();
    source.must_run("pg_dump", &["-f", &plain, "shop"]);
    source.must_run("pg_dump", &["-Fc", "-Z1", "-f", &custom, "shop"]);
    let target = Cluster::start(&[]);
    let psql = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "plain", "-f"];
    let restore = ["--exit-on-error", "-d", "custom"];
    for (name, program, args, file) in [
        ("plain", "psql", &psql[..], &plain),
        ("custom", "pg_restore", &restore[..], &custom),
    ] {
        drop(target.create_database(name));
        target.must_run(program, &[args, &[file]].concat());
        let mut db = target.connect(name);
        assert_eq!(before.0, contents(&mut db), "{name}");
        assert_eq!(before.1, table(&mut db, ANSWERS), "{name}");
        run(
            &mut db,
            "SELECT rs_verify_model(model_id) FROM retailscope.model WHERE task <> 'synthetic'",
        );
        let error = fails(&mut db, "SELECT rs_verify_model(1000)");
        assert_eq!(sqlstate(&error), "XX001");
        // All bytes are there and in order: it is the content that is refused.
        assert!(
            error_text(&error).contains("does not begin as a model does"),
            "{}",
            error_text(&error)
        );
        run(
            &mut db,
            "SELECT rs_train_churn('logistic_regression', 30); SELECT rs_train_segments(4); SELECT rs_rollback('churn');
             SELECT rs_mine_rules(0.05, 0.1); SELECT rs_rollback('baskets');
             INSERT INTO retailscope.model_metric VALUES (1, 'train', 'by hand', 1);
             INSERT INTO retailscope.model_importance VALUES (1, 'by hand', 1, 'gain');
             INSERT INTO retailscope.model_curve VALUES (1, 'by hand', 0, 0, NULL, 1);
             DELETE FROM retailscope.mart_customer_segments; SELECT rs_refresh_segments()",
        );
    }
}

/// R52: a database that is copied, and one that is renamed, answers as before.
#[test]
fn copies_and_renamed_databases_predict_the_same() {
    let cluster = shared();
    let mut db = cluster.fresh("models_first");
    run(&mut db, TRAINED);
    let before = table(&mut db, ANSWERS);
    drop(db);
    let mut admin = cluster.connect("postgres");
    run(
        &mut admin,
        "CREATE DATABASE models_copy TEMPLATE models_first",
    );
    run(
        &mut admin,
        "ALTER DATABASE models_first RENAME TO models_second",
    );
    for name in ["models_copy", "models_second"] {
        let mut db = cluster.connect(name);
        assert_eq!(table(&mut db, ANSWERS), before, "{name}");
        run(
            &mut db,
            "SELECT rs_verify_model(model_id) FROM retailscope.model",
        );
    }
    // A copy goes its own way.
    run(
        &mut cluster.connect("models_copy"),
        "SELECT rs_rollback('churn')",
    );
    assert_eq!(
        table(&mut cluster.connect("models_second"), ANSWERS),
        before
    );
}

/// A database whose model 2 can be damaged and mended.
struct Patient {
    owner: Client,
    answers: String,
    bytes: Vec<u8>,
}

impl Patient {
    fn new(name: &str) -> Patient {
        let mut owner = shared().fresh(name);
        run(&mut owner, TRAINED);
        run(
            &mut owner,
            "CREATE TABLE chunk AS TABLE retailscope.model_chunk; CREATE TABLE model AS TABLE retailscope.model",
        );
        let answers = table(&mut owner, ANSWERS);
        let sql = "SELECT data FROM retailscope.model_chunk WHERE model_id = 2";
        let bytes = owner.query_one(sql, &[]).unwrap().get(0);
        Patient {
            owner,
            answers,
            bytes,
        }
    }

    fn mend(&mut self) {
        run(
            &mut self.owner,
            "DELETE FROM retailscope.model_chunk WHERE model_id = 2;
             INSERT INTO retailscope.model_chunk SELECT * FROM chunk WHERE model_id = 2;
             UPDATE retailscope.model AS m SET (bytes, crc32c) = (SELECT o.bytes, o.crc32c FROM model AS o WHERE o.model_id = 2)
             WHERE m.model_id = 2",
        );
    }

    /// Puts these bytes in the model's place, with all checksums right.
    fn forge(&mut self, bytes: &mut [u8]) {
        let crc = sealed(bytes);
        let bytes: &[u8] = bytes;
        let chunk = "UPDATE retailscope.model_chunk SET data = $1 WHERE model_id = 2";
        self.owner.execute(chunk, &[&bytes]).unwrap();
        let model = "UPDATE retailscope.model SET bytes = $1, crc32c = $2 WHERE model_id = 2";
        let sums: [i64; 2] = [bytes.len() as i64, crc.into()];
        self.owner.execute(model, &[&sums[0], &sums[1]]).unwrap();
    }

    /// The model's bytes with another name of a feature, and the lengths that go with it.
    fn renamed(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let at = self.bytes.windows(from.len()).position(|w| w == from);
        let at = at.unwrap_or_else(|| panic!("no {} in it", String::from_utf8_lossy(from)));
        let mut bytes = [&self.bytes[..at], to, &self.bytes[at + from.len()..]].concat();
        let payload = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
        let payload = payload + to.len() as u64 - from.len() as u64;
        bytes[16..24].copy_from_slice(&payload.to_le_bytes());
        bytes
    }

    /// After `damage` every call fails with `code` and says what to do; once it is mended, the same session predicts.
    fn refuses(&mut self, damage: &str, code: &str) {
        let mut session =
            shared().connect(&query_one(&mut self.owner, "SELECT current_database()"));
        run(&mut self.owner, damage);
        let verify = ["SELECT rs_verify_model(2)", "SELECT rs_promote(2)"];
        for call in verify.iter().chain(&PREDICTIONS) {
            let error = fails(&mut session, call);
            assert_eq!(
                sqlstate(&error),
                code,
                "{damage}: {call}: {}",
                error_text(&error)
            );
            assert!(!hint(&error).is_empty(), "{damage}: {call}");
        }
        self.mend();
        run(&mut session, "SELECT rs_verify_model(2)");
        assert_eq!(table(&mut session, ANSWERS), self.answers, "{damage}");
    }
}

/// R09: a changed byte anywhere and a cut anywhere are XX001, from the check and from each prediction; the session lives.
#[test]
fn changed_and_cut_bytes_are_noticed() {
    let mut patient = Patient::new("damaged");
    let length = patient.bytes.len();
    let places = (0..28)
        .chain((length - 8)..length)
        .chain((1..25).map(|n| n * length / 25));
    for place in places {
        let bit = 1 << (place % 8);
        patient.refuses(
            &format!(
                "UPDATE retailscope.model_chunk SET data = set_byte(data, {place}, get_byte(data, {place}) # {bit}) WHERE model_id = 2"
            ),
            "XX001",
        );
    }
    for kept in [1, 2, 8, 23, 24, 28, 100, length / 2, length - 4, length - 1] {
        patient.refuses(
            &format!(
                "UPDATE retailscope.model_chunk SET data = substring(data, 1, {kept}) WHERE model_id = 2"
            ),
            "XX001",
        );
        patient.refuses(
            &format!(
                "UPDATE retailscope.model_chunk SET data = substring(data, 1, {kept}) WHERE model_id = 2;
                 UPDATE retailscope.model SET bytes = {kept} WHERE model_id = 2"
            ),
            "XX001",
        );
    }
    for longer in [
        "UPDATE retailscope.model_chunk SET data = data || '\\x00' WHERE model_id = 2",
        "UPDATE retailscope.model SET bytes = bytes + 1 WHERE model_id = 2",
        "UPDATE retailscope.model SET crc32c = (crc32c + 1) % 4294967296 WHERE model_id = 2",
        "UPDATE retailscope.model SET crc32c = -1 WHERE model_id = 2",
        "UPDATE retailscope.model SET crc32c = 4294967296 WHERE model_id = 2",
    ] {
        patient.refuses(longer, "XX001");
    }
}

/// R10: parts that are missing, swapped or too large are refused, and so is a length that nobody has memory for.
#[test]
fn parts_are_complete_and_in_order_or_refused() {
    let mut patient = Patient::new("parts");
    let pieces = "INSERT INTO retailscope.model_chunk
        SELECT 2, p, substring(c.data, 1 + p * 5000, CASE WHEN p < 2 THEN 5000 ELSE length(c.data) END)
        FROM chunk AS c, generate_series(0, 2) AS p WHERE c.model_id = 2";
    let whole = format!("DELETE FROM retailscope.model_chunk WHERE model_id = 2; {pieces}");
    run(&mut patient.owner, &whole);
    let mut session = shared().connect("parts");
    assert_eq!(table(&mut session, ANSWERS), patient.answers);
    for damage in [
        "DELETE FROM retailscope.model_chunk WHERE model_id = 2 AND part = 0",
        "DELETE FROM retailscope.model_chunk WHERE model_id = 2 AND part = 1",
        "DELETE FROM retailscope.model_chunk WHERE model_id = 2 AND part = 2",
        "UPDATE retailscope.model_chunk SET part = 7 WHERE model_id = 2 AND part = 1",
        "UPDATE retailscope.model_chunk SET part = 9 WHERE model_id = 2 AND part = 0;
         UPDATE retailscope.model_chunk SET part = 0 WHERE model_id = 2 AND part = 1;
         UPDATE retailscope.model_chunk SET part = 1 WHERE model_id = 2 AND part = 9",
        "DELETE FROM retailscope.model_chunk WHERE model_id = 2",
    ] {
        patient.refuses(&format!("{whole}; {damage}"), "XX001");
    }
    patient.refuses(
        "UPDATE retailscope.model SET bytes = 1000000000000 WHERE model_id = 2",
        "53200",
    );
    for (sql, code) in [
        (
            "INSERT INTO retailscope.model_chunk VALUES (2, 5, decode(repeat('00', 67108865), 'hex'))",
            "23514",
        ),
        (
            "INSERT INTO retailscope.model_chunk VALUES (2, 5, '')",
            "23514",
        ),
        (
            "INSERT INTO retailscope.model_chunk VALUES (2, -1, 'x')",
            "23514",
        ),
        (
            "INSERT INTO retailscope.model_chunk VALUES (2, 0, 'x')",
            "23505",
        ),
        (
            "INSERT INTO retailscope.model_chunk VALUES (99, 0, 'x')",
            "23503",
        ),
        ("UPDATE retailscope.model SET bytes = 0", "23514"),
        ("UPDATE retailscope.model SET status = 'best'", "23514"),
    ] {
        assert_eq!(sqlstate(&fails(&mut patient.owner, sql)), code, "{sql}");
    }
}

/// Sets the checksum that the bytes end with, and gives it.
pub fn sealed(bytes: &mut [u8]) -> u32 {
    let body = bytes.len() - 4;
    let crc = crc32c::crc32c(&bytes[..body]);
    bytes[body..].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// R09: bytes that are a model, of the right length, but not the one that the registry means.
#[test]
fn another_models_bytes_are_not_taken_for_this_one() {
    let mut patient = Patient::new("exchanged");
    let mut bytes = patient.bytes.clone();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    sealed(&mut bytes);
    let chunk = "UPDATE retailscope.model_chunk SET data = $1 WHERE model_id = 2";
    patient.owner.execute(chunk, &[&bytes]).unwrap();
    let mut session = shared().connect("exchanged");
    let verified = fails(&mut session, "SELECT rs_verify_model(2)");
    assert_eq!(sqlstate(&verified), "XX001");
    for call in PREDICTIONS {
        assert_eq!(sqlstate(&fails(&mut session, call)), "XX001", "{call}");
    }
}

/// R09: bytes that were changed by someone who made all checksums right again: an answer or a clear error, never a crash.
#[test]
fn forged_models_never_crash() {
    let mut patient = Patient::new("forged");
    let (mut answered, mut refused) = (0, 0);
    let mut state = 1_u64;
    let mut next = |end: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    };
    for round in 0..150 {
        let mut bytes = patient.bytes.clone();
        for _ in 0..=round % 3 {
            let at = 8 + next(bytes.len() - 12);
            bytes[at] = [0, 1, 0x7f, 0x80, 0xc0, 0xcb, 0xdf, 0xff, next(256) as u8][next(9)];
        }
        patient.forge(&mut bytes);
        let mut session = shared().connect("forged");
        run(&mut session, "SET statement_timeout = '10s'");
        let calls = [
            "SELECT rs_verify_model(2)",
            "SELECT rs_model_to_sql(2)",
            "SELECT rs_verify_no_leak(2)",
        ];
        for call in calls.iter().chain(&PREDICTIONS) {
            match session.batch_execute(call) {
                Ok(()) => answered += 1,
                Err(error) => {
                    let code = sqlstate(&error);
                    assert!(
                        ["XX001", "55000", "53200", "54000", "22023"].contains(&code.as_str()),
                        "round {round}: {call}: {code} {}",
                        error_text(&error)
                    );
                    refused += 1;
                }
            }
        }
        assert_eq!(query_one(&mut session, "SELECT 1"), "1");
    }
    println!("{answered} answers, {refused} refusals");
    assert!(answered > 0 && refused > 0);
    patient.mend();
    assert_eq!(
        table(&mut shared().connect("forged"), ANSWERS),
        patient.answers
    );
}

/// R05, R09: what a model calls its features is pasted into queries, so a name that is none, or is one of another type, is refused.
#[test]
fn forged_names_of_features_are_never_run() {
    let mut patient = Patient::new("forged_names");
    let hostile = b"recency_days::float8, pg_catalog.pg_notify('x', 'y')";
    let long = [b"\xa6Number\xd9", &[hostile.len() as u8][..], hostile].concat();
    let number = b"\xa6Number\xacrecency_days";
    for (from, to) in [
        (&number[..], &long[..]),
        (number, b"\xa6Number\xacrecency_dayz"),
        (number, b"\xa6Number\xa7country"),
        (number, b"\xa4Text\xacrecency_days"),
        (b"\xa4Text\xa7country", b"\xa4Text\xa8customer"),
        (b"\xa4Text\xa7country", b"\xa6Number\xa7country"),
        (b"\xa4Text\xa7country", b"\xa4Text\xacrecency_days"),
    ] {
        let mut bytes = patient.renamed(from, to);
        patient.forge(&mut bytes);
        let mut session = shared().connect("forged_names");
        let calls = [
            "SELECT rs_verify_model(2)",
            "SELECT rs_promote(2)",
            "SELECT rs_model_to_sql(2)",
            "SELECT rs_verify_no_leak(2)",
        ];
        for call in calls.iter().chain(&PREDICTIONS) {
            let error = fails(&mut session, call);
            let code = sqlstate(&error);
            assert!(
                ["XX001", "55000"].contains(&code.as_str()),
                "{}: {call}: {code} {}",
                String::from_utf8_lossy(to),
                error_text(&error)
            );
            assert!(!hint(&error).is_empty(), "{call}");
        }
    }
}

/// R09: when the models that serve are damaged or gone, training puts new ones in their place and says why.
#[test]
fn training_replaces_models_that_cannot_be_read() {
    for (name, damage) in [
        (
            "replaced_damaged",
            "UPDATE retailscope.model_chunk SET data = set_byte(data, 99, get_byte(data, 99) # 1)",
        ),
        ("replaced_gone", "DELETE FROM retailscope.model"),
    ] {
        let mut db = shared().fresh(name);
        run(&mut db, TRAINED);
        run(&mut db, damage);
        let mut session = shared().connect(name);
        for call in [
            "rs_predict_churn()",
            "rs_segment_customers()",
            "rs_recommend(NULL)",
        ] {
            let error = fails(&mut session, &format!("SELECT {call}"));
            assert!(["XX001", "55000"].contains(&sqlstate(&error).as_str()));
        }
        let trained = table(
            &mut session,
            "SELECT promoted, verdict FROM rs_train_churn('logistic_regression', 30); SELECT promoted FROM rs_train_segments(3);
             SELECT promoted FROM rs_mine_rules(0.02, 0.1)",
        );
        assert!(
            trained.starts_with("t | the model that served cannot be asked: ")
                && trained.ends_with("\nt\nt\n"),
            "{name}: {trained}"
        );
        assert!(table(&mut session, ANSWERS).lines().count() > 100);
    }
}
