//! Rows in batches: every row once, whatever its width, and nothing left open.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg::Failure;
    use crate::pg::cursor::for_each_batch;
    use crate::pg_test_suite::number;

    #[pg_test]
    fn a_cursor_gives_every_row_once() {
        let (mut batches, mut rows_seen, mut sum, mut largest) = (0, 0, 0i64, 0);
        for_each_batch(
            "SELECT i::bigint, i::integer, i % 3 = 0, md5(i::text)::uuid, nullif(i::text, '7') FROM generate_series(1, 20000) i",
            &[],
            |rows| {
                batches += 1;
                largest = largest.max(rows.len());
                for row in 0..rows.len() {
                    let i = rows.i64(row, 0).unwrap();
                    rows_seen += 1;
                    assert_eq!(i, rows_seen);
                    assert_eq!(rows.i32(row, 1).map(i64::from), Some(i));
                    assert_eq!(rows.bool(row, 2), Some(i % 3 == 0));
                    let expected = (i != 7).then(|| i.to_string());
                    assert_eq!(rows.text(row, 4), expected.as_ref().map(String::as_bytes));
                    sum += i;
                }
                assert_eq!(rows.i64(rows.len(), 0), None, "beyond the last row");
                Ok(())
            },
        )
        .unwrap();
        assert_eq!((rows_seen, sum), (20_000, 200_010_000));
        assert!(
            largest <= 8192 && (3..10).contains(&batches),
            "{batches} batches of up to {largest}"
        );
    }

    #[pg_test]
    fn a_uuid_is_read_in_its_own_order() {
        let mut found = None;
        for_each_batch(
            "SELECT '00112233-4455-6677-8899-aabbccddeeff'::uuid",
            &[],
            |rows| {
                found = rows.uuid(0, 0);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(found, Some(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff));
    }

    #[pg_test]
    fn toasted_texts_are_unpacked_and_memory_stays_flat() {
        Spi::run(
            "CREATE TABLE public.wide (i integer, out_of_line text, compressed text);
             ALTER TABLE public.wide ALTER out_of_line SET STORAGE EXTERNAL;
             INSERT INTO public.wide SELECT i, repeat(md5(i::text), 625), repeat(md5(i::text), 3000) FROM generate_series(1, 9000) i",
        )
        .unwrap();
        let mut rows_seen = 0;
        let mut peak = 0;
        for_each_batch(
            "SELECT md5(w.i::text), w.out_of_line, w.compressed FROM public.wide w ORDER BY w.i",
            &[],
            |rows| {
                for row in 0..rows.len() {
                    let digest = rows.text(row, 0).unwrap().to_vec();
                    assert_eq!(rows.text(row, 1).unwrap(), digest.repeat(625));
                    assert_eq!(rows.text(row, 2).unwrap(), digest.repeat(3000));
                    rows_seen += 1;
                }
                peak = peak.max(number(
                    "SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts WHERE name = 'retailscope cursor batch'",
                ));
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(rows_seen, 9000);
        // 9,000 rows unpack to 1 GB.
        assert!(peak < 64 << 20, "a batch took {peak} bytes");
    }

    #[pg_test]
    fn a_failure_in_a_batch_leaves_no_cursor_open() {
        let failed = for_each_batch("SELECT i FROM generate_series(1, 20000) i", &[], |_| {
            Err(Failure::invalid("enough"))
        });
        assert_eq!(failed.unwrap_err().message(), "enough");
        assert_eq!(number("SELECT count(*) FROM pg_cursors"), 0);
        // The session's SPI is as before.
        assert_eq!(number("SELECT 7::bigint"), 7);
    }

    #[pg_test]
    fn arguments_may_be_null() {
        let mut seen = None;
        for_each_batch(
            "SELECT coalesce($1, 'none'), $2 + 1",
            &[None::<&str>.into(), 41i64.into()],
            |rows| {
                seen = Some((rows.text(0, 0).unwrap().to_vec(), rows.i64(0, 1)));
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(seen, Some((b"none".to_vec(), Some(42))));
    }
}
