//! Baskets of real shops, from outside: the counts of independent tools, rules recomputed from the sales, advice that says why.

use crate::real_data::{expected, one_row, retail};
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{Cluster, data, error_text, query_one, rows_as_text};
use std::path::Path;

const ALGORITHMS: [&str; 4] = ["fpgrowth", "apriori", "eclat", "auto"];

/// Two bulk orders that were cancelled within minutes.
const WITHOUT: &str = r#""exclude_invoices": ["541431", "581483"]"#;

/// What rules are mined from, by SQL of this test's own.
const LINES: &str = "SELECT f.invoice_no, f.date, p.stock_code, f.amount
    FROM retailscope.fact_sales AS f JOIN retailscope.dim_product AS p USING (product_key)
    WHERE p.is_merchandise AND f.line_kind = 'sale' AND f.invoice_no NOT IN ('541431', '581483')";

/// Lines of a packed file as rows of `name`.
fn lines_of(client: &mut Client, cluster: &Cluster, path: &Path, name: &str) {
    let staged = cluster.stage(path);
    let program = if staged.extension().is_some_and(|e| e == "zst") {
        "zstd -dcq"
    } else {
        "cat"
    };
    client
        .batch_execute(&format!(
            "CREATE TABLE {name} (id integer GENERATED ALWAYS AS IDENTITY, items text);
             COPY {name} (items) FROM PROGRAM '{program} {}'",
            staged.display()
        ))
        .unwrap_or_else(|e| panic!("{name}: {}", error_text(&e)));
}

#[test]
fn itemsets_of_any_query_are_those_of_other_tools() {
    let Some(folder) = data() else { return };
    let _turn = alone();
    let cluster = cluster();
    let mut client = cluster.fresh("itemsets_real");
    for (file, name) in [
        ("fimi/retail.dat.zst", "retail"),
        ("fimi/mushroom.dat.zst", "mushroom"),
        ("groceries/groceries.csv", "groceries"),
    ] {
        lines_of(&mut client, cluster, &folder.join(file), name);
    }
    // Items of an integer type, and of text; supports as a share, and as a number of baskets.
    let numbers = |table: &str| {
        format!("SELECT id, unnest(string_to_array(rtrim(items), '' '')::int[]) FROM {table}")
    };
    let words = "SELECT id, unnest(string_to_array(items, '','')) FROM groceries".to_owned();
    for (query, support, found) in [
        (numbers("retail"), "0.005", "580 717785"),
        (numbers("mushroom"), "3250", "565 2252092"),
        (words, "0.01", "333"),
    ] {
        for algorithm in ALGORITHMS {
            let seen = one_row(
                &mut client,
                &format!(
                    "SELECT count(*), sum(baskets) FROM rs_frequent_itemsets('{query}', {support}, algorithm => '{algorithm}')"
                ),
            );
            assert!(seen.starts_with(found), "{query}, {algorithm}: {seen}");
        }
    }
    as_written(&mut client, cluster, &folder.join("online_retail_ii"));
}

/// Codes as they stand in the file, of which the warehouse would make one what differs in case alone.
fn as_written(client: &mut Client, cluster: &Cluster, folder: &Path) {
    let staged = cluster.stage(&folder.join("online_retail_II.csv.zst"));
    client
        .batch_execute(&format!(
            "CREATE TABLE written (invoice text, code text, description text, quantity integer, sold_at text, price numeric,
                                   customer text, country text);
             COPY written FROM PROGRAM 'zstd -dcq {}' (FORMAT csv, HEADER);
             CREATE VIEW merchandise AS SELECT invoice, code FROM written
             WHERE invoice !~ '^[AC]' AND quantity > 0 AND price > 0 AND upper(btrim(code)) ~ '^[0-9]{{5}}[A-Z]*$'
               AND invoice NOT IN ('541431', '581483')",
            staged.display()
        ))
        .unwrap_or_else(|e| panic!("{}", error_text(&e)));
    expected(
        client,
        cluster,
        folder,
        "itemsets_cleanL_excl2_minsup1pct_k1to3",
        "items text, k integer, support_count bigint",
    );
    client
        .batch_execute("CREATE TEMP TABLE found AS SELECT * FROM rs_frequent_itemsets('TABLE merchandise', 0.01)")
        .unwrap();
    assert_eq!(
        one_row(
            client,
            "SELECT count(*), count(*) FILTER (WHERE cardinality(itemset) = 4), min(round(baskets / support)), max(round(baskets / support)) FROM found"
        ),
        "1342 6 39514 39514"
    );
    // Both sides in one order of their items; every row of the file, and no other.
    let sorted = |array: &str| format!("ARRAY(SELECT unnest({array}) ORDER BY 1)");
    let difference = format!(
        "SELECT count(*), count(*) FILTER (WHERE (f.baskets, f.items) IS DISTINCT FROM (e.support_count, e.items))
         FROM (SELECT {} AS items, support_count FROM itemsets_cleanL_excl2_minsup1pct_k1to3) AS e
         FULL JOIN (SELECT {} AS items, baskets FROM found WHERE cardinality(itemset) <= 3) AS f USING (items)",
        sorted("string_to_array(items, '|')"),
        sorted("itemset")
    );
    assert_eq!(one_row(client, &difference), "1336 0");
    let codes = "SELECT count(*) FROM rs_frequent_itemsets('TABLE merchandise', 1, 1, options => '{\"min_count\": 1}')";
    assert_eq!(query_one(client, codes), "4877");
}

#[test]
fn rules_of_online_retail_ii() {
    let _turn = alone();
    let Some(mut client) = retail("retail_baskets") else {
        return;
    };
    let codes = format!(
        "SELECT count(*) FROM rs_frequent_itemsets($q${LINES}$q$, 1, 1, options => '{{\"min_count\": 1}}')"
    )
    .replace(
        "SELECT f.invoice_no, f.date, p.stock_code, f.amount",
        "SELECT f.invoice_no, p.stock_code",
    );
    assert_eq!(query_one(&mut client, &codes), "4706");
    let mut prints = Vec::new();
    for algorithm in ALGORITHMS {
        let mined = one_row(
            &mut client,
            &format!(
                "SELECT baskets, items, itemsets, truncated FROM rs_mine_rules(algorithm => '{algorithm}', options => '{{{WITHOUT}}}')"
            ),
        );
        assert_eq!(mined, "39514 707 1355 f", "{algorithm}");
        prints.push(print_of(
            &mut client,
            "(SELECT to_jsonb(r) - 'model_id' FROM retailscope.mart_association_rules AS r)",
        ));
    }
    prints.dedup();
    assert_eq!(prints.len(), 1, "{prints:?}");
    // The counts of these itemsets are those of the file's codes, which differ in case nowhere here.
    let known = |rule: &str| {
        format!(
            "SELECT baskets, round(confidence::numeric, 6), round(lift::numeric, 6) FROM rs_rules('{rule}', NULL)"
        )
    };
    assert_eq!(
        one_row(
            &mut client,
            &format!(
                "{} WHERE antecedent = '{{22745,22748}}' AND consequent = '{{22746}}'",
                known("22746")
            )
        ),
        "409 0.734291 51.444625"
    );
    rules_hold_in_the_sales(&mut client);
    by_description(&mut client);
    advice_says_why(&mut client);
}

/// Twenty rules from all of the mart, recomputed in plain SQL.
fn rules_hold_in_the_sales(client: &mut Client) {
    let wrong = rows_as_text(
        client,
        &format!(
            "WITH lines AS MATERIALIZED ({LINES}),
             b AS MATERIALIZED (SELECT invoice_no, to_char(min(date), 'YYYY-MM') AS month, array_agg(DISTINCT stock_code) AS codes
                                FROM lines GROUP BY 1),
             r AS MATERIALIZED (SELECT *, count(*) OVER () AS all_rules FROM retailscope.mart_association_rules),
             few AS MATERIALIZED (SELECT * FROM r WHERE rank % (all_rules / 20) = 1 ORDER BY rank LIMIT 20),
             by_month AS MATERIALIZED (
                 SELECT rank, month, count(*) FILTER (WHERE codes @> antecedent) AS x, count(*) FILTER (WHERE codes @> consequent) AS y,
                        count(*) FILTER (WHERE codes @> items) AS xy
                 FROM few, b GROUP BY 1, 2),
             counted AS (
                 SELECT rank, sum(x) AS x, sum(y) AS y, sum(xy) AS xy, count(*) FILTER (WHERE x > 0) AS months,
                        count(*) FILTER (WHERE x > 0 AND 10 * xy >= 3 * x) AS months_held
                 FROM by_month GROUP BY 1),
             money AS (
                 SELECT rank, sum(amount) AS revenue
                 FROM few JOIN b ON codes @> items JOIN lines AS l ON l.invoice_no = b.invoice_no AND l.stock_code = ANY (items)
                 GROUP BY 1),
             -- Wilson's interval at 95 %.
             wilson AS (
                 SELECT rank, (x * p + 1.920729410) / (x + 3.841458821) AS middle,
                        1.959963985 * sqrt(x * p * (1 - p) + 0.960364705) / (x + 3.841458821) AS half
                 FROM (SELECT rank, x::float8, xy::float8 / x::float8 AS p FROM counted) AS c)
             SELECT to_jsonb(few) || to_jsonb(c) || jsonb_build_object('counted', m.revenue), c.x = antecedent_baskets
                    AND c.y = consequent_baskets AND c.xy = baskets AND c.months = few.months AND c.months_held = few.months_held
                    AND abs(m.revenue::float8 - few.revenue) < 0.005
                    AND abs(support - xy::float8 / 39514) < 1e-12 AND abs(confidence - xy::float8 / x::float8) < 1e-12
                    AND abs(lift / (xy::float8 * 39514 / (x::float8 * y::float8)) - 1) < 1e-12
                    AND abs(confidence_low - (middle - half)) < 1e-7 AND abs(confidence_high - (middle + half)) < 1e-7
             FROM few LEFT JOIN counted AS c USING (rank) LEFT JOIN money AS m USING (rank) LEFT JOIN wilson USING (rank)"
        ),
    );
    assert_eq!(wrong.len(), 20);
    let wrong: Vec<_> = wrong
        .iter()
        .filter(|r| r[1].as_deref() != Some("t"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn by_description(client: &mut Client) {
    let rules = |item: &str| format!("SELECT * FROM rs_rules('{item}', NULL)");
    let by_code = rows_as_text(client, &rules("22423"));
    assert!(by_code.len() > 10);
    for item in [
        "regency  cakestand 3 tier",
        " REGENCY CAKESTAND 3 TIER ",
        " 22423",
    ] {
        assert_eq!(rows_as_text(client, &rules(item)), by_code, "{item}");
    }
    let (code, message) = failure(client, &rules("regency cakestand 3 teir"));
    assert_eq!(code, "22023");
    assert!(message.contains("REGENCY CAKESTAND 3 TIER"), "{message}");
}

/// For baskets of the shop: nothing that is in them, a reason for each item, and the score that the reason gives.
fn advice_says_why(client: &mut Client) {
    client
        .batch_execute(&format!(
            "CREATE TEMP TABLE advised AS
             SELECT b.invoice_no, b.codes, a.*
             FROM (SELECT invoice_no, array_agg(DISTINCT stock_code) AS codes FROM ({LINES}) AS l
                   WHERE invoice_no LIKE '%77' GROUP BY 1) AS b, rs_recommend(b.codes, 10) AS a"
        ))
        .unwrap_or_else(|e| panic!("{}", error_text(&e)));
    assert_eq!(
        one_row(
            client,
            "SELECT count(DISTINCT invoice_no) > 300, count(*) = 10 * count(DISTINCT invoice_no), count(DISTINCT (invoice_no, item)) = count(*),
                    count(*) FILTER (WHERE item = ANY (codes)), count(*) FILTER (WHERE NOT because <@ codes),
                    count(*) FILTER (WHERE (source = 'popular') <> (because = '{}'))
             FROM advised"
        ),
        "t t t 0 0 0"
    );
    let sources = "SELECT string_agg(DISTINCT source, ' ' ORDER BY source) FROM advised";
    assert_eq!(query_one(client, sources), "complement popular rule");
    let unexplained = "SELECT count(*) FROM advised AS a WHERE source = 'rule' AND NOT EXISTS
        (SELECT FROM retailscope.mart_association_rules AS r WHERE r.antecedent = a.because AND a.item = ANY (r.consequent)
         AND abs(r.confidence - a.score) < 1e-12)";
    assert_eq!(query_one(client, unexplained), "0");
    // The one invoice of more than a thousand products is a wholesaler's list, of which complements know nothing.
    let wrong = format!(
        "WITH all_lines AS MATERIALIZED (SELECT DISTINCT invoice_no, stock_code FROM ({LINES}) AS l),
         lines AS MATERIALIZED (SELECT * FROM all_lines WHERE invoice_no NOT IN
             (SELECT invoice_no FROM all_lines GROUP BY 1 HAVING count(*) > 1000)),
         few AS MATERIALIZED (SELECT DISTINCT because[1] AS x, item AS y, score FROM advised WHERE source = 'complement' ORDER BY 1, 2 LIMIT 20)
         SELECT count(*), count(*) FILTER (WHERE abs(score - together::float8 / whole) > 1e-12)
         FROM few, LATERAL (SELECT count(*) AS whole, count(o.invoice_no) AS together FROM lines AS l
                            LEFT JOIN lines AS o ON o.invoice_no = l.invoice_no AND o.stock_code = y WHERE l.stock_code = x) AS n"
    );
    assert_eq!(one_row(client, &wrong), "20 0");
}
