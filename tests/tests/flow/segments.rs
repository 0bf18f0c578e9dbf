//! Segments: numbers that stay, a mart that remembers, profiles that add up.

use crate::shop::*;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{query_one, rows_as_text};
use std::collections::BTreeMap;

fn segments(client: &mut Client) -> BTreeMap<String, String> {
    rows_as_text(
        client,
        "SELECT customer_id, segment_id FROM rs_segment_customers()",
    )
    .into_iter()
    .map(|r| (r[0].clone().unwrap(), r[1].clone().unwrap()))
    .collect()
}

/// The mart holds what the function says, and the matrix accounts for every customer.
fn assert_mart(client: &mut Client, customers: usize) {
    let differing = query_one(
        client,
        "SELECT count(*) FROM rs_segment_customers() AS s FULL JOIN retailscope.mart_customer_segments AS m USING (customer_id)
         WHERE (s.segment_id, s.segment, s.distance, s.model_id) IS DISTINCT FROM (m.segment_id, m.segment, m.distance, m.model_id)
            OR m.as_of <> rs_default_as_of()",
    );
    assert_eq!(differing, "0");
    let count = query_one(
        client,
        "SELECT count(*) FROM retailscope.mart_customer_segments",
    );
    assert_eq!(count, customers.to_string());
}

#[test]
fn segments_keep_their_numbers_and_the_mart_remembers_moves() {
    let mut client = shop("moves");
    for algorithm in ["kmeans", "gaussian_mixture"] {
        let call = format!("SELECT model_id FROM rs_train_segments(5, '{algorithm}')");
        query_one(&mut client, &call);
        let first = segments(&mut client);
        assert_mart(&mut client, first.len());
        // Another seed starts elsewhere: without the previous centres numbers would be new ones.
        let another = format!("SELECT rs_train_segments(5, '{algorithm}', seed => 7)");
        client.batch_execute(&another).unwrap();
        let second = segments(&mut client);
        let kept = first
            .iter()
            .filter(|(c, s)| second.get(*c) == Some(s))
            .count();
        assert!(
            kept * 10 >= first.len() * 9,
            "{algorithm}: {kept} of {}",
            first.len()
        );
    }
    client
        .batch_execute("SELECT rs_train_segments(5); TRUNCATE retailscope.mart_customer_segments; SELECT rs_refresh_segments()")
        .unwrap();
    let before = segments(&mut client);
    assert_eq!(
        rows_as_text(&mut client, "SELECT * FROM rs_segment_migration()").len(),
        0
    );
    // A week later: some have bought, and some are new.
    let sold = sell(
        &mut client,
        "SELECT 'M' || customer_id, '10002', 'A THING', '7', format('2025-01-0%s 10:00', 1 + abs(hashtext(customer_id)) % 7),
                (5 + abs(hashtext(customer_id)) % 20)::text, customer_id, 'France'
         FROM (SELECT customer_id FROM rs_customer_features('2024-10-03') WHERE hashtext(customer_id) % 5 = 0
               UNION ALL SELECT 'NEW-' || n FROM generate_series(1, 20) n) AS c
         UNION ALL SELECT 'M', '10002', 'A THING', '1', '2025-01-07 10:00', '1.00', '', 'France'",
    );
    assert!(sold.loaded > 60);
    client.batch_execute("SELECT rs_train_segments(5)").unwrap();
    let after = segments(&mut client);
    assert_eq!(after.len(), before.len() + 20);
    assert_mart(&mut client, after.len());
    // The matrix as this test counts it.
    let mut moves: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (customer, to) in &after {
        let from = before.get(customer).cloned().unwrap_or_default();
        *moves.entry((from, to.clone())).or_default() += 1;
    }
    let matrix: BTreeMap<(String, String), usize> = rows_as_text(
        &mut client,
        "SELECT from_segment_id, to_segment_id, customers FROM rs_segment_migration()",
    )
    .into_iter()
    .map(|r| {
        let count = r[2].as_deref().unwrap().parse().unwrap();
        (
            (r[0].clone().unwrap_or_default(), r[1].clone().unwrap()),
            count,
        )
    })
    .collect();
    assert_eq!(matrix, moves);
    let sums = rows_as_text(
        &mut client,
        "SELECT sum(customers), bool_and(from_as_of = '2025-01-01' OR from_segment = '(new)'), bool_and(to_as_of = '2025-01-08'),
                count(DISTINCT from_segment_id) + 1 - round(sum(share)::numeric, 9)
         FROM rs_segment_migration()",
    );
    let expected = [
        after.len().to_string(),
        "t".into(),
        "t".into(),
        "0.000000000".into(),
    ];
    assert_eq!(
        sums[0].iter().flatten().cloned().collect::<Vec<_>>(),
        expected
    );
    // Most of those who did nothing are where they were.
    let stayed = after
        .iter()
        .filter(|(c, s)| before.get(*c) == Some(s))
        .count();
    assert!(
        stayed * 10 >= before.len() * 6,
        "{stayed} of {}",
        before.len()
    );
    // The same day again corrects and forgets nothing.
    let print = print_of(&mut client, "retailscope.mart_customer_segments");
    let moved = query_one(
        &mut client,
        "SELECT rows || ' ' || moved FROM rs_refresh_segments()",
    );
    let changed = moves
        .iter()
        .filter(|((f, t), _)| !f.is_empty() && f != t)
        .map(|(_, n)| n)
        .sum::<usize>();
    assert_eq!(moved, format!("{} {changed}", after.len()));
    assert_eq!(
        print_of(&mut client, "retailscope.mart_customer_segments"),
        print
    );
}

#[test]
fn profiles_are_what_their_customers_are() {
    let mut client = trained("profiles");
    let wrong = rows_as_text(
        &mut client,
        "WITH known AS (
             SELECT s.segment_id, f.recency_days, f.frequency, f.monetary, p.churn_probability
             FROM retailscope.mart_customer_segments s
             JOIN rs_customer_features('2025-01-01') f USING (customer_id)
             JOIN rs_predict_churn() p USING (customer_id)),
         own AS (
             SELECT segment_id, count(*) AS customers, avg(recency_days)::float8 AS recency, avg(frequency)::float8 AS orders,
                    avg(monetary)::float8 AS money, avg(churn_probability) AS churn, sum(monetary)::float8 AS revenue,
                    (sum(monetary) / sum(frequency))::float8 AS basket
             FROM known GROUP BY 1),
         base AS (SELECT count(*) AS customers, avg(recency_days)::float8 AS recency, avg(frequency)::float8 AS orders, avg(monetary)::float8 AS money,
                         sum(monetary)::float8 AS revenue FROM known)
         SELECT segment_id, v.*
         FROM own AS o FULL JOIN rs_segment_profiles() AS p USING (segment_id) CROSS JOIN base AS b,
              LATERAL (VALUES (p.customers::float8, o.customers::float8), (p.share, o.customers::float8 / b.customers), (p.recency_days, o.recency),
                              (p.frequency, o.orders), (p.monetary, o.money), (p.churn_probability, o.churn), (p.revenue, o.revenue),
                              (p.revenue_share, o.revenue / b.revenue), (p.recency_index, 100 * o.recency / b.recency),
                              (p.frequency_index, 100 * o.orders / b.orders), (p.monetary_index, 100 * o.money / b.money),
                              (p.average_order_value, o.basket)) AS v (said, own)
         WHERE abs(v.said - v.own) <= 1e-9 * abs(v.own) IS NOT TRUE",
    );
    assert!(wrong.is_empty(), "{wrong:?}");
    let sums = rows_as_text(
        &mut client,
        "SELECT count(*), sum(customers), round(sum(share)::numeric, 9), round(sum(revenue_share)::numeric, 9), count(DISTINCT segment)
         FROM rs_segment_profiles()",
    );
    let sums: Vec<String> = sums[0].iter().flatten().cloned().collect();
    assert_eq!(sums, ["5", "400", "1.000000000", "1.000000000", "5"]);
    // Without a model of churn all else is there.
    client
        .batch_execute("TRUNCATE retailscope.model_deployment; SELECT rs_promote(5)")
        .unwrap();
    let rest = query_one(
        &mut client,
        "SELECT count(*) || ' ' || count(churn_probability) FROM rs_segment_profiles()",
    );
    assert_eq!(rest, "5 0");
}

#[test]
fn one_customer_by_id_and_by_figures_as_in_all() {
    let mut client = trained("one_and_all");
    for algorithm in ["kmeans", "gaussian_mixture"] {
        client
            .batch_execute(&format!("SELECT rs_train_segments(4, '{algorithm}')"))
            .unwrap();
        let differing = rows_as_text(
            &mut client,
            "SELECT s.customer_id, s.segment_id, o.segment_id, r.segment_id
             FROM rs_segment_customers() AS s
             JOIN rs_customer_features(rs_default_as_of()) AS f USING (customer_id),
                  rs_segment_customer(s.customer_id) AS o,
                  rs_segment_customer(f.recency_days::float8, f.frequency::float8, f.monetary::float8) AS r
             WHERE (s.customer_id, s.segment_id, s.segment, s.distance, s.model_id) IS DISTINCT FROM (o.customer_id, o.segment_id, o.segment, o.distance, o.model_id)
                OR (s.segment_id, s.segment, s.distance, s.model_id) IS DISTINCT FROM (r.segment_id, r.segment, r.distance, r.model_id)",
        );
        assert!(differing.is_empty(), "{algorithm}: {differing:?}");
    }
    for (call, code) in [
        ("rs_segment_customer('nobody')", "22023"),
        ("rs_segment_customer('NaN'::float8, 1, 1)", "22023"),
        ("rs_train_segments(1)", "22023"),
        ("rs_train_segments(51)", "22023"),
        ("rs_train_segments(3, 'dbscan')", "22023"),
        (
            r#"rs_train_segments(3, params => '{"features": ["recency"]}')"#,
            "22023",
        ),
        (
            r#"rs_train_segments(3, params => '{"features": ["country"]}')"#,
            "22023",
        ),
    ] {
        let (found, message) = failure(&mut client, &format!("SELECT {call}"));
        assert_eq!(found, code, "{call}: {message}");
    }
    client
        .batch_execute(
            r#"SELECT rs_train_segments(3, params => '{"features": ["mean_hour", "variety"]}')"#,
        )
        .unwrap();
    let (code, message) = failure(&mut client, "SELECT rs_segment_customer(1, 1, 1)");
    assert_eq!(code, "55000", "{message}");
    assert!(message.contains("mean_hour, variety"), "{message}");
}
