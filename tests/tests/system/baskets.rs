//! Rules and advice as sessions meet them: who sees which model when, damaged and forged ones, and whose rows a query reads.

use crate::models::{TRAINED, sealed};
use crate::support::{fails, run, shared, table};
use postgres::Client;
use retailscope_system_tests::{error_text, hint, query_one, sqlstate};

/// All that the model that serves says, prepared once in each session.
const PREPARE: &str = "PREPARE seen AS
    SELECT format('%s %s %s', model_id, antecedent, lift) FROM rs_rules(n => NULL)
    UNION ALL SELECT format('%s %s', i.item, r.model_id)
              FROM (SELECT DISTINCT items[1] AS item FROM retailscope.mart_association_rules) AS i, rs_rules(i.item) AS r
    UNION ALL SELECT format('advice %s', a)
              FROM (SELECT stock_code FROM retailscope.dim_product WHERE is_merchandise) AS p, rs_recommend(ARRAY[stock_code]) AS a
    ORDER BY 1";

fn seen(db: &mut Client) -> String {
    table(db, "EXECUTE seen")
}

/// R30: a promotion, one taken back and a new mining are seen by the next statement of each session once they are committed, in
/// `rs_rules` and in `rs_recommend` at once, and never before.
#[test]
fn rules_that_come_to_serve_are_seen_by_the_next_statement() {
    let mut db = shared().fresh("baskets_seen");
    run(&mut db, TRAINED);
    run(
        &mut db,
        "SELECT rs_mine_rules(0.05, 0.1, options => '{\"promote\": false}')",
    );
    let mut other = shared().connect("baskets_seen");
    run(&mut db, PREPARE);
    run(&mut other, PREPARE);
    let four = seen(&mut other);
    assert!(four.lines().count() > 100, "{four}");
    run(&mut db, "BEGIN; SELECT rs_promote(5)");
    let five = seen(&mut db);
    assert!(five != four && !five.is_empty());
    assert_eq!(seen(&mut other), four);
    run(&mut db, "COMMIT");
    assert_eq!(seen(&mut other), five);
    // What is not committed never was.
    run(&mut db, "BEGIN; SELECT rs_rollback('baskets')");
    assert_eq!(seen(&mut db), four);
    run(&mut db, "ROLLBACK");
    assert_eq!(
        (seen(&mut db), seen(&mut other)),
        (five.clone(), five.clone())
    );
    run(
        &mut db,
        "BEGIN; SAVEPOINT s; SELECT rs_mine_rules(0.02, 0.1); ROLLBACK TO s; COMMIT",
    );
    assert_eq!(
        (seen(&mut db), seen(&mut other)),
        (five.clone(), five.clone())
    );
    // Whoever keeps a snapshot keeps its rules.
    run(
        &mut other,
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM retailscope.model",
    );
    run(&mut db, "SELECT rs_rollback('baskets')");
    assert_eq!((seen(&mut db), seen(&mut other)), (four.clone(), five));
    run(&mut other, "COMMIT");
    assert_eq!(seen(&mut other), four);
    let newest = query_one(&mut db, "SELECT model_id FROM rs_mine_rules(0.02, 0.1)");
    let renewed = four.replace("4 {", &format!("{newest} {{"));
    assert_eq!(
        table(&mut other, "SELECT DISTINCT model_id FROM rs_rules()"),
        format!("{newest}\n")
    );
    assert_eq!(seen(&mut other).lines().count(), renewed.lines().count());
    // A dropped model is gone for whoever had it loaded, and the mart has no trace of it.
    run(&mut db, "SELECT rs_drop_model(4)");
    assert_eq!(
        sqlstate(&fails(&mut other, "SELECT rs_model_rules(4)")),
        "42704"
    );
    assert_eq!(
        query_one(
            &mut other,
            "SELECT count(*) FROM retailscope.mart_association_rules WHERE model_id = 4"
        ),
        "0"
    );
}

/// Calls that read model 4, and what `rs_rules` says without it.
const READING: [&str; 5] = [
    "SELECT rs_verify_model(4)",
    "SELECT rs_promote(4)",
    "SELECT rs_model_rules(4)",
    "SELECT rs_refresh_rules()",
    "SELECT rs_recommend((SELECT array_agg(stock_code) FROM (SELECT stock_code FROM retailscope.dim_product LIMIT 20) AS p), 50)",
];

/// A database whose rules can be damaged and mended, and the bytes of their model.
fn patient(name: &str) -> (Client, Vec<u8>, String) {
    let mut owner = shared().fresh(name);
    run(&mut owner, TRAINED);
    run(&mut owner, PREPARE);
    let answers = seen(&mut owner);
    let sql = "SELECT data FROM retailscope.model_chunk WHERE model_id = 4";
    let bytes = owner.query_one(sql, &[]).unwrap().get(0);
    (owner, bytes, answers)
}

/// Puts these bytes in the place of model 4's, with the registry's checksum for them or not.
fn put(owner: &mut Client, bytes: &[u8], crc: Option<u32>) {
    let chunk = "UPDATE retailscope.model_chunk SET data = $1 WHERE model_id = 4";
    owner.execute(chunk, &[&bytes]).unwrap();
    if let Some(crc) = crc {
        let model = "UPDATE retailscope.model SET bytes = $1, crc32c = $2 WHERE model_id = 4";
        let sums: [i64; 2] = [bytes.len() as i64, crc.into()];
        owner.execute(model, &[&sums[0], &sums[1]]).unwrap();
    }
}

/// R09: rules with a changed byte, or cut, are XX001 in each call that reads them; the mart answers on, and once they are mended
/// the same session advises as before.
#[test]
fn damaged_rules_are_noticed() {
    let (mut owner, bytes, answers) = patient("rules_damaged");
    let length = bytes.len();
    let mart = query_one(&mut owner, "SELECT count(*) FROM rs_rules(n => NULL)");
    let places = (0..24)
        .step_by(3)
        .chain((1..12).map(|n| n * length / 12))
        .chain([length - 1]);
    let flipped = places.map(|at| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    });
    let cut = [1, 24, length / 2, length - 1].map(|kept| bytes[..kept].to_vec());
    for damaged in flipped.chain(cut) {
        put(&mut owner, &damaged, None);
        let mut session = shared().connect("rules_damaged");
        run(&mut session, PREPARE);
        for call in READING {
            let error = fails(&mut session, call);
            assert_eq!(sqlstate(&error), "XX001", "{call}: {}", error_text(&error));
            assert!(!hint(&error).is_empty(), "{call}");
        }
        assert_eq!(
            query_one(&mut session, "SELECT count(*) FROM rs_rules(n => NULL)"),
            mart
        );
        put(&mut owner, &bytes, None);
        assert_eq!(seen(&mut session), answers);
    }
}

/// R09: rules that were changed by someone who made all checksums right again: an answer or a clear error, never a crash.
#[test]
fn forged_rules_never_crash() {
    let (mut owner, original, answers) = patient("rules_forged");
    let (mut answered, mut refused) = (0, 0);
    let mut state = 7_u64;
    let mut next = |end: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    };
    for round in 0..150 {
        let mut bytes = original.clone();
        for _ in 0..=round % 3 {
            let at = 8 + next(bytes.len() - 12);
            bytes[at] = [0, 1, 0x7f, 0x80, 0xc0, 0xcb, 0xdf, 0xff, next(256) as u8][next(9)];
        }
        let crc = sealed(&mut bytes);
        put(&mut owner, &bytes, Some(crc));
        let mut session = shared().connect("rules_forged");
        run(&mut session, "SET statement_timeout = '10s'");
        for call in READING {
            match session.batch_execute(call) {
                Ok(()) => answered += 1,
                Err(error) => {
                    let code = sqlstate(&error);
                    assert!(
                        ["XX001", "55000", "53200", "54000"].contains(&code.as_str()),
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
    let mut bytes = original.clone();
    let crc = sealed(&mut bytes);
    put(&mut owner, &bytes, Some(crc));
    run(&mut owner, "SELECT rs_refresh_rules()");
    assert_eq!(bytes, original);
    assert_eq!(seen(&mut owner), answers);
}

/// R15: the query of `rs_frequent_itemsets` is its caller's: his path, his privileges, and of a table with policies his rows.
#[test]
fn itemsets_are_of_what_their_caller_may_see() {
    let mut db = shared().fresh("baskets_rights");
    run(
        &mut db,
        "CREATE ROLE baskets_rights; SELECT rs_grant_access('baskets_rights', 'reader');
         CREATE SCHEMA his; GRANT USAGE ON SCHEMA his TO baskets_rights;
         CREATE TABLE his.lines AS SELECT n AS basket, CASE WHEN n % 2 = 0 THEN 'tea' ELSE 'jam' END AS item FROM generate_series(1, 10) AS n;
         CREATE TABLE public.lines AS SELECT 1 AS basket, 'not his' AS item;
         GRANT SELECT ON his.lines TO baskets_rights;
         ALTER TABLE his.lines ENABLE ROW LEVEL SECURITY; CREATE POLICY even ON his.lines USING (basket % 2 = 0);
         SET ROLE baskets_rights; SET search_path = his, public",
    );
    let itemsets = "SELECT itemset, baskets FROM rs_frequent_itemsets('TABLE lines', 0.1)";
    assert_eq!(table(&mut db, itemsets), "{tea} | 5\n");
    run(&mut db, "SET row_security = off");
    assert_eq!(sqlstate(&fails(&mut db, itemsets)), "42501");
    run(&mut db, "RESET row_security; SET search_path = public");
    let error = fails(&mut db, itemsets);
    assert_eq!(sqlstate(&error), "42501", "{}", error_text(&error));
    run(&mut db, "RESET ROLE");
    assert_eq!(table(&mut db, itemsets), "{\"not his\"} | 1\n");
}
