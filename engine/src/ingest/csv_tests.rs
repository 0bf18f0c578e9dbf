#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;

use crate::control::Free;
use crate::ingest::testing::{drain, open, read, read_with, real_data};
use crate::ingest::{FIELDS, Mapping, Options, RawBatch, open_file};

const HEADER: &str =
    "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n";
pub(super) const LINE: &str = "1,A,mug,2,2011-01-01,3.5,77,France\n";

pub(super) fn csv(lines: &str) -> String {
    format!("{HEADER}{lines}")
}

fn row(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|f| (*f).to_owned()).collect()
}

#[test]
fn a_plain_file_gives_its_lines_as_they_are() {
    let found = read(csv(
        " 1 ,A,mug,2,2011-01-01,3.5,,France\n2,B,,1,2011-01-02,1,8,Italy",
    ));
    assert_eq!(
        found.rows[0],
        (
            2,
            row(&[" 1 ", "A", "mug", "2", "2011-01-01", "3.5", "", "France"])
        )
    );
    assert_eq!(
        found.rows[1],
        (
            3,
            row(&["2", "B", "", "1", "2011-01-02", "1", "8", "Italy"])
        )
    );
    assert_eq!(
        found.raws,
        [
            " 1 ,A,mug,2,2011-01-01,3.5,,France",
            "2,B,,1,2011-01-02,1,8,Italy"
        ]
    );
    assert!(found.rejects.is_empty());
}

#[test]
fn crlf_blank_lines_and_a_mark_do_not_show() {
    let found = read(
        "\u{feff}Invoice,StockCode,Quantity,InvoiceDate,Price\r\n\r\n1,A,2,d,3\r\n\n\n2,B,\"4\",e,\"5\"\r\n\r\n",
    );
    let x = "~";
    assert_eq!(
        found.rows,
        [
            (3, row(&["1", "A", x, "2", "d", "3", x, x])),
            (6, row(&["2", "B", x, "4", "e", "5", x, x]))
        ]
    );
    assert_eq!(found.raws, ["1,A,2,d,3", "2,B,\"4\",e,\"5\""]);
}

#[test]
fn quotes_delimiters_and_newlines_inside_fields() {
    let found = read(csv(
        "1,A,\"RECORD FRAME 7\"\" SINGLE, \",2,d,3,,\"a\r\nb\n\nc\"\n2,5\" disk,x,1,d,1,,\"\"\n\"3\",B,,1,d,1,,y\n",
    ));
    assert_eq!(
        found.rows[0].1,
        row(&[
            "1",
            "A",
            "RECORD FRAME 7\" SINGLE, ",
            "2",
            "d",
            "3",
            "",
            "a\r\nb\n\nc"
        ])
    );
    assert_eq!(
        found.rows[1],
        (6, row(&["2", "5\" disk", "x", "1", "d", "1", "", ""]))
    );
    assert_eq!(
        found.rows[2],
        (7, row(&["3", "B", "", "1", "d", "1", "", "y"]))
    );
    assert_eq!(
        found.raws[0],
        "1,A,\"RECORD FRAME 7\"\" SINGLE, \",2,d,3,,\"a\r\nb\n\nc\""
    );
    assert!(found.rejects.is_empty());
}

#[test]
fn the_delimiter_is_found_or_given() {
    for d in [",", ";", "\t", "|"] {
        let text = csv(LINE).replace(',', d);
        assert_eq!(read(&text).rows[0].1[7], "France", "{d:?}");
    }
    let text = csv(LINE).replace(',', "~");
    assert_eq!(
        read_with("t.csv", text.as_bytes(), json!({"delimiter": "~"}))
            .unwrap()
            .rows[0]
            .1[0],
        "1"
    );
    // a comma inside a name must not win over the semicolons between names
    let text = "Invoice;StockCode;Quantity;InvoiceDate;Price;\"a,b,c,d,e,f,g,h\"\n1;A;2;d;3;z\n";
    assert_eq!(read(text).extras, ["a,b,c,d,e,f,g,h"]);
    assert_eq!(
        read(format!("sep=;\n{}", csv(LINE).replace(',', ";"))).rows[0].0,
        3
    );
}

#[test]
fn a_wrong_number_of_fields_is_refused() {
    let found = read(csv(
        "1,A,mug,2,d,3,77\n1,A,mug,2,d,3,77,France,x,y\n\"1\",A\n\"1\",,,,,,,,,\n1,A,mug,2,d,3,77,France\n",
    ));
    assert_eq!(
        found.reasons(),
        [
            "2: expected 8 fields, found 7",
            "3: expected 8 fields, found 10",
            "4: expected 8 fields, found 2",
            "5: expected 8 fields, found 10"
        ]
    );
    assert_eq!(found.rejects[0].raw, "1,A,mug,2,d,3,77");
    assert_eq!(found.rows.len(), 1);
    assert_eq!(found.rows[0].0, 6);
}

#[test]
fn a_header_alone_gives_no_line() {
    for text in [HEADER, HEADER.trim_end()] {
        let found = read(text);
        assert_eq!(
            (found.rows.len(), found.rejects.len(), found.batches),
            (0, 0, 0)
        );
    }
    let quoted = HEADER
        .trim_end()
        .split(',')
        .map(|n| format!("\" {n}\n\""))
        .collect::<Vec<_>>()
        .join(",");
    assert_eq!(read(format!("{quoted}\n{LINE}")).rows[0].0, 10);
}

#[test]
fn extras_and_constants_reach_every_row() {
    let text = "zone,Invoice,StockCode,Quantity,InvoiceDate,Price,area\nz1,1,A,2,d,3,a1\n\"z2\",2,B,2,d,3,\"a\"\"2\"\n";
    let mut source = open(
        "t.csv",
        text.as_bytes(),
        &json!({"country": {"value": "Chile"}}),
        &json!({}),
    )
    .unwrap();
    assert_eq!(source.extra_columns(), ["area", "zone"]);
    let found = drain(&mut *source).unwrap();
    assert_eq!(
        found.rows[0].1,
        row(&["1", "A", "~", "2", "d", "3", "~", "Chile", "a1", "z1"])
    );
    assert_eq!(
        found.rows[1].1,
        row(&["2", "B", "~", "2", "d", "3", "~", "Chile", "a\"2", "z2"])
    );
}

#[test]
fn batches_end_at_65536_lines_or_8_mb() {
    let bad = "x\n";
    let found = read(csv(&format!("{}{}", LINE.repeat(65_535), bad.repeat(3))));
    assert_eq!(
        (found.batches, found.rows.len(), found.rejects.len()),
        (2, 65_535, 3)
    );
    let long = format!("1,A,{},2,d,3,77,France\n", "m".repeat(1_000_000));
    let found = read(csv(&long.repeat(20)));
    assert_eq!((found.batches, found.rows.len()), (3, 20));
    let found = read(csv(&long.replace("77,", "").repeat(20)));
    assert_eq!((found.batches, found.rejects.len()), (3, 20));
}

/// A field as CSV, in quotes when it must be (or may be).
fn written(field: &str, always: bool) -> String {
    if always || field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

proptest! {
    #[test]
    fn what_is_written_as_csv_is_read_back(
        lines in prop::collection::vec((prop::collection::vec("[a\",\n\r ;\u{e9}\u{1f600}]{0,6}", FIELDS), any::<bool>()), 1..20),
        crlf in any::<bool>(),
        last in any::<bool>(),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = HEADER.replace('\n', end);
        for (i, (fields, always)) in lines.iter().enumerate() {
            let line = fields.iter().map(|f| written(f, *always)).collect::<Vec<_>>().join(",");
            text.push_str(&line);
            if i + 1 < lines.len() || last { text.push_str(end) }
        }
        let found = read(&text);
        prop_assert!(found.rejects.is_empty(), "{:?}", found.rejects);
        let rows: Vec<Vec<String>> = found.rows.into_iter().map(|r| r.1).collect();
        let expected: Vec<Vec<String>> = lines.into_iter().map(|l| l.0).collect();
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn any_bytes_end_and_lose_no_line(
        bytes in prop::collection::vec(prop::sample::select(&b"a,\"\n\r\0\xff\xc3\xa9"[..]), 0..400),
        limit in 64_u64..200,
    ) {
        let text = [HEADER.as_bytes(), &bytes].concat();
        let found = read_with("t.csv", &text, json!({"max_line_bytes": limit.max(100)}));
        // with too many NULs the file is refused as a whole
        if let Ok(found) = found {
            let physical = bytes.split(|b| *b == b'\n').filter(|l| !matches!(l, [] | [b'\r'])).count();
            let inside: usize = found.raws.iter().chain(found.rejects.iter().map(|r| &r.raw))
                .map(|r| r.split('\n').skip(1).filter(|l| !matches!(l.as_bytes(), [] | [b'\r'])).count()).sum();
            prop_assert_eq!(found.rows.len() + found.rejects.len() + inside, physical);
        }
    }
}

#[test]
fn the_real_file_has_its_lines_and_none_refused() {
    let Some(path) = real_data("online_retail_ii/online_retail_II.csv.zst") else {
        return;
    };
    let file = std::fs::File::open(&path).unwrap();
    let mut source = open_file(
        file,
        "x.csv.zst",
        &Mapping::default(),
        &Options::default(),
        &Free,
    )
    .unwrap();
    let (mut rows, mut last, mut batch) = (0, 0, RawBatch::new(0));
    while source.next_batch(&mut batch, &Free).unwrap() {
        rows += batch.rows();
        last = *batch.line_no.last().unwrap();
        assert_eq!(batch.rejects, []);
    }
    assert_eq!((rows, last), (1_067_371, 1_067_372));
    let size = std::fs::metadata(&path).unwrap().len();
    assert_eq!(source.position(), (size, size));
    use sha2::Digest;
    let expected: [u8; 32] = sha2::Sha256::digest(std::fs::read(&path).unwrap()).into();
    assert_eq!(source.content_hash(), expected);
}

#[test]
fn the_real_dirty_file_loses_47_lines_without_its_encoding() {
    let Some(path) = real_data("online_retail_ii/dirty_2009_2010.cp1252.csv.zst") else {
        return;
    };
    let mut counts = Vec::new();
    for options in [
        json!({}),
        json!({"encoding": "windows-1252"}),
        json!({"encoding": "cp1252"}),
    ] {
        let file = std::fs::File::open(&path).unwrap();
        let options = Options::parse(&options).unwrap();
        let mut source =
            open_file(file, "x.csv.zst", &Mapping::default(), &options, &Free).unwrap();
        let (mut rows, mut refused, mut batch) = (0, 0, RawBatch::new(0));
        while source.next_batch(&mut batch, &Free).unwrap() {
            rows += batch.rows();
            refused += batch.rejects.len();
            assert!(
                batch
                    .rejects
                    .iter()
                    .all(|r| r.reason.starts_with("not valid UTF-8")),
                "{:?}",
                batch.rejects
            );
        }
        counts.push((rows, refused));
    }
    assert_eq!(counts, [(525_461 - 47, 47), (525_461, 0), (525_461, 0)]);
}
