//! Features of the real customers against what pandas says of them, and the labels against known shares.

use crate::real_data::one_row;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{data, query_one, rows_as_text};
use std::path::Path;

/// Made by `tests/golden/customer_features.py`, which reads the public file by itself.
const EXPECTED: &str = "golden/customer_features.csv";

#[test]
fn features_and_labels_of_the_real_customers() {
    let Some(folder) = data().map(|d| d.join("online_retail_ii")) else {
        return;
    };
    let _turn = alone();
    let cluster = cluster();
    let mut client = cluster.fresh("real_features");
    let whole = cluster.stage(&folder.join("online_retail_II.csv.zst"));
    assert_eq!(ingest(&mut client, &file(&whole, "{}")).loaded, 1_033_036);
    client.batch_execute("ANALYZE").unwrap();

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(EXPECTED);
    let staged = cluster.stage(&file);
    client
        .batch_execute(&format!(
            "CREATE TEMP TABLE expected AS SELECT NULL::date AS as_of, * FROM rs_customer_features('2000-01-01');
             COPY expected FROM '{}' (FORMAT csv, HEADER)",
            staged.display()
        ))
        .unwrap();
    // COPY goes by position: the names must be those of the file.
    let header = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        query_one(
            &mut client,
            "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'expected'::regclass AND attnum > 0"
        ),
        header.lines().next().unwrap()
    );
    client
        .batch_execute(
            "CREATE TEMP TABLE got AS SELECT d.as_of, f.* FROM (SELECT DISTINCT as_of FROM expected) d, rs_customer_features(d.as_of) f",
        )
        .unwrap();
    assert_eq!(
        one_row(
            &mut client,
            "SELECT count(*), count(g) FROM expected e LEFT JOIN got g USING (as_of, customer_id)"
        ),
        "27 27"
    );
    assert_eq!(wrong_values(&mut client), Vec::<Vec<Option<String>>>::new());
    churn_is_as_known(&mut client);
}

/// Date, customer, column, expected and got, wherever these two differ.
fn wrong_values(client: &mut Client) -> Vec<Vec<Option<String>>> {
    rows_as_text(
        client,
        "SELECT e.as_of, e.customer_id, x.key, x.value, y.value
         FROM expected e JOIN got g USING (as_of, customer_id),
              jsonb_each_text(to_jsonb(e)) AS x, jsonb_each_text(to_jsonb(g)) AS y
         WHERE x.key = y.key AND CASE WHEN x.key IN ('as_of', 'customer_id', 'country') THEN x.value IS DISTINCT FROM y.value
                                      ELSE x.value::numeric IS DISTINCT FROM y.value::numeric END
         ORDER BY 1, 2, 3",
    )
}

/// The shares of the reference, section 2, and the labels against a second computation.
fn churn_is_as_known(client: &mut Client) {
    client
        .batch_execute(
            "CREATE TEMP TABLE frame AS SELECT d.as_of, f.*
             FROM unnest('{2010-09-01, 2010-12-01, 2011-03-01, 2011-06-12, 2011-09-10}'::date[]) AS d (as_of), rs_churn_frame(d.as_of) AS f",
        )
        .unwrap();
    assert_eq!(
        rows_as_text(
            client,
            "SELECT as_of = '2011-09-10', count(*), round(100 * avg(churned::int), 1) FROM frame GROUP BY 1 ORDER BY 1"
        )
        .into_iter()
        .flatten()
        .flatten()
        .collect::<Vec<_>>(),
        ["f", "17001", "61.7", "t", "5256", "56.5"]
    );
    client
        .batch_execute(
            "CREATE TEMP TABLE bought AS SELECT DISTINCT c.customer_id, f.date
             FROM retailscope.fact_sales f JOIN retailscope.dim_product p USING (product_key) JOIN retailscope.dim_customer c USING (customer_key)
             WHERE p.is_merchandise AND f.line_kind = 'sale';
             CREATE INDEX ON bought (customer_id, date);
             ANALYZE bought",
        )
        .unwrap();
    for (what, differences) in [
        (
            "labels",
            "SELECT count(*) FROM frame f WHERE churned = EXISTS (SELECT FROM bought b WHERE b.customer_id = f.customer_id
                 AND b.date BETWEEN f.as_of AND f.as_of + 89)",
        ),
        (
            "features",
            "SELECT count(*) FROM (SELECT to_jsonb(f) - 'churned' FROM frame f WHERE as_of = '2011-09-10'
                 EXCEPT SELECT to_jsonb(g) FROM got g) x",
        ),
    ] {
        assert_eq!(query_one(client, differences), "0", "{what}");
    }
}
