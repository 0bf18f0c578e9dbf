//! Models whose stored bytes are not what they were: refused before they serve, and never a crash.

use crate::shop::*;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{query_one, rows_as_text};

/// What the functions that read a model say, in a session that has not read it before.
fn refusals(db: &str) -> Vec<(String, String)> {
    [
        "rs_verify_model(4)",
        "rs_promote(4)",
        "rs_model_to_sql(4)",
        "rs_verify_no_leak(4)",
    ]
    .iter()
    .map(|call| failure(&mut cluster().connect(db), &format!("SELECT {call}")))
    .collect()
}

fn damage(client: &mut Client, sql: &str) {
    client
        .batch_execute(&format!("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM retailscope.model_chunk; {sql}"))
        .unwrap();
}

fn repair(client: &mut Client) {
    client
        .batch_execute("TRUNCATE retailscope.model_chunk; INSERT INTO retailscope.model_chunk SELECT * FROM kept")
        .unwrap();
}

#[test]
fn damaged_models_are_refused() {
    let db = "damaged";
    let mut client = trained(db);
    let mut witness = Witness::new(cluster(), db);
    let chunk = "UPDATE retailscope.model_chunk SET data =";
    let bytes: i32 = query_one(
        &mut client,
        "SELECT bytes FROM retailscope.model WHERE model_id = 4",
    )
    .parse()
    .unwrap();
    let mut damages: Vec<String> = (0..24)
        .map(|n| {
            let at = if n < 16 { n } else { bytes / 24 * n };
            format!(
                "{chunk} set_byte(data, {at}, get_byte(data, {at}) # {}) WHERE model_id = 4",
                1 << (n % 8)
            )
        })
        .collect();
    for length in [1, 15, bytes / 2, bytes - 1] {
        damages.push(format!(
            "{chunk} substr(data, 1, {length}) WHERE model_id = 4"
        ));
    }
    damages.extend([
        "DELETE FROM retailscope.model_chunk WHERE model_id = 4".to_owned(),
        "UPDATE retailscope.model_chunk SET part = 1 WHERE model_id = 4".to_owned(),
        format!("{chunk} data || '\\x00' WHERE model_id = 4"),
        format!(
            "{chunk} (SELECT data FROM kept WHERE model_id = 2 AND part = 0) WHERE model_id = 4"
        ),
    ]);
    for sql in damages {
        damage(&mut client, &sql);
        for (code, message) in refusals(db) {
            assert_eq!(code, "XX001", "{message}: {sql}");
        }
        repair(&mut client);
    }
    // Bytes and their checksum changed together: the envelope and the content tell.
    damage(
        &mut client,
        "CREATE TABLE stated AS SELECT crc32c, bytes FROM retailscope.model WHERE model_id = 4",
    );
    client
        .batch_execute(
            "UPDATE retailscope.model AS m SET (crc32c, bytes) = (SELECT o.crc32c, o.bytes FROM retailscope.model AS o WHERE o.model_id = 5)
             WHERE model_id = 4;
             UPDATE retailscope.model_chunk SET data = (SELECT data FROM kept WHERE model_id = 5) WHERE model_id = 4",
        )
        .unwrap();
    // It is a sound model, but of segments.
    for call in ["rs_model_to_sql(4)", "rs_verify_no_leak(4)"] {
        let (code, message) = failure(&mut cluster().connect(db), &format!("SELECT {call}"));
        assert!(
            ["55000", "XX001"].contains(&code.as_str()),
            "{code} {message}: {call}"
        );
    }
    client
        .batch_execute("UPDATE retailscope.model SET (crc32c, bytes) = (SELECT crc32c, bytes FROM stated) WHERE model_id = 4")
        .unwrap();
    repair(&mut client);
    let served = query_one(&mut client, "SELECT serving FROM rs_promote(4)");
    assert_eq!(served, "4");
    assert_eq!(predictions(&mut cluster().connect(db)).len(), 400);
    // One that serves and is damaged afterwards: an error, and the others work.
    damage(
        &mut client,
        "DELETE FROM retailscope.model_chunk WHERE model_id = 4",
    );
    let mut session = cluster().connect(db);
    assert_eq!(
        failure(&mut session, "SELECT rs_predict_churn()").0,
        "XX001"
    );
    assert_eq!(
        rows_as_text(&mut session, "SELECT rs_segment_customers()").len(),
        400
    );
    client.batch_execute("SELECT rs_rollback('churn')").unwrap();
    assert_eq!(predictions(&mut session).len(), 400);
    witness.assert_alive();
}

#[test]
fn pieces_are_small_enough_to_dump() {
    let mut client = trained("pieces");
    let (code, message) = failure(
        &mut client,
        "INSERT INTO retailscope.model_chunk SELECT 1, 7, convert_to(repeat('x', 67108865), 'UTF8')",
    );
    assert_eq!(code, "23514", "{message}");
    let largest = query_one(
        &mut client,
        "SELECT max(octet_length(data)) <= 67108864 FROM retailscope.model_chunk",
    );
    assert_eq!(largest, "t");
}
