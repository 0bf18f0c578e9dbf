//! Holidays: the ones of the table, and those that are known by rule.

use crate::forecasts::day_of;
use crate::pg::cursor::Rows;
use crate::pg::error::{Failure, Outcome, spi};
use crate::pg::plan::run_kept;
use crate::pg::privilege;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::forecasts::Observed;
use retailscope_engine::forecasts::holidays::{REGIONS, YEARS, holidays};
use retailscope_engine::names::{did_you_mean, listed, shown};

/// Days before a series in which a holiday may still matter to it.
const MARGIN: i32 = 31;
/// Days after it: a model serves for some years, and then for its longest horizon.
const COMING: i32 = 4000;

/// Years after those of the calendar that holidays are made for.
const YEARS_AHEAD: i32 = 5;
/// The years of a warehouse without a calendar.
const NO_CALENDAR: (i32, i32) = (2000, 2050);

/// Adds the public holidays of a region to the table.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_generate_holidays(region text, from_year integer DEFAULT NULL, to_year integer DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_generate_holidays(
    region: Option<&str>,
    from_year: Option<i32>,
    to_year: Option<i32>,
) -> Result<i64, ErrorReport> {
    Ok(generate(region, from_year, to_year)?)
}

fn generate(region: Option<&str>, from: Option<i32>, to: Option<i32>) -> Outcome<i64> {
    let Some(region) = region else {
        return Err(Failure::invalid("region must not be NULL")
            .hint(format!("The regions are {}.", listed(&REGIONS))));
    };
    privilege::require_writable(c"rs_generate_holidays");
    let region = region.trim().to_ascii_uppercase();
    let (first, last) = calendar()?;
    let from = from.unwrap_or(first.min(to.unwrap_or(first)));
    let to = to.unwrap_or(last.max(from));
    let found = holidays(&region, from, to)?;
    if from > to {
        return Err(
            Failure::invalid(format!("from_year {from} is after to_year {to}"))
                .hint("Both years are included."),
        );
    }
    let added = Spi::connect_mut(|client| {
        client
            .update(
                "INSERT INTO retailscope.holiday (date, name, region)
                 SELECT date '1970-01-01' + t.day, t.name, $3 FROM unnest($1::integer[], $2::text[]) AS t (day, name)
                 ON CONFLICT DO NOTHING",
                None,
                &[
                    found.iter().map(|h| h.day).collect::<Vec<i32>>().into(),
                    found.iter().map(|h| h.name).collect::<Vec<&str>>().into(),
                    region.as_str().into(),
                ],
            )
            .map(|rows| rows.len())
    })
    .map_err(spi)?;
    Ok(i64::try_from(added).unwrap_or(i64::MAX))
}

/// The first and the last year that holidays are made for.
fn calendar() -> Outcome<(i32, i32)> {
    let year = |rows: &Rows<'_>, column| rows.i32(0, column);
    let known = run_kept(
        "SELECT min(d.year)::integer, max(d.year)::integer FROM retailscope.dim_date AS d",
        &[],
        |rows| Ok(rows.and_then(|r| Some((year(r, 0)?, year(r, 1)?)))),
    )?;
    let (first, last) = known.map_or(NO_CALENDAR, |(first, last)| (first, last + YEARS_AHEAD));
    let within = |year: i32| year.clamp(*YEARS.start(), *YEARS.end());
    Ok((within(first), within(last)))
}

/// Puts the holidays of a region around a series of days, past ones and those of some years to come.
///
/// # Errors
/// As [`days_of`].
pub fn add(region: &str, observed: &mut Observed) -> Outcome<()> {
    let end = observed.stamp(observed.len()).unwrap_or(observed.first);
    observed.holidays = around(&days_of(region)?, day_of(observed.first), day_of(end));
    Ok(())
}

/// Those of ascending days that matter to a series of days from `first` to `last`.
pub fn around(days: &[i32], first: i32, last: i32) -> Vec<i32> {
    let wanted = first.saturating_sub(MARGIN)..last.saturating_add(COMING);
    days.iter()
        .copied()
        .filter(|d| wanted.contains(d))
        .collect()
}

/// The holidays of a region (days since 1970, ascending): those of the table, or of a region that has none there those by rule.
///
/// # Errors
/// 22023 for a region that neither knows.
pub fn days_of(region: &str) -> Outcome<Vec<i32>> {
    // With its operators written out: a caller's own search path may be in force.
    let stored = run_kept(
        "SELECT DISTINCT h.date OPERATOR(pg_catalog.-) pg_catalog.date '1970-01-01' FROM retailscope.holiday AS h
         WHERE h.region OPERATOR(pg_catalog.=) $1 ORDER BY 1",
        &[region.into()],
        |rows| {
            Ok(rows.map_or_else(Vec::new, |rows| {
                (0..rows.len()).filter_map(|row| rows.i32(row, 0)).collect()
            }))
        },
    )?;
    if !stored.is_empty() {
        return Ok(stored);
    }
    if REGIONS.contains(&region) {
        let found = holidays(region, *YEARS.start(), *YEARS.end())?;
        let mut days: Vec<i32> = found.iter().map(|h| h.day).collect();
        days.sort_unstable();
        days.dedup();
        return Ok(days);
    }
    Err(unknown(region)?)
}

fn unknown(region: &str) -> Outcome<Failure> {
    let mut known = run_kept(
        "SELECT DISTINCT h.region FROM retailscope.holiday AS h ORDER BY 1",
        &[],
        |rows| {
            Ok(rows.map_or_else(Vec::new, |rows| {
                (0..rows.len())
                    .filter_map(|row| {
                        Some(String::from_utf8_lossy(rows.text(row, 0)?).into_owned())
                    })
                    .collect()
            }))
        },
    )?;
    for region in REGIONS {
        if !known.iter().any(|k| k == region) {
            known.push(region.to_owned());
        }
    }
    Ok(Failure::invalid(format!(
        "there are no holidays of the region {}{}",
        shown(region),
        did_you_mean(region, &known)
    ))
    .hint(format!(
        "The regions are {}; rows of your own in retailscope.holiday make others.",
        listed(&known)
    )))
}
