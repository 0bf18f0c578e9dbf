//! A corrupted export of Online Retail II: each line is read as an option says, or refused for the right reason.

use crate::real_data::{one_row, unpacked};
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{data, error_text, hint, query_one, rows_as_text, sqlstate};
use std::collections::HashMap;

#[test]
fn the_dirty_export_is_read_or_refused_line_by_line() {
    let Some(folder) = data().map(|d| d.join("online_retail_ii")) else {
        return;
    };
    let _turn = alone();
    let cluster = cluster();
    let mut client = cluster.fresh("dirty");
    let path = unpacked(
        cluster,
        &folder.join("dirty_2009_2010.cp1252.csv.zst"),
        "dirty.csv",
    );
    let error = try_ingest(&mut client, &file(&path, "{}")).unwrap_err();
    assert_eq!(sqlstate(&error), "22P04", "{}", error_text(&error));
    assert!(
        error_text(&error).contains("sold_at"),
        "{}",
        error_text(&error)
    );
    assert!(hint(&error).contains("date_format"), "{}", hint(&error));
    assert_eq!(
        query_one(&mut client, "SELECT count(*) FROM retailscope.etl_batch"),
        "0"
    );

    let dates = r#""date_format": "MM/DD/YYYY HH24:MI""#;
    let first = ingest(&mut client, &file(&path, &format!("{{{dates}}}")));
    // Counted once from the file itself by Python: lines split at LF, 47 that do not decode as UTF-8 left out, then 22 whose
    // Price is N/A and 7 whose Customer ID is TEST; of the rest a set of the tuples that csv.reader gives, and the sums of
    // Decimal(Quantity) * Decimal(Price) of those that were new and of those that were not.
    assert_eq!(first, counts(525_461, 518_520, 6_865, 76));
    let money = "SELECT trim_scale(amount_read), trim_scale(amount_loaded), trim_scale(amount_duplicate),
                        (SELECT trim_scale(sum(amount)) FROM retailscope.fact_sales) FROM retailscope.etl_batch ORDER BY batch_id DESC";
    assert_eq!(
        one_row(&mut client, money),
        "9538275.434 9504566.364 33709.07 9504566.364"
    );
    let reasons = |client: &mut Client, batch: &str| {
        let rows = rows_as_text(
            client,
            &format!(
                "SELECT CASE WHEN reason LIKE 'not valid UTF-8%' THEN 'encoding' WHEN reason LIKE 'unit_price is not a number: \"N/A\"' THEN 'price'
                             WHEN reason LIKE 'customer_id is a test account%' THEN 'test' ELSE reason END, count(*)
                 FROM retailscope.etl_reject WHERE batch_id = (SELECT {batch}(batch_id) FROM retailscope.etl_batch) GROUP BY 1"
            ),
        );
        rows.into_iter()
            .map(|r| (r[0].clone().unwrap(), r[1].clone().unwrap()))
            .collect::<HashMap<_, _>>()
    };
    let of = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    assert_eq!(
        reasons(&mut client, "min"),
        of(&[("encoding", "47"), ("price", "22"), ("test", "7")])
    );
    let second = ingest(
        &mut client,
        &file(
            &path,
            &format!(r#"{{{dates}, "encoding": "windows-1252"}}"#),
        ),
    );
    assert_eq!(second, counts(525_461, 47, 525_385, 29));
    // The same count over the file decoded as cp1252: 9505567.164 loaded.
    assert_eq!(
        one_row(&mut client, money),
        "9539276.234 1000.8 9538275.434 9505567.164"
    );
    assert_eq!(
        reasons(&mut client, "max"),
        of(&[("price", "22"), ("test", "7")])
    );

    // Each refused line is where it says it is, as it came.
    let bytes = std::fs::read(&path).unwrap();
    let physical: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
    for row in rows_as_text(
        &mut client,
        "SELECT line_no, raw, reason FROM retailscope.etl_reject",
    ) {
        let line_no: usize = row[0].as_deref().unwrap().parse().unwrap();
        let line = physical[line_no - 1]
            .strip_suffix(b"\r")
            .unwrap_or(physical[line_no - 1]);
        let shown: String = match std::str::from_utf8(line) {
            Ok(text) => text.to_owned(),
            Err(_) => line
                .iter()
                .map(|&b| {
                    if b < 128 {
                        char::from(b).to_string()
                    } else {
                        format!("\\x{b:02X}")
                    }
                })
                .collect(),
        };
        assert_eq!(
            row[1].as_deref(),
            Some(shown.as_str()),
            "line {line_no}: {:?}",
            row[2]
        );
    }
    // Countries: what the file says, counted here, against what was read.
    let text = |b: &[u8]| {
        b.trim_ascii_end()
            .rsplit(|&c| c == b',')
            .next()
            .map(<[u8]>::to_vec)
            .unwrap_or_default()
    };
    let lines: Vec<Vec<u8>> = physical.iter().skip(1).map(|l| text(l)).collect();
    assert_eq!(lines.iter().filter(|c| c.as_slice() == b"U.K.").count(), 89);
    let named = one_row(
        &mut client,
        "SELECT count(*) FILTER (WHERE country IN ('U.K.', '')), count(*) FILTER (WHERE country = 'Unspecified') >= 31 FROM retailscope.fact_sales",
    );
    assert_eq!(named, "0 t");
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut client);
}
