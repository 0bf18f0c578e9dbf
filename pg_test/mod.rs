//! Tests inside a server: what only code in the process can see. Each runs in a transaction that is rolled back.
//!
//! What a client can see from outside is tested by the system tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unsafe_code,
    missing_docs
)]

mod baskets;
mod churn;
mod clean;
mod features;
mod forecast_refusals;
mod forecasts;
mod ingest;
mod itemsets;
mod lake;
mod pg;
mod series;
mod warehouse;

use pgrx::prelude::*;
use std::path::{Path, PathBuf};

/// Closed at weekends from Monday, 6 January 2020, to Friday, 26 June. On the n-th weekday it sells n teas at 10 to the United
/// Kingdom, and on Mondays two mugs at 5 to France besides: 20, 20, 30, 40, 50. Postage and returns are no sales.
const WEEK_SHOP: &str = "CREATE TABLE public.week_shop AS
    SELECT to_char(d, 'YYYYMMDD') || k.code AS invoice_no, k.code AS stock_code, k.description, k.quantity AS quantity, d + time '10:00' AS sold_at,
           k.price AS unit_price, k.customer AS customer_id, k.country
    FROM generate_series('2020-01-06'::date, '2020-06-26', '1 day') AS d
    CROSS JOIN LATERAL (VALUES ('11111', 'Tea Set', extract(isodow FROM d)::int, 10, '10001', 'United Kingdom', true),
                               ('22222', 'Mug', 2, 5, '20002', 'France', extract(isodow FROM d) = 1),
                               ('POST', 'POSTAGE', 1, 7, '10001', 'United Kingdom', true)) AS k (code, description, quantity, price, customer, country, sells)
    WHERE k.sells AND extract(isodow FROM d) < 6
    UNION ALL VALUES ('C1', '11111', 'Tea Set', -1, '2020-06-24 11:00'::timestamp, 10, '10001', 'United Kingdom');
    SELECT rs_ingest_table('public.week_shop'); SELECT rs_refresh_marts()";

fn week_shop() {
    Spi::run(WEEK_SHOP).unwrap();
}

/// The model that a call of rs_train_forecast makes.
fn trained(call: &str) -> i64 {
    number(&format!("SELECT model_id FROM rs_train_forecast({call})"))
}

/// How a statement ended, as its user sees it.
#[derive(Debug)]
struct Caught {
    /// SQLSTATE; `00000` when it succeeded.
    state: String,
    message: String,
    hint: String,
}

/// Runs a statement in a subtransaction.
fn caught(sql: &str) -> Caught {
    // Made once: another role, or a read-only transaction, may call it but not replace it.
    if number(
        "SELECT count(*) FROM pg_catalog.pg_proc WHERE proname = 'caught' AND pronamespace = pg_catalog.pg_my_temp_schema()",
    ) == 0
    {
        Spi::run(
            "CREATE FUNCTION pg_temp.caught(sql text, OUT state text, OUT message text, OUT hint text)
             LANGUAGE plpgsql AS $$
             BEGIN
                 EXECUTE sql;
                 state := '00000'; message := ''; hint := '';
             EXCEPTION WHEN query_canceled OR OTHERS THEN
                 GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
             END $$",
        )
        .unwrap();
    }
    let (state, message, hint) = Spi::get_three_with_args::<String, String, String>(
        "SELECT c.state, c.message, c.hint FROM pg_temp.caught($1) c",
        &[sql.into()],
    )
    .unwrap();
    Caught {
        state: state.unwrap(),
        message: message.unwrap(),
        hint: hint.unwrap(),
    }
}

fn number(sql: &str) -> i64 {
    Spi::get_one::<i64>(sql).unwrap().unwrap()
}

fn text(sql: &str) -> String {
    Spi::get_one::<String>(sql).unwrap().unwrap_or_default()
}

fn truth(sql: &str) -> bool {
    Spi::get_one::<bool>(sql).unwrap().unwrap()
}

/// A folder of the server's user that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("retailscope-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir(&path).unwrap();
        Folder(std::fs::canonicalize(&path).unwrap())
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A session of its own, for what must commit; it ends with the test's transaction.
struct Session(&'static str);

impl Session {
    /// Connects to a database of this server under a name.
    fn open(name: &'static str, database: &str) -> Session {
        Spi::run("SET LOCAL client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS dblink")
            .unwrap();
        Spi::run_with_args(
            "SELECT dblink_connect($1, pg_catalog.format('host=%s port=%s dbname=%s user=%s',
                 pg_catalog.split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), $2, current_user))",
            &[name.into(), database.into()],
        )
        .unwrap();
        Session(name)
    }

    /// Runs statements; their rows are dropped.
    fn run(&self, sql: &str) {
        Spi::run_with_args("SELECT dblink_exec($1, $2)", &[self.0.into(), sql.into()]).unwrap();
    }

    /// Runs statements that are meant to fail; gives the error's message.
    fn fails(&self, sql: &str) -> String {
        let failed = caught(&format!(
            "SELECT dblink_exec({}, {})",
            quoted(self.0),
            quoted(sql)
        ));
        assert_ne!(failed.state, "00000", "{sql} succeeded");
        failed.message
    }

    /// The one text that a query gives.
    fn text(&self, sql: &str) -> String {
        Spi::get_one_with_args::<String>(
            "SELECT r.value FROM dblink($1, $2) AS r(value text)",
            &[self.0.into(), sql.into()],
        )
        .unwrap()
        .unwrap_or_default()
    }

    fn close(self) {
        Spi::run_with_args("SELECT dblink_disconnect($1)", &[self.0.into()]).unwrap();
    }
}

fn quoted(text: &str) -> String {
    pgrx::spi::quote_literal(text)
}
