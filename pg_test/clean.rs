//! Clean: the rules are rows of a table that its owner may change.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::ingest::ORDERS;
    use crate::pg_test_suite::{caught, number, text};
    use retailscope_engine::clean::rules::{standard_aliases, standard_rules};

    const KINDS: &str = "SELECT string_agg(concat_ws(' ', p.stock_code, f.line_kind, p.is_merchandise), ', ' ORDER BY f.sale_id)
        FROM retailscope.fact_sales f JOIN retailscope.dim_product p USING (product_key) WHERE f.invoice_no IN ('500001', '500003')";

    fn load(options: &str) {
        Spi::run(ORDERS).unwrap();
        Spi::run(&format!(
            "SELECT rs_ingest_table('public.orders', '{{}}', '{options}')"
        ))
        .unwrap();
    }

    #[pg_test]
    fn the_standard_rules_are_in_the_table() {
        assert_eq!(
            number("SELECT count(*) FROM retailscope.clean_rule"),
            standard_rules().len() as i64
        );
        assert_eq!(
            number("SELECT count(*) FROM retailscope.country_alias"),
            standard_aliases().len() as i64
        );
    }

    #[pg_test]
    fn rules_of_ones_own_apply() {
        Spi::run("INSERT INTO retailscope.clean_rule (priority, field, pattern, line_kind, is_merchandise) VALUES (1, 'stock_code', '85.*', 'fee', false)").unwrap();
        load("{}");
        assert_eq!(text(KINDS), "85123A fee f, 71053 sale t, POST fee f");
    }

    #[pg_test]
    fn rules_can_be_switched_off() {
        Spi::run("UPDATE retailscope.clean_rule SET enabled = false").unwrap();
        load("{}");
        assert_eq!(text(KINDS), "85123A sale t, 71053 sale t, POST sale t");
    }

    #[pg_test]
    fn rules_can_be_left_out_of_one_ingest() {
        load(r#"{"rules": false}"#);
        assert_eq!(text(KINDS), "85123A sale t, 71053 sale t, POST sale t");
    }

    #[pg_test]
    fn a_rule_that_rejects_gives_its_note_as_the_reason() {
        Spi::run("INSERT INTO retailscope.clean_rule (priority, field, pattern, line_kind, note) VALUES (1, 'description', 'LANTERN', 'reject', 'no lanterns')").unwrap();
        load("{}");
        assert_eq!(text(KINDS), "85123A sale t, POST fee f");
        assert_eq!(
            text(
                "SELECT concat_ws('|', line_no, reason) FROM retailscope.etl_reject WHERE line_no = 2"
            ),
            "2|no lanterns"
        );
    }

    #[pg_test]
    fn a_pattern_that_is_none_is_named() {
        Spi::run(ORDERS).unwrap();
        Spi::run("INSERT INTO retailscope.clean_rule (field, pattern, line_kind) VALUES ('stock_code', '(', 'fee')").unwrap();
        let seen = caught("SELECT rs_ingest_table('public.orders')");
        assert_eq!(seen.state, "22023");
        assert!(
            seen.message.contains("stock_code") && seen.message.contains("\"(\""),
            "{}",
            seen.message
        );
    }

    #[pg_test]
    fn country_aliases_are_resolved() {
        Spi::run("INSERT INTO retailscope.country_alias VALUES ('FRANCE', 'Gallia')").unwrap();
        load("{}");
        assert_eq!(
            text("SELECT country FROM retailscope.fact_sales WHERE invoice_no = '500003'"),
            "Gallia"
        );
    }

    #[pg_test]
    fn keep_duplicates_keeps_them_once() {
        load(r#"{"keep_duplicates": true}"#);
        assert_eq!(
            number("SELECT count(*) FROM retailscope.fact_sales WHERE invoice_no = '500001'"),
            3
        );
        Spi::run(r#"SELECT rs_ingest_table('public.orders', '{}', '{"keep_duplicates": true}')"#)
            .unwrap();
        assert_eq!(number("SELECT count(*) FROM retailscope.fact_sales"), 7);
    }

    #[pg_test]
    fn wrong_mappings_and_options_are_refused() {
        Spi::run(ORDERS).unwrap();
        for (mapping, options) in [
            (r#"{"invoice": "x"}"#, "{}"),
            (r#"{"invoice_no": "Nothing"}"#, "{}"),
            ("[]", "{}"),
            ("{}", r#"{"delimeter": ";"}"#),
            ("{}", r#"{"nowait": 1}"#),
            ("{}", "7"),
        ] {
            let seen = caught(&format!(
                "SELECT rs_ingest_table('public.orders', '{mapping}', '{options}')"
            ));
            assert_eq!(seen.state, "22023", "{mapping} {options}: {}", seen.message);
            assert!(!seen.hint.is_empty(), "{}", seen.message);
        }
    }
}
