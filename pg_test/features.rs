//! Features: numbers of a warehouse that is small enough to count by hand, and nothing from the future.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::ingest::load_orders;
    use crate::pg_test_suite::{caught, number, text};

    const CUSTOMER: &str = "SELECT string_agg(concat_ws('|', customer_id, recency_days, frequency, trim_scale(monetary), trim_scale(monetary_net),
        tenure_days, trim_scale(average_order_value), orders_30, trim_scale(units), distinct_products, trim_scale(returns_amount),
        returns_share, country), E'\\n')";

    #[pg_test]
    fn a_customer_is_what_was_known_before_the_day() {
        load_orders();
        let at = |day: &str| text(&format!("{CUSTOMER} FROM rs_customer_features('{day}')"));
        assert_eq!(at("2010-12-01"), "");
        assert_eq!(
            at("2010-12-02"),
            "13085|1|1|22.08|22.08|1|22.08|1|8|2|0|0.000000|United Kingdom"
        );
        // The return of 3 December; a fee makes no customer.
        assert_eq!(
            at("2010-12-06"),
            "13085|5|1|22.08|19.53|5|22.08|1|8|2|2.55|0.115489|United Kingdom"
        );
        assert_eq!(
            at("2011-12-01"),
            "13085|365|1|22.08|19.53|365|22.08|0|8|2|2.55|0.115489|United Kingdom"
        );
    }

    #[pg_test]
    fn days_look_back_and_never_at_themselves() {
        load_orders();
        let days = "SELECT string_agg(concat_ws('|', date, trim_scale(revenue), orders, trim_scale(units), customers, is_trading_day,
                    day_of_week, coalesce(trim_scale(lag_1)::text, '-'), coalesce(trim_scale(lag_3)::text, '-'), coalesce(rolling_mean_7::text, '-')), E'\\n')";
        assert_eq!(
            text(&format!("{days} FROM rs_daily_features()")),
            "2010-12-01|22.08|1|8|1|t|3|-|-|-\n2010-12-02|0|0|0|0|f|4|22.08|-|-\n2010-12-03|0|0|0|0|f|5|0|-|-\n\
             2010-12-04|0|0|0|0|f|6|0|22.08|-\n2010-12-05|0|0|0|0|f|7|0|0|-"
        );
        // Seven days before the eighth: 22.08 / 7.
        assert_eq!(
            text(&format!(
                "{days} FROM rs_daily_features('2010-12-09') WHERE date = '2010-12-08'"
            )),
            "2010-12-08|0|0|0|0|f|3|0|0|3.1543"
        );
        assert_eq!(
            text(&format!("{days} FROM rs_daily_features('2010-12-02')")),
            "2010-12-01|22.08|1|8|1|t|3|-|-|-"
        );
    }

    #[pg_test]
    fn the_future_changes_nothing() {
        Spi::run("SELECT rs_generate_sales(40, 120, 3)").unwrap();
        let digest = "SELECT md5((SELECT string_agg(c::text, E'\\n') FROM rs_customer_features('2024-11-15') c)
                          || (SELECT string_agg(d::text, E'\\n') FROM rs_daily_features('2024-11-15') d))";
        let before = text(digest);
        Spi::run("UPDATE retailscope.fact_sales SET quantity = quantity * 7, amount = amount * 7 WHERE date >= '2024-11-15'").unwrap();
        assert_eq!(text(digest), before);
        Spi::run("UPDATE retailscope.fact_sales SET quantity = quantity * 7, amount = amount * 7 WHERE date = (SELECT max(date) FROM retailscope.fact_sales
                   WHERE date < '2024-11-15' AND line_kind = 'sale' AND customer_key <> 0)").unwrap();
        assert_ne!(text(digest), before);
    }

    /// Sales that are small enough to count by hand, seen on 2020-07-02.
    /// 10001: orders of 20, 20, 40 and 120 after gaps of 2, 87 and 60 days, one return in the last 180 days and one before.
    /// 10002: one order of one line. 10003: three orders of one day, two of them in one minute, one with lines of two days.
    const HABITS: &str = "CREATE TABLE public.habits (invoice_no text, stock_code text, quantity int, sold_at timestamp, unit_price numeric, customer_id text);
        INSERT INTO public.habits VALUES
        ('C0', '22222', -1, '2020-01-03 09:00', 10, '10001'),
        ('1', '11111', 2, '2020-01-04 10:30', 5, '10001'), ('1', '22222', 1, '2020-01-04 10:30', 10, '10001'),
        ('2', '11111', 4, '2020-01-06 12:00', 5, '10001'),
        ('3', '33333', 1, '2020-04-02 09:00', 40, '10001'),
        ('4', '11111', 20, '2020-06-01 16:30', 5, '10001'), ('4', '22222', 2, '2020-06-01 16:29', 10, '10001'),
        ('4', 'POST', 1, '2020-06-01 17:00', 18, '10001'), ('4', '11111', 3, '2020-06-01 18:00', 0, '10001'),
        ('C5', '11111', -2, '2020-06-10 10:00', 5, '10001'),
        ('6', '44444', 1, '2019-01-15 08:00', 7, '10002'),
        ('9', '11111', 1, '2020-06-30 12:00', 3, '10003'), ('10', '11111', 1, '2020-06-30 12:00', 4, '10003'),
        ('8', '22222', 1, '2020-06-29 23:00', 1, '10003'), ('8', '33333', 1, '2020-06-30 00:30', 1, '10003');
        SELECT rs_ingest_table('public.habits')";

    /// The columns after `country`, one customer a line.
    const LATER_COLUMNS: &str = "SELECT string_agg((SELECT string_agg(coalesce(CASE WHEN c.value ~ '[.]' THEN trim_scale(c.value::numeric)::text ELSE c.value END, '-'), ' ' ORDER BY c.n)
              FROM json_each_text(to_json(f)) WITH ORDINALITY AS c (key, value, n) WHERE c.n > 23), E'\\n' ORDER BY f.customer_id)
         FROM rs_customer_features";

    #[pg_test]
    fn habits_of_few_orders_are_as_counted_by_hand() {
        Spi::run(HABITS).unwrap();
        assert_eq!(
            text(&format!("{LATER_COLUMNS}('2020-07-02') f")),
            [
                // Order values: their mean is 50, their variance 6800 / 3; the newest three have a mean of 60.
                "120 47.6095 2.4 1.2 -2 0.2 0.6 \
                 43.4319 87 60 0.3563 0.172222 \
                 6 7.5 0.75 6.6667 0.5 2 10 0.25 12 3.2404 3 0.428571 0.65",
                // Nothing to compare with: one order, in the first of 19 months.
                "7 - 1 1 0 - 0 - - - - 1 1 1 1 7 1 0 0 0 8 - 1 0.052632 1",
                // The order of invoice 9: of two in a minute the one whose number sorts last. Invoice 8 counts for its newer day and
                // hour, but both of its days are days with an order: a gap of 1.
                "3 1 1 1 3 1 1 - 1 1 2 0.666667 4 1.3333 1 2.25 0.75 0 0 0 8.1667 6.6395 1 0.5 0.777778",
            ]
            .join("\n")
        );
        // A day earlier the older return is 180 days old too.
        assert_eq!(
            text(
                "SELECT trim_scale(returns_180)::text FROM rs_customer_features('2020-07-01') WHERE customer_id = '10001'"
            ),
            "20"
        );
        // A day before the second order nothing is known of it, and with two days there is a gap but no spread.
        assert_eq!(
            text(&format!(
                "{LATER_COLUMNS}('2020-01-06') f WHERE customer_id = '10001'"
            )),
            "20 - 1 1 1 1 1 - - - - 1 2 3 2 6.6667 1 1 10 1 10.5 - 1 1 0.5"
        );
        assert_eq!(
            text(&format!(
                "{LATER_COLUMNS}('2020-01-07') f WHERE customer_id = '10001'"
            )),
            "20 0 1 1 2 1 1 - 2 2 0.5 0.333333 3 3.5 1 5.7143 0.666667 1 10 0.5 11.25 1.0607 1 1 0.75"
        );
    }

    #[pg_test]
    fn nothing_that_comes_later_tells_who_will_leave() {
        Spi::run("SELECT rs_generate_sales(60, 300, 5)").unwrap();
        let at = "(SELECT max(date) - 90 FROM retailscope.fact_sales)";
        Spi::run(&format!(
            "CREATE TEMP TABLE frame AS SELECT {at} AS as_of, f.* FROM rs_churn_frame({at}) f"
        ))
        .unwrap();
        assert!(number("SELECT count(DISTINCT churned) FROM frame") == 2);
        // Lines of all kinds from that day on, of those who leave alone, at a price and with a product of their own.
        Spi::run(
            "CREATE TABLE public.planted AS
             SELECT kind || customer_id AS invoice_no, code AS stock_code, quantity, as_of + time '00:00' + days * interval '1 day' AS sold_at,
                    1234.5 AS unit_price, customer_id, 'Atlantis' AS country
             FROM frame, (VALUES ('C', '99999', -7), ('P', 'POST', 1), ('A', 'B', -1)) v (kind, code, quantity), (VALUES (0), (1), (45)) w (days)
             WHERE churned;
             SELECT rs_ingest_table('public.planted');
             SELECT rs_refresh_marts()",
        )
        .unwrap();
        assert!(
            number("SELECT count(*) FROM retailscope.fact_sales WHERE country = 'Atlantis'") > 0
        );
        assert_eq!(
            number(
                "SELECT count(*) FROM (TABLE frame EXCEPT SELECT d.as_of, f.* FROM (SELECT DISTINCT as_of FROM frame) d, rs_churn_frame(d.as_of) f) x"
            ),
            0
        );
        // The same lines a day before that day are seen: the check above can fail.
        Spi::run(
            "UPDATE retailscope.fact_sales SET date = as_of - 1 FROM (SELECT DISTINCT as_of FROM frame) d WHERE country = 'Atlantis'",
        )
        .unwrap();
        assert!(
            number(
                "SELECT count(*) FROM (TABLE frame EXCEPT SELECT d.as_of, f.* FROM (SELECT DISTINCT as_of FROM frame) d, rs_churn_frame(d.as_of) f) x"
            ) > 0
        );
    }

    #[pg_test]
    fn a_sale_in_the_days_from_as_of_on_is_the_label() {
        Spi::run(
            "CREATE TABLE public.labels AS
             SELECT 'S' || id AS invoice_no, '11111' AS stock_code, 1 AS quantity, timestamp '2020-01-01 10:00' AS sold_at, 1 AS unit_price, id AS customer_id
             FROM unnest('{in,last,late,returned,paid,gone}'::text[]) id;
             INSERT INTO public.labels VALUES ('1', '11111', 1, '2020-02-01 00:00', 1, 'in'), ('2', '11111', 1, '2020-02-10 23:59', 1, 'last'),
                ('3', '11111', 1, '2020-02-11 00:00', 1, 'late'), ('C4', '11111', -1, '2020-02-05 10:00', 1, 'returned'),
                ('5', 'POST', 1, '2020-02-05 10:00', 1, 'paid'), ('6', '11111', 1, '2020-02-05 10:00', 1, 'new');
             SELECT rs_ingest_table('public.labels')",
        )
        .unwrap();
        assert_eq!(
            text(
                "SELECT string_agg(concat_ws(' ', customer_id, churned), ', ' ORDER BY customer_id COLLATE \"C\") FROM rs_churn_frame('2020-02-01', 10)"
            ),
            "gone t, in f, last f, late t, paid t, returned t"
        );
        assert_eq!(
            text(
                "SELECT string_agg(concat_ws(' ', customer_id, churned), ', ' ORDER BY customer_id COLLATE \"C\") FROM rs_churn_frame('2020-02-01', 11)"
            ),
            "gone t, in f, last f, late f, paid t, returned t"
        );
        assert_eq!(
            number("SELECT count(*) FROM rs_churn_frame('2019-01-01')"),
            0
        );
    }

    #[pg_test]
    fn a_frame_whose_end_is_unknown_is_refused() {
        let refused = |call: &str| {
            let caught = caught(&format!("SELECT * FROM rs_churn_frame({call})"));
            assert!(!caught.hint.is_empty(), "{caught:?}");
            (caught.state, caught.message)
        };
        let is = |state: &str, message: &str| (state.to_owned(), message.to_owned());
        assert_eq!(
            refused("'2020-01-01'"),
            is("55000", "there are no sales to learn from")
        );
        load_orders();
        let late = |days: i32, day: &str, last: &str| {
            is(
                "22023",
                &format!(
                    "the {days} days from {day} are not fully observed: the last possible as_of is {last}"
                ),
            )
        };
        // The newest fact is of 5 December.
        assert_eq!(
            caught("SELECT * FROM rs_churn_frame('2010-12-03', 3)").state,
            "00000"
        );
        assert_eq!(
            refused("'2010-12-04', 3"),
            late(3, "2010-12-04", "2010-12-03")
        );
        assert_eq!(
            refused("'2010-12-03'"),
            late(90, "2010-12-03", "2010-09-07")
        );
        assert_eq!(refused("'infinity', 1"), late(1, "infinity", "2010-12-05"));
        assert_eq!(refused("NULL"), is("22004", "as_of is NULL"));
        assert_eq!(
            refused("'2010-12-03', NULL"),
            is("22004", "horizon_days is NULL")
        );
        for days in [0, -1, 3651, i32::MAX, i32::MIN] {
            assert_eq!(
                refused(&format!("'2010-12-03', {days}")),
                is(
                    "22023",
                    &format!("horizon_days is {days}: it must be from 1 to 3650")
                )
            );
        }
    }
}
