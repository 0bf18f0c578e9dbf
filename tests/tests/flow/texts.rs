//! Long texts: up to the documented length they are stored whole, beyond it their line alone is refused.

use crate::support::*;
use retailscope_system_tests::rows_as_text;

/// Letters that no compression makes fewer: a pure function of `seed`.
fn noise(seed: u64, letters: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz-_";
    let mut state = seed;
    (0..letters)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(ALPHABET[(state >> 58) as usize])
        })
        .collect()
}

#[test]
fn long_texts_are_stored_whole_or_refused_alone() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "texts");
    let upper = |seed, letters| noise(seed, letters).to_uppercase();
    let (description, customer, code, invoice) = (
        noise(1, 9000),
        noise(2, 2000),
        upper(3, 2000),
        upper(4, 2000),
    );
    let longest = noise(5, 20_000);
    let mut all = lines(0, 100);
    all.extend([
        format!("700001,10002,{description},1,2020-01-01 10:00,1.00,12000,France"),
        format!("700002,10003,LONG CUSTOMER,1,2020-01-01 10:00,1.00,{customer},France"),
        format!("700003,{code},LONG CODE,1,2020-01-01 10:00,1.00,12000,France"),
        format!("{invoice},10004,LONG INVOICE,1,2020-01-01 10:00,1.00,12000,France"),
        format!("700005,10005,{longest},1,2020-01-01 10:00,1.00,12000,France"),
        // Two umlauts are four bytes, and bytes are what an index entry is measured in.
        format!(
            "700006,10006,UMLAUTS,1,2020-01-01 10:00,1.00,{}\u{fc}\u{fc},France",
            noise(6, 1996)
        ),
        format!("700011,{code}X,TOO LONG,1,2020-01-01 10:00,1.00,12000,France"),
        format!("700012,10002,TOO LONG,1,2020-01-01 10:00,1.00,{customer}x,France"),
        format!("{invoice}X,10002,TOO LONG,1,2020-01-01 10:00,1.00,12000,France"),
        format!("700014,10002,{longest}x,1,2020-01-01 10:00,1.00,12000,France"),
        format!(
            "700015,10002,TOO LONG,1,2020-01-01 10:00,1.00,{}\u{fc}\u{fc},France",
            noise(6, 1997)
        ),
    ]);
    let path = csv(cluster, "texts.csv", &all);
    assert_eq!(
        ingest(&mut client, &file(&path, "{}")),
        counts(111, 106, 0, 5)
    );
    let lengths = rows_as_text(
        &mut client,
        &format!(
            "SELECT (SELECT count(*) FROM retailscope.product_description WHERE description = '{description}'),
                    (SELECT count(*) FROM retailscope.product_description WHERE description = '{longest}'),
                    (SELECT count(*) FROM retailscope.dim_customer WHERE customer_id = '{customer}'),
                    (SELECT count(*) FROM retailscope.dim_product WHERE stock_code = '{code}'),
                    (SELECT count(*) FROM retailscope.fact_sales WHERE invoice_no = '{invoice}'),
                    (SELECT count(*) FROM retailscope.dim_customer WHERE customer_id LIKE '%\u{fc}\u{fc}')"
        ),
    );
    assert_eq!(lengths, [vec![Some("1".to_owned()); 6]]);
    let refused = rows_as_text(
        &mut client,
        "SELECT line_no, reason, raw FROM retailscope.etl_reject ORDER BY 1",
    );
    for (row, (line_no, field)) in refused.iter().zip([
        (108, "stock_code"),
        (109, "customer_id"),
        (110, "invoice_no"),
        (111, "description"),
        (112, "customer_id"),
    ]) {
        assert_eq!(row[0], Some(line_no.to_string()));
        let reason = row[1].as_deref().unwrap();
        assert!(
            reason.starts_with(field) && reason.contains("bytes"),
            "{line_no}: {reason}"
        );
        assert_eq!(
            row[2].as_deref(),
            Some(all[line_no - 2].as_str()),
            "{line_no}"
        );
    }
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut client);
    assert_lake_in_step(&mut client, &lake);
    let mut copy = cluster.fresh("texts_copy");
    copy.batch_execute(&format!(
        "SELECT rs_load_lake('{}'); SELECT rs_refresh_marts()",
        lake.display()
    ))
    .unwrap();
    assert_eq!(prints(&mut copy), prints(&mut client));
}
