//! What others see of long work while it runs.

use crate::support::*;
use retailscope_system_tests::{Cluster, query_one, rows_as_text};
use std::time::{Duration, Instant};

/// A row of `retailscope.progress`.
#[derive(Debug)]
struct Seen {
    after: Duration,
    phase: String,
    percent: Option<f64>,
}

/// What another session sees of a call while it runs.
fn watched(cluster: &Cluster, db: &str, call: &str) -> Vec<Seen> {
    let mut observer = cluster.connect(db);
    let mut session = cluster.connect(db);
    let look = format!(
        "SELECT phase, percent FROM retailscope.progress WHERE pid = {}",
        pid(&mut session)
    );
    let text = call.to_owned();
    let begun = Instant::now();
    let worker = std::thread::spawn(move || {
        session
            .batch_execute(&text)
            .map(|()| session)
            .map_err(|e| e.to_string())
    });
    let mut all = Vec::new();
    while !worker.is_finished() {
        let rows = rows_as_text(&mut observer, &look);
        assert!(rows.len() <= 1, "{rows:?}");
        for row in rows {
            let [phase, percent] = row.try_into().unwrap();
            all.push(Seen {
                after: begun.elapsed(),
                phase: phase.unwrap(),
                percent: percent.map(|p| p.parse().unwrap()),
            });
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let session = worker.join().unwrap().unwrap();
    assert_eq!(
        rows_as_text(&mut observer, &look).len(),
        0,
        "the row outlives {call}"
    );
    drop(session);
    all
}

/// The phases in the order in which they came.
fn phases(all: &[Seen]) -> Vec<&str> {
    let mut phases: Vec<&str> = all.iter().map(|s| s.phase.as_str()).collect();
    phases.dedup();
    phases
}

/// Within a phase nothing falls, and nothing is more than all.
fn assert_never_falls(all: &[Seen]) {
    for pair in all.windows(2) {
        let [before, after] = pair else { continue };
        if before.phase == after.phase {
            assert!(
                after.percent.unwrap_or(0.0) >= before.percent.unwrap_or(0.0),
                "{before:?} then {after:?}"
            );
        }
    }
    for seen in all {
        assert!(
            seen.percent.is_none_or(|p| (0.0..=100.0).contains(&p)),
            "{seen:?}"
        );
    }
}

#[test]
fn others_see_how_far_the_work_is() {
    let _turn = alone();
    let cluster = cluster();
    let (mut client, _) = with_lake(cluster, "progress");
    let path = csv(cluster, "progress.csv", &lines(0, 1_500_000));
    let ingest = watched(
        cluster,
        "progress",
        &format!("SELECT {}", file(&path, "{}")),
    );
    assert_never_falls(&ingest);
    let order = phases(&ingest);
    let place = |phase: &str| {
        order
            .iter()
            .position(|p| *p == phase)
            .unwrap_or_else(|| panic!("{phase} is not among {order:?}"))
    };
    assert!(place("reading") < place("loading"), "{order:?}");
    assert!(
        order.len() == phases_once(&order),
        "a phase comes back: {order:?}"
    );
    // Something is seen within a second, and goes on being news.
    assert!(ingest[0].after < Duration::from_secs(1), "{:?}", ingest[0]);
    for phase in ["reading", "loading"] {
        let mut percents: Vec<f64> = ingest
            .iter()
            .filter(|s| s.phase == phase)
            .filter_map(|s| s.percent)
            .collect();
        percents.dedup();
        assert!(percents.len() >= 2, "{phase} stands still: {percents:?}");
    }
    client
        .batch_execute(
            "CREATE TABLE again AS
             SELECT f.invoice_no, p.stock_code, p.description, f.quantity, f.sold_at, f.unit_price, c.customer_id, f.country
             FROM retailscope.fact_sales f JOIN retailscope.dim_product p USING (product_key)
             JOIN retailscope.dim_customer c USING (customer_key)",
        )
        .unwrap();
    let table = watched(cluster, "progress", "SELECT rs_ingest_table('again')");
    assert!(phases(&table).contains(&"reading"), "{:?}", phases(&table));
    let refresh = watched(cluster, "progress", "SELECT rs_refresh_marts(NULL, false)");
    assert_eq!(phases(&refresh), ["refreshing marts"]);
    let check = watched(cluster, "progress", "SELECT rs_data_quality()");
    assert!(phases(&check).contains(&"checking"), "{:?}", phases(&check));
    assert_eq!(
        query_one(&mut client, "SELECT count(*) FROM retailscope.progress"),
        "0"
    );
}

/// Number of different phases.
fn phases_once(order: &[&str]) -> usize {
    order
        .iter()
        .collect::<std::collections::BTreeSet<_>>()
        .len()
}
