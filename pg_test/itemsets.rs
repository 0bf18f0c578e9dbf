//! Frequent itemsets of any query, which stays a query.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{caught, number, quoted, text};

    #[pg_test]
    fn itemsets_of_ids_of_any_type() {
        let seen = |query: &str, more: &str| {
            text(&format!(
                "SELECT string_agg(concat_ws(' ', itemset, round(support::numeric, 4), baskets), E'\\n' ORDER BY place)
                 FROM (SELECT *, row_number() OVER () AS place FROM rs_frequent_itemsets({}, {more})) AS r",
                quoted(query)
            ))
        };
        // Four baskets, one of them empty; b stands twice in the second; of a line without a basket nobody knows.
        let lines = "(VALUES (1, 'b'), (1, 'a'), (2, 'b'), (2, 'b'), (3, 'a'), (3, 'b'), (4, NULL), (NULL, 'z')) AS v (basket, item)";
        let expected = "{b} 0.7500 3\n{a} 0.5000 2\n{a,b} 0.5000 2";
        for (basket, item) in [
            ("basket", "item"),
            ("basket::bigint - 9000000000", "item::varchar(5)"),
            ("lpad(basket::text, 32, '0')::uuid", "item::char(1)"),
            ("'2020-01-01'::date + basket", "item::bpchar"),
            ("basket * 1.50", "item::name"),
            ("(basket || 'é\u{1F600}')", "item"),
        ] {
            let query = format!("SELECT {basket}, {item} FROM {lines}");
            assert_eq!(seen(&query, "0.5"), expected, "{query}");
        }
        let query = format!("SELECT basket, item FROM {lines}");
        for (end, more) in [
            ("", "2"),
            (";", "0.26"),
            (" -- a comment", "0.5, 2, 'eclat'"),
            (" /* ; */ ;", "0.5, NULL, 'apriori', '{}'"),
        ] {
            assert_eq!(seen(&format!("{query}{end}"), more), expected);
        }
        assert_eq!(seen(&query, "0.5, 1"), "{b} 0.7500 3\n{a} 0.5000 2");
        assert_eq!(
            seen(&query, "0.5, options => '{\"itemsets\": \"closed\"}'"),
            "{b} 0.7500 3\n{a,b} 0.5000 2"
        );
        assert_eq!(
            seen(&query, "0.5, options => '{\"itemsets\": \"maximal\"}'"),
            "{a,b} 0.5000 2"
        );
        assert_eq!(
            seen(&query, "1, options => '{\"min_count\": 3}'"),
            "{b} 0.7500 3"
        );
        assert_eq!(seen(&format!("{query} WHERE false"), "0.5"), "");
        assert_eq!(seen(&format!("{query} WHERE item IS NULL"), "0.5"), "");
    }

    #[pg_test]
    fn a_query_stays_a_query() {
        Spi::run("CREATE TABLE public.mine (basket int, item text); INSERT INTO public.mine VALUES (1, 'a')").unwrap();
        for (query, state, message) in [
            (
                "SELECT 1, 2) AS x (a, b); DROP TABLE public.mine; --",
                "42601",
                "syntax error",
            ),
            (
                "SELECT 1, 2; DROP TABLE public.mine",
                "22023",
                "must be one query that only reads",
            ),
            (
                "DELETE FROM public.mine RETURNING basket, item",
                "22023",
                "only reads",
            ),
            (
                "WITH d AS (DELETE FROM public.mine RETURNING basket, item) TABLE d",
                "22023",
                "only reads",
            ),
            ("DROP TABLE public.mine", "22023", "only reads"),
            (
                "CREATE TABLE public.other AS TABLE public.mine",
                "22023",
                "only reads",
            ),
            (
                "SELECT basket, item INTO public.other FROM public.mine",
                "22023",
                "only reads",
            ),
            ("EXPLAIN SELECT 1, 2", "22023", "only reads"),
            ("SHOW search_path", "22023", "only reads"),
            ("DO $$ BEGIN END $$", "22023", "only reads"),
            ("COMMIT", "22023", "only reads"),
            ("", "22023", "only reads"),
            ("-- nothing", "22023", "only reads"),
            (
                "SELECT basket, item FROM public.mine FOR UPDATE",
                "0A000",
                "FOR UPDATE",
            ),
            (
                "SELECT item FROM public.mine",
                "22023",
                "of 2 columns, not of 1",
            ),
            ("SELECT 1, 2, 3", "22023", "of 2 columns, not of 3"),
            ("SELECT FROM public.mine", "22023", "of 2 columns, not of 0"),
            ("SELECT $1, $2", "42P02", "no parameter"),
            ("SELECT 1, 1 / 0", "22012", "division by zero"),
            ("SELECT a, b FROM public.nowhere", "42P01", "does not exist"),
        ] {
            let call = format!("SELECT * FROM rs_frequent_itemsets({}, 0.5)", quoted(query));
            let failed = caught(&call);
            assert_eq!(failed.state, state, "{query}: {failed:?}");
            assert!(failed.message.contains(message), "{query}: {failed:?}");
        }
        assert_eq!(number("SELECT count(*) FROM public.mine"), 1);
        for (call, message) in [
            ("NULL, 0.5", "baskets must not be NULL"),
            ("'TABLE public.mine', NULL", "min_support must not be NULL"),
            ("'TABLE public.mine', 0", "min_support must be above 0"),
            ("'TABLE public.mine', 'NaN'", "min_support must be"),
            ("'TABLE public.mine', 2.5", "not 2.5"),
            ("'TABLE public.mine', 'Infinity'", "not inf"),
            ("'TABLE public.mine', 0.5, 0", "max_len must be"),
        ] {
            let failed = caught(&format!("SELECT * FROM rs_frequent_itemsets({call})"));
            assert_eq!(failed.state, "22023", "{call}: {failed:?}");
            assert!(failed.message.contains(message), "{call}: {failed:?}");
        }
        // With the caller's own rights, and path.
        Spi::run(
            "CREATE ROLE retailscope_shopper; GRANT USAGE ON SCHEMA public TO retailscope_shopper;
             SELECT rs_grant_access('retailscope_shopper', 'reader'); SET LOCAL ROLE retailscope_shopper",
        )
        .unwrap();
        let seen = caught("SELECT * FROM rs_frequent_itemsets('TABLE public.mine', 1)");
        assert_eq!(seen.state, "42501", "{seen:?}");
        Spi::run("RESET ROLE; GRANT SELECT ON public.mine TO retailscope_shopper; SET LOCAL ROLE retailscope_shopper; SET LOCAL search_path = public").unwrap();
        assert_eq!(
            number("SELECT count(*) FROM rs_frequent_itemsets('TABLE mine', 1)"),
            1
        );
        Spi::run("RESET ROLE").unwrap();
    }
}
