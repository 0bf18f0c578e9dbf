//! The warehouse: its creation and its calendar.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{caught, number, text};
    use crate::warehouse::ensure_dates;

    #[pg_test]
    fn the_calendar_is_postgres_own() {
        ensure_dates([2026, 2008, 2010].into_iter()).unwrap();
        // 19 years, five of them leap years.
        assert_eq!(
            number("SELECT count(*) FROM retailscope.dim_date"),
            19 * 365 + 5
        );
        let wrong = text(
            "SELECT string_agg(d.date::text, ', ') FROM retailscope.dim_date d
             WHERE (d.year, d.quarter, d.month, d.week, d.day_of_month, d.day_of_week, d.is_weekend, d.is_trading_day) IS DISTINCT FROM
                   (to_char(d.date, 'YYYY')::int, to_char(d.date, 'Q')::int, to_char(d.date, 'MM')::int, to_char(d.date, 'IW')::int,
                    to_char(d.date, 'DD')::int, to_char(d.date, 'ID')::int, to_char(d.date, 'DY') IN ('SAT', 'SUN'), false)",
        );
        assert_eq!(wrong, "");
        // Sunday of the last week of ISO year 2009; Monday of the first of 2025; a leap day.
        for (day, expected) in [
            ("2010-01-03", "2010|1|1|53|3|7|t"),
            ("2024-12-30", "2024|4|12|1|30|1|f"),
            ("2012-02-29", "2012|1|2|9|29|3|f"),
        ] {
            assert_eq!(
                text(&format!(
                    "SELECT concat_ws('|', year, quarter, month, week, day_of_month, day_of_week, is_weekend)
                     FROM retailscope.dim_date WHERE date = '{day}'"
                )),
                expected
            );
        }
        // Again, and beyond: only what is missing is added.
        ensure_dates([2009, 2027].into_iter()).unwrap();
        assert_eq!(
            number("SELECT count(*) FROM retailscope.dim_date"),
            20 * 365 + 5
        );
        ensure_dates(std::iter::empty()).unwrap();
    }

    #[pg_test]
    fn tables_belong_to_their_owner_and_not_to_the_extension() {
        assert_eq!(
            number(
                "SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'retailscope'
                 WHERE d.deptype = 'e' AND d.classid = 'pg_class'::regclass"
            ),
            0
        );
        let tables = number(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'retailscope'::regnamespace AND relkind = 'r'",
        );
        assert_eq!(tables, 24);
        // Everything says what it is.
        assert_eq!(
            text(
                "SELECT string_agg(c.relname, ', ') FROM pg_class c WHERE c.relnamespace = 'retailscope'::regnamespace
                 AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL"
            ),
            ""
        );
    }

    #[pg_test]
    fn creating_it_again_changes_nothing_and_mends_what_is_missing() {
        let shape = "SELECT md5(string_agg(concat_ws('|', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull), E'\\n' ORDER BY c.relname, a.attnum))
                     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = 'retailscope'::regnamespace";
        let before = text(shape);
        Spi::run("INSERT INTO retailscope.clean_rule (field, pattern, line_kind) VALUES ('stock_code', '^MINE$', 'fee');
                  UPDATE retailscope.clean_rule SET enabled = false WHERE pattern = '^MINE$'").unwrap();
        let rules = number("SELECT count(*) FROM retailscope.clean_rule");
        Spi::run("SELECT rs_create_warehouse()").unwrap();
        assert_eq!(text(shape), before);
        assert_eq!(number("SELECT count(*) FROM retailscope.clean_rule"), rules);
        assert_eq!(
            number("SELECT count(*) FROM retailscope.clean_rule WHERE NOT enabled"),
            1
        );
        Spi::run("DROP VIEW retailscope.progress; DELETE FROM retailscope.warehouse_state; SELECT rs_create_warehouse()").unwrap();
        assert_eq!(text(shape), before);
        assert_eq!(
            number("SELECT count(*) FROM retailscope.warehouse_state"),
            1
        );
    }

    #[pg_test]
    fn anothers_tables_are_not_adopted() {
        Spi::run("CREATE ROLE retailscope_other; ALTER TABLE retailscope.lake_file OWNER TO retailscope_other").unwrap();
        let seen = caught("SELECT rs_create_warehouse()");
        assert_eq!(seen.state, "42501");
        assert_eq!(
            seen.message,
            "relation \"retailscope.lake_file\" belongs to \"retailscope_other\""
        );
        assert!(!seen.hint.is_empty());
    }
}
