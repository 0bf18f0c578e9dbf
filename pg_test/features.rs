//! Features: numbers of a warehouse that is small enough to count by hand, and nothing from the future.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::ingest::load_orders;
    use crate::pg_test_suite::text;

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
}
