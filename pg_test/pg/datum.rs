//! Values that we encode by ourselves are the ones that PostgreSQL would have made.

use crate::pg::bulk::{BulkInsert, Indexes};
use crate::pg::cursor::for_each_batch;
use crate::pg::datum::Varlena;
use pgrx::prelude::*;
use retailscope_engine::clean::decimal::format_decimal;

/// Appends one varlena value a row, with its number.
fn append(table: &std::ffi::CStr, kind: pg_sys::Oid, values: &Varlena, offsets: &[u32]) {
    let columns = [("id", pg_sys::INT8OID), ("value", kind)];
    let mut bulk = BulkInsert::open(c"public", table, &columns, &[], Indexes::Maintain)
        .unwrap()
        .unwrap();
    bulk.insert(offsets.len(), |row, datums| {
        datums[0] = pg_sys::Datum::from(row as i64);
        let pointer = values.at(offsets[row]).unwrap().as_ptr().cast_mut();
        datums[1] = pg_sys::Datum::from(pointer.cast::<std::ffi::c_void>());
    });
    bulk.finish();
}

/// Edges and a few thousand numbers from a fixed multiplicative sequence.
fn mantissas() -> Vec<i128> {
    let mut all = vec![
        0,
        1,
        9,
        10,
        99,
        9_999,
        10_000,
        10_001,
        99_990_000,
        1_0000_0000_0001,
    ];
    for power in 0..38 {
        let unit = 10i128.pow(power);
        all.extend([unit, unit - 1, unit + 1, unit * 3]);
    }
    all.push(99_999_999_999_999_999_999_999_999_999_999_999_999);
    let mut state = 42u128;
    for _ in 0..3000 {
        state = state
            .wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645)
            .wrapping_add(1);
        let digits = (state >> 120) as u32 % 38 + 1;
        all.push(((state >> 1) % 10u128.pow(digits)) as i128);
    }
    all
}

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{number, text};

    #[pg_test]
    fn numerics_are_postgres_own_bytes() {
        Spi::run("CREATE TABLE public.numerics (id bigint, value numeric)").unwrap();
        let mut values = Varlena::default();
        let (mut offsets, mut texts) = (Vec::new(), Vec::new());
        for mantissa in super::mantissas() {
            for sign in [1, -1] {
                for scale in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 38] {
                    offsets.push(values.numeric(sign * mantissa, scale));
                    texts.push(format_decimal(sign * mantissa, scale));
                }
            }
        }
        let count = i64::try_from(texts.len()).unwrap();
        assert!(count > 70_000);
        append(c"numerics", pg_sys::NUMERICOID, &values, &offsets);
        assert_eq!(number("SELECT count(*) FROM public.numerics"), count);
        // The planner takes the array for a hundred rows: without this it joins 90,000 rows with as many, one by one.
        Spi::run("SET LOCAL enable_nestloop = off").unwrap();
        // numeric_send shows sign, weight, display scale and every digit.
        let wrong = Spi::get_one_with_args::<String>(
            "SELECT string_agg(format('%s became %s', e.text, n.value), '; ')
             FROM (SELECT * FROM unnest($1::text[]) WITH ORDINALITY AS e(text, id)
                   JOIN public.numerics n ON n.id = e.id - 1
                   WHERE numeric_send(n.value) <> numeric_send(trim_scale(e.text::numeric)) LIMIT 10) AS e(text, ord, id, value),
                  LATERAL (SELECT e.value) AS n(value)",
            &[texts.into()],
        )
        .unwrap();
        assert_eq!(wrong, None);
        // What is stored is as small as PostgreSQL stores it.
        assert_eq!(
            number(
                "SELECT count(*) FROM public.numerics n WHERE pg_column_size(n.value) > pg_column_size((n.value + 0)::numeric)"
            ),
            0
        );
    }

    #[pg_test]
    fn texts_of_every_header_and_size() {
        Spi::run("CREATE TABLE public.texts (id bigint, value text)").unwrap();
        let lengths = [
            0usize, 1, 2, 3, 125, 126, 127, 128, 129, 2_000, 8_192, 70_000,
        ];
        let mut values = Varlena::default();
        // Equal bytes compress, mixed ones do not and leave the row for the TOAST table.
        let mut offsets: Vec<u32> = lengths
            .iter()
            .map(|&n| values.text(&"x".repeat(n)))
            .collect();
        let mut state = 1u64;
        let mixed: String = (0..70_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                char::from(b' ' + (state >> 33) as u8 % 95)
            })
            .collect();
        offsets.push(values.text(&mixed));
        offsets.push(values.text("z\u{fc}rich \u{20ac}"));
        append(c"texts", pg_sys::TEXTOID, &values, &offsets);
        for (id, length) in lengths.iter().enumerate() {
            assert_eq!(
                number(&format!(
                    "SELECT count(*) FROM public.texts WHERE id = {id} AND octet_length(value) = {length} AND value = repeat('x', {length})"
                )),
                1,
                "length {length}"
            );
        }
        let same = Spi::get_one_with_args::<bool>(
            "SELECT value = $1 FROM public.texts WHERE id = 12",
            &[mixed.into()],
        );
        assert_eq!(same, Ok(Some(true)));
        assert!(
            number("SELECT pg_column_size(value)::bigint FROM public.texts WHERE id = 11") < 10_000
        );
        assert!(
            number("SELECT pg_column_size(value)::bigint FROM public.texts WHERE id = 12") > 60_000
        );
        assert_eq!(
            text("SELECT value FROM public.texts WHERE id = 13"),
            "z\u{fc}rich \u{20ac}"
        );
        assert!(
            number(
                "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'public.texts'::regclass"
            ) > 60_000
        );
    }

    #[pg_test]
    fn ten_thousandths_are_postgres_own_rounding() {
        let sql = "SELECT v, round(v * 10000)::bigint FROM (
                VALUES (0::numeric), (0.00005), (0.000049999), (-0.00005), (1), (-1), (9999.9999), (9999.99995), (10000), (1e8), (123456789012.3456),
                       (-42949672.96), (1e-20), (0.0001), (1e14), (922337203685477.5807), (0.10::numeric(20, 10)), (100000000.00000001)
                UNION ALL SELECT ((i * 7919) % 1000003 - 500000) * power(10::numeric, i % 13 - 9) FROM generate_series(1, 3000) AS i) AS t (v)";
        let mut seen = 0;
        for_each_batch(sql, &[], |rows| {
            for at in 0..rows.len() {
                let row = rows.row::<2>(at).unwrap();
                assert_eq!(row.ten_thousandths(0), rows.i64(at, 1), "row {}", seen + at);
            }
            seen += rows.len();
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, 3_018);
        let sql = "SELECT v FROM (VALUES ('NaN'::numeric), (NULL), ('Infinity'), (1e300)) AS t (v)";
        for_each_batch(sql, &[], |rows| {
            let all: Vec<Option<i64>> = (0..rows.len())
                .map(|at| rows.row::<1>(at).unwrap().ten_thousandths(0))
                .collect();
            assert_eq!(all, [None, None, None, Some(i64::MAX)]);
            // Not of so many columns, and no such row.
            assert!(rows.row::<2>(0).is_none() && rows.row::<1>(4).is_none());
            Ok(())
        })
        .unwrap();
    }
}
