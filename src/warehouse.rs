//! Warehouse: its creation, and the set-wise upkeep of its dimensions.

use crate::ingest::rules;
use crate::pg::error::{Failure, Outcome, spi};
use crate::pg::install;
use crate::pg::settings::locally;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::clean::identity::text_hash;
use retailscope_engine::warehouse::CustomerFacts;
use retailscope_engine::warehouse::dimensions::DescriptionCount;
use std::collections::BTreeSet;

/// What the bookkeeper has gathered for the dimensions.
pub struct Gathered {
    /// By `customer_key`.
    pub customers: Vec<(i32, CustomerFacts)>,
    /// By `product_key` and description.
    pub descriptions: Vec<(i32, String, DescriptionCount)>,
    /// Days since 1970, and whether merchandise was sold.
    pub days: Vec<(i32, bool)>,
}

/// Makes the calendar cover the given years.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn ensure_dates(years: impl Iterator<Item = i32>) -> Outcome<()> {
    let years: BTreeSet<i32> = years.collect();
    let (Some(&first), Some(&last)) = (years.first(), years.last()) else {
        return Ok(());
    };
    Spi::run_with_args(
        include_str!("../sql/ensure_dates.sql"),
        &[first.into(), last.into()],
    )
    .map_err(spi)
}

/// Brings the dimensions up to what was gathered.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn update_dimensions(gathered: Gathered) -> Outcome<()> {
    let Gathered {
        customers,
        descriptions,
        days,
    } = gathered;
    if !customers.is_empty() {
        Spi::run_with_args(
            include_str!("../sql/update_customers.sql"),
            &[
                customers
                    .iter()
                    .map(|(key, _)| *key)
                    .collect::<Vec<i32>>()
                    .into(),
                customers
                    .iter()
                    .map(|(_, f)| f.sales.map(|s| s.0))
                    .collect::<Vec<Option<i32>>>()
                    .into(),
                customers
                    .iter()
                    .map(|(_, f)| f.sales.map(|s| s.1))
                    .collect::<Vec<Option<i32>>>()
                    .into(),
                customers
                    .iter()
                    .map(|(_, f)| f.seen)
                    .collect::<Vec<i64>>()
                    .into(),
                customers
                    .into_iter()
                    .map(|(_, f)| f.country)
                    .collect::<Vec<String>>()
                    .into(),
            ],
        )
        .map_err(spi)?;
    }
    if !descriptions.is_empty() {
        Spi::run_with_args(
            include_str!("../sql/update_descriptions.sql"),
            &[
                descriptions
                    .iter()
                    .map(|d| d.0)
                    .collect::<Vec<i32>>()
                    .into(),
                descriptions
                    .iter()
                    .map(|d| d.2.sales)
                    .collect::<Vec<i64>>()
                    .into(),
                descriptions
                    .iter()
                    .map(|d| d.2.others)
                    .collect::<Vec<i64>>()
                    .into(),
                descriptions
                    .iter()
                    .map(|d| d.1.as_str())
                    .collect::<Vec<&str>>()
                    .into(),
                descriptions
                    .iter()
                    .map(|d| format!("{:032x}", text_hash(&d.1)))
                    .collect::<Vec<String>>()
                    .into(),
            ],
        )
        .map_err(spi)?;
        let mut products: Vec<i32> = descriptions.into_iter().map(|d| d.0).collect();
        products.dedup();
        Spi::run_with_args(
            include_str!("../sql/update_products.sql"),
            &[products.into()],
        )
        .map_err(spi)?;
    }
    let trading: Vec<i32> = days
        .into_iter()
        .filter(|(_, trades)| *trades)
        .map(|(day, _)| day)
        .collect();
    if !trading.is_empty() {
        Spi::run_with_args(
            "UPDATE retailscope.dim_date d SET is_trading_day = true
             FROM unnest($1::integer[]) AS t(day)
             WHERE d.date = date '1970-01-01' + t.day AND NOT d.is_trading_day",
            &[trading.into()],
        )
        .map_err(spi)?;
    }
    Ok(())
}

/// Creates the tables, views, comments and standard rules of the schema `retailscope`, owned by the calling user; what is
/// there already and belongs to that user is left as it is.
///
/// `CREATE EXTENSION` calls it last. Inside a restore it does nothing, because the dump brings its own tables.
#[pg_extern(volatile, parallel_unsafe)]
#[search_path(pg_catalog, pg_temp)]
fn rs_create_warehouse() -> Result<(), ErrorReport> {
    install::require_utf8()?;
    if install::restoring() || install::upgrading() {
        return Ok(());
    }
    refuse_foreign_objects()?;
    // "already exists, skipping" would be noise.
    locally(&[(c"client_min_messages", c"warning")], || {
        install::outside_extension(create_all)
    })?;
    Ok(())
}

fn create_all() -> Outcome<()> {
    for script in [
        include_str!("../sql/warehouse.sql"),
        include_str!("../sql/registry.sql"),
        include_str!("../sql/views.sql"),
        include_str!("../sql/seed.sql"),
        include_str!("../sql/comments.sql"),
    ] {
        Spi::run(script).map_err(spi)?;
    }
    rules::seed()
}

/// Objects of another owner in our schema are never adopted.
fn refuse_foreign_objects() -> Outcome<()> {
    let foreign = Spi::get_two::<String, String>(
        "SELECT c.relname::text, pg_catalog.pg_get_userbyid(c.relowner)::text
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'retailscope' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
           AND c.relowner <> (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
         ORDER BY 1 LIMIT 1",
    );
    match foreign {
        Ok((Some(relation), Some(owner))) => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("relation \"retailscope.{relation}\" belongs to \"{owner}\""),
        )
        .hint("The warehouse has one owner: call rs_create_warehouse() as that role, or change the relation's owner.")),
        Ok(_) | Err(pgrx::spi::Error::InvalidPosition) => Ok(()),
        Err(error) => Err(spi(error)),
    }
}

extension_sql!(
    "CREATE SCHEMA retailscope;\nCOMMENT ON SCHEMA retailscope IS 'RetailScope: the retail warehouse and its marts';\n",
    name = "schema",
    bootstrap
);
extension_sql_file!("../sql/marts.sql", name = "marts", requires = ["schema"]);
extension_sql_file!("../sql/quality.sql", name = "quality", requires = ["marts"]);
extension_sql_file!(
    "../sql/grants.sql",
    name = "grants",
    requires = [
        "quality",
        "features",
        "pipeline",
        "models",
        "churn_comments",
        "forecasts"
    ]
);
extension_sql_file!("../sql/install.sql", name = "install", finalize);
