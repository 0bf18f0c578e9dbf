//! Ingest: relations, files and the sample generator, through to the facts and the books.

use pgrx::prelude::*;

/// A relation with a line of each kind, a copy of the first line and one that is refused.
pub const ORDERS: &str = r#"
    CREATE TABLE public.orders ("Invoice" text, "StockCode" text, "Description" text, "Quantity" integer,
        "InvoiceDate" timestamp, "Price" numeric, "Customer ID" text, "Country" text);
    INSERT INTO public.orders VALUES
        ('500001', '85123A', 'CUP', 6, '2010-12-01 08:26', 2.55, '13085', 'United Kingdom'),
        ('500001', '71053', 'LANTERN', 2, '2010-12-01 08:26', 3.39, '13085', 'United Kingdom'),
        ('C500002', '85123A', 'CUP', -1, '2010-12-03 09:00', 2.55, '13085', 'United Kingdom'),
        ('500003', 'POST', 'POSTAGE', 1, '2010-12-05 10:00', 18, '12345', 'France'),
        ('A500004', 'B', 'Adjust bad debt', 1, '2010-12-05 11:00', -100, NULL, 'United Kingdom'),
        ('500005', '22222', 'SPOON', 5, '2010-12-05 12:00', 0, NULL, 'United Kingdom'),
        ('500001', '85123A', 'CUP', 6, '2010-12-01 08:26', 2.55, '13085', 'United Kingdom'),
        ('500006', '22222', 'SPOON', NULL, '2010-12-05 12:00', 1, NULL, 'United Kingdom')"#;

/// Loads [`ORDERS`]; the result's row without its id and time.
pub fn load_orders() -> String {
    Spi::run(ORDERS).unwrap();
    crate::pg_test_suite::text(
        "SELECT concat_ws('|', rows_read, rows_loaded, rows_duplicate, rows_rejected, first_date, last_date,
                trim_scale(gross_revenue), trim_scale(net_revenue), lake_files) FROM rs_ingest_table('public.orders')",
    )
}

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{Folder, caught, number, quoted, text, truth};
    use retailscope_engine::control::Free;
    use retailscope_engine::ingest::RawBatch;
    use retailscope_engine::ingest::sample::SampleSales;

    #[pg_test]
    fn a_relation_becomes_facts() {
        assert_eq!(load_orders(), "8|6|1|1|2010-12-01|2010-12-05|22.08|19.53|0");
        assert_eq!(
            text("SELECT string_agg(concat_ws('|', f.invoice_no, p.stock_code, f.line_kind, p.is_merchandise, f.amount), E'\\n' ORDER BY f.sale_id)
                  FROM retailscope.fact_sales f JOIN retailscope.dim_product p USING (product_key)"),
            "500001|85123A|sale|t|15.3\n500001|71053|sale|t|6.78\nC500002|85123A|return|t|-2.55\n\
             500003|POST|fee|f|18\nA500004|B|adjustment|f|-100\n500005|22222|free|t|0"
        );
        assert_eq!(
            text("SELECT string_agg(concat_ws('|', c.customer_id, c.country, c.first_sale_date, c.last_sale_date), E'\\n' ORDER BY c.customer_id)
                  FROM retailscope.dim_customer c WHERE c.customer_key <> 0"),
            "12345|France\n13085|United Kingdom|2010-12-01|2010-12-01"
        );
        assert_eq!(
            text("SELECT concat_ws('|', line_no, reason) FROM retailscope.etl_reject"),
            "8|quantity is not a number: \"\""
        );
        // Again: everything is known.
        assert_eq!(
            text(
                "SELECT concat_ws('|', rows_read, rows_loaded, rows_duplicate, rows_rejected) FROM rs_ingest_table('public.orders')"
            ),
            "8|0|7|1"
        );
        Spi::run("SELECT rs_refresh_marts()").unwrap();
        assert_eq!(
            text("SELECT string_agg(check_name, ', ') FROM rs_data_quality() WHERE NOT ok"),
            ""
        );
    }

    #[pg_test]
    fn the_executors_way_gives_the_same_facts() {
        let facts = "SELECT md5(string_agg(concat_ws('|', date, sold_at, customer_key, product_key, invoice_no, quantity, unit_price,
                     amount, line_kind, country, line_hash), E'\\n' ORDER BY line_hash)) FROM retailscope.fact_sales";
        load_orders();
        let direct = text(facts);
        Spi::run(
            "TRUNCATE retailscope.fact_sales;
             CREATE TABLE public.seen (n bigint);
             CREATE FUNCTION public.seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.seen VALUES (NEW.sale_id); RETURN NEW; END';
             CREATE TRIGGER seen AFTER INSERT ON retailscope.fact_sales FOR EACH ROW EXECUTE FUNCTION public.seen()",
        )
        .unwrap();
        assert_eq!(
            number("SELECT rows_loaded FROM rs_ingest_table('public.orders')"),
            6
        );
        assert_eq!(text(facts), direct);
        assert_eq!(
            number("SELECT count(*) FROM public.seen"),
            6,
            "the user's trigger fires"
        );
    }

    #[pg_test]
    fn a_users_constraint_of_any_kind_is_honoured() {
        Spi::run(ORDERS).unwrap();
        for (extra, state) in [
            ("ADD CONSTRAINT mine CHECK (quantity < 6)", "23514"),
            (
                "ADD CONSTRAINT mine FOREIGN KEY (country) REFERENCES public.land",
                "23503",
            ),
            ("ADD CONSTRAINT mine UNIQUE (invoice_no)", "23505"),
            ("ALTER invoice_no TYPE varchar(6)", "22001"),
        ] {
            Spi::run("CREATE TABLE IF NOT EXISTS public.land (name text PRIMARY KEY)").unwrap();
            let seen = caught(&format!(
                "DO $$ BEGIN ALTER TABLE retailscope.fact_sales {extra}; PERFORM rs_ingest_table('public.orders'); END $$"
            ));
            assert_eq!(seen.state, state, "{extra}: {}", seen.message);
            assert_eq!(number("SELECT count(*) FROM retailscope.fact_sales"), 0);
        }
        // Another type of a column takes what fits.
        Spi::run("ALTER TABLE retailscope.fact_sales ALTER invoice_no TYPE varchar(30)").unwrap();
        assert_eq!(
            number("SELECT rows_loaded FROM rs_ingest_table('public.orders')"),
            6
        );
    }

    /// The file that holds what [`ORDERS`] holds.
    const CSV: &str = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n\
        500001,85123A,CUP,6,2010-12-01 08:26,2.55,13085,United Kingdom\n\
        500001,71053,LANTERN,2,2010-12-01 08:26,3.39,13085,United Kingdom\n\
        500007,71053,\"LANTERN, RED\",1,2010-12-06 08:26,4.00,13085,United Kingdom\n\
        500007,71053,LANTERN,x,2010-12-06 08:26,4.00,13085,United Kingdom\n";

    #[pg_test]
    fn a_file_and_a_relation_are_the_same_lines() {
        let folder = Folder::new("ingest-file");
        let path = folder.file("orders.csv");
        std::fs::write(&path, CSV).unwrap();
        load_orders();
        assert_eq!(
            text(&format!(
                "SELECT concat_ws('|', rows_read, rows_loaded, rows_duplicate, rows_rejected, trim_scale(gross_revenue)) FROM rs_ingest_file({})",
                quoted(&path)
            )),
            "4|1|2|1|4"
        );
        assert_eq!(
            text(
                "SELECT concat_ws('|', line_no, reason, raw) FROM retailscope.etl_reject ORDER BY batch_id DESC LIMIT 1"
            ),
            "5|quantity is not a number: \"x\"|500007,71053,LANTERN,x,2010-12-06 08:26,4.00,13085,United Kingdom"
        );
    }

    #[pg_test]
    fn files_are_guarded() {
        let folder = Folder::new("guarded");
        let outside = Folder::new("outside");
        for name in ["orders.csv", "late.csv"] {
            std::fs::write(folder.file(name), CSV).unwrap();
            std::fs::write(outside.file(name), CSV).unwrap();
        }
        std::os::unix::fs::symlink(outside.file("orders.csv"), folder.file("link.csv")).unwrap();
        std::fs::create_dir(folder.file("dir.csv")).unwrap();
        Spi::run(
            "CREATE ROLE retailscope_reader; CREATE ROLE retailscope_none;
             GRANT pg_read_server_files TO retailscope_reader;
             SELECT rs_grant_access('retailscope_reader', 'analyst'), rs_grant_access('retailscope_none', 'analyst')",
        )
        .unwrap();
        Spi::run(&format!(
            "SET LOCAL retailscope.allowed_dirs = {}",
            quoted(&folder.path().display().to_string())
        ))
        .unwrap();
        // NONE is the superuser, whatever its name.
        for (role, path, state) in [
            ("NONE", folder.file("nothing.csv"), "58P01"),
            ("NONE", folder.file("link.csv"), "42501"),
            ("NONE", folder.file("dir.csv"), "42501"),
            ("NONE", outside.file("orders.csv"), "42501"),
            (
                "NONE",
                format!("{}/../x.csv", folder.path().display()),
                "42501",
            ),
            ("NONE", "orders.csv".to_owned(), "22023"),
            ("retailscope_none", folder.file("orders.csv"), "42501"),
            ("retailscope_reader", outside.file("orders.csv"), "42501"),
            ("retailscope_reader", outside.file("nothing.csv"), "42501"),
        ] {
            Spi::run(&format!("SET LOCAL ROLE {role}")).unwrap();
            let seen = caught(&format!("SELECT rs_ingest_file({})", quoted(&path)));
            assert_eq!(seen.state, state, "{role} {path}: {}", seen.message);
        }
        Spi::run("RESET ROLE").unwrap();
        assert_eq!(number("SELECT count(*) FROM retailscope.etl_batch"), 0);
        assert_eq!(
            number(&format!(
                "SELECT rows_loaded FROM rs_ingest_file({})",
                quoted(&folder.file("orders.csv"))
            )),
            3
        );
    }

    #[pg_test]
    fn generated_sales_arrive_whole() {
        let mut sales = SampleSales::new(60, 90, 7).unwrap();
        let (mut lines, mut batch) = (0, RawBatch::new(0));
        while sales.next_batch(&mut batch, &Free).unwrap() {
            lines += i64::try_from(batch.rows()).unwrap();
        }
        let read = number("SELECT rows_read FROM rs_generate_sales(60, 90, 7)");
        assert_eq!(read, lines);
        assert!(read > 1_000, "{read} lines");
        assert!(truth(
            "SELECT b.rows_read = b.rows_loaded + b.rows_duplicate + b.rows_rejected AND b.rows_duplicate > 0
                    AND b.rows_loaded = (SELECT count(*) FROM retailscope.fact_sales)
                    AND b.rows_rejected = (SELECT count(*) FROM retailscope.etl_reject)
                    AND b.amount_loaded = (SELECT sum(quantity * unit_price) FROM retailscope.fact_sales)
                    AND b.last_date = '2024-12-31' FROM retailscope.etl_batch b"
        ));
        let loaded = number("SELECT rows_loaded FROM retailscope.etl_batch");
        Spi::run("SELECT rs_refresh_marts()").unwrap();
        assert_eq!(
            text(
                "SELECT string_agg(check_name || ' ' || detail, ', ') FROM rs_data_quality() WHERE NOT ok"
            ),
            ""
        );
        assert_eq!(number("SELECT count(*) FROM rs_data_quality()"), 20);
        assert_eq!(
            text(
                "SELECT concat_ws('|', rows_loaded, rows_duplicate - rows_read + rows_rejected) FROM rs_generate_sales(60, 90, 7)"
            ),
            "0|0"
        );
        assert_eq!(
            number("SELECT count(*) FROM retailscope.fact_sales"),
            loaded
        );
        for call in [
            "rs_generate_sales(0, 90, 7)",
            "rs_generate_sales(-1)",
            "rs_generate_sales(days => 3651)",
        ] {
            assert_eq!(caught(&format!("SELECT {call}")).state, "22023", "{call}");
        }
    }

    #[pg_test]
    fn damage_is_found_by_the_reconciliation() {
        load_orders();
        Spi::run("SELECT rs_refresh_marts(); DELETE FROM retailscope.fact_sales WHERE invoice_no = '500003'").unwrap();
        assert_eq!(
            text("SELECT string_agg(check_name, ' ') FROM rs_data_quality() WHERE NOT ok"),
            "facts_rows facts_amount batches_mismatched"
        );
    }
}
