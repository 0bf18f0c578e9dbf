#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;

use super::tests::{LINE, csv};
use crate::control::testing::Probe;
use crate::control::{Free, Stop};
use crate::error::{Class, Classified};
use crate::ingest::testing::{file_of, read, read_with};
use crate::ingest::{IngestError, Mapping, Options, RawBatch, open_file};

#[test]
fn one_stray_quote_costs_one_line() {
    let good = LINE.repeat(3);
    let found = read(csv(&format!("9,\"A,mug,2,d,3,77,France\n{good}")));
    assert_eq!(
        found.rows.iter().map(|r| r.0).collect::<Vec<_>>(),
        [3, 4, 5]
    );
    assert_eq!(
        found.reasons(),
        ["2: unbalanced quote: the file ends inside it"]
    );
    assert_eq!(found.rejects[0].raw, "9,\"A,mug,2,d,3,77,France");
    // two of them: the first closes at the second
    let stray = "9,A,\"mug,2,d,3,77,France\n";
    let found = read(csv(&format!("{stray}{good}{stray}{good}")));
    assert_eq!(found.rows.len(), 6);
    assert_eq!(
        found.reasons()[1],
        "6: unbalanced quote: the file ends inside it"
    );
    let how = "runs over several lines and has text after a closing quote";
    assert_eq!(
        found.reasons()[0],
        format!("2: unbalanced quote: the record that starts here {how}")
    );
    // a sound field in quotes further down is not taken for the end of the stray one
    let found = read(csv(&format!(
        "{stray}{good}1,A,\"a, b\",2,d,3,77,France\n{good}"
    )));
    assert_eq!((found.rows.len(), found.reasons().len()), (7, 1));
    assert_eq!(found.rows[3].1[2], "a, b");
    // on the last line, with and without an end
    for end in ["", "\n"] {
        let found = read(csv(&format!("{LINE}9,\"A{end}")));
        assert_eq!(
            found.reasons(),
            ["3: unbalanced quote: the file ends inside it"]
        );
    }
    // a record that would be too long
    let text = csv(&format!("9,\"A\n{}", LINE.repeat(50)));
    let found = read_with("t.csv", text.as_bytes(), json!({"max_line_bytes": 200})).unwrap();
    assert_eq!(
        found.reasons(),
        ["2: unbalanced quote: the record that starts here is longer than 200 bytes"]
    );
    assert_eq!(found.rows.len(), 50);
}

#[test]
fn lines_that_open_quotes_do_not_cost_their_square() {
    // each line, read from inside a quote, closes it and opens the next: the worst that a line can do
    for line in [
        "x\",\"\n",
        "\"\n",
        "a,\"b\n",
        "\"\"\"\n",
        "\",\"\"\"\n",
        "a,\"b\n\nccccccccc\n",
    ] {
        let text = csv(&line.repeat((1 << 20) / line.len()));
        let control = Probe::patient();
        let (m, o) = (Mapping::default(), Options::default());
        let mut source = open_file(file_of(text.as_bytes()), "t.csv", &m, &o, &control).unwrap();
        let mut batch = RawBatch::new(0);
        while source.next_batch(&mut batch, &control).unwrap() {}
        let looks = control.looks();
        // a look comes after every MiB worked on, and with every block read
        // 1 MiB gone over at most 10 times; a square would be a hundred thousand MiB
        assert!(looks < 40, "{line:?}: {looks}");
    }
}

#[test]
fn long_lines_are_refused_and_cut() {
    let long = format!("1,A,{},2,d,3,77,France\n", "m".repeat(5_000));
    for quoted in [
        long.clone(),
        long.replace("A,m", "A,\"m"),
        long.replace("m,2", "m\r,2"),
    ] {
        let text = csv(&format!("{LINE}{quoted}{LINE}"));
        let found = read_with("t.csv", text.as_bytes(), json!({"max_line_bytes": 4_000})).unwrap();
        assert_eq!(found.reasons(), ["3: the line is longer than 4000 bytes"]);
        assert_eq!(found.rejects[0].raw, quoted[..1_000]);
        assert_eq!(found.rows.iter().map(|r| r.0).collect::<Vec<_>>(), [2, 4]);
    }
    // exactly at the limit, with either line end
    for end in ["\n", "\r\n"] {
        let exact = format!("1,A,{},2,d,3,77,France", "m".repeat(3_980));
        assert_eq!(exact.len(), 4_000);
        let options = json!({"max_line_bytes": 4_000});
        let text = csv(&format!("{exact}{end}{exact}x{end}"));
        let found = read_with("t.csv", text.as_bytes(), options).unwrap();
        assert_eq!(
            (found.rows.len(), found.reasons()),
            (1, vec!["3: the line is longer than 4000 bytes".to_owned()])
        );
    }
    // a line of 30 MB without an end is not held
    let mut text = csv(LINE).into_bytes();
    text.resize(30 << 20, b'x');
    let found = read(&text);
    assert_eq!((found.rows.len(), found.rejects.len()), (1, 1));
}

#[test]
fn bytes_that_are_not_text_cost_their_line() {
    let text = [
        csv(LINE).as_bytes(),
        b"2,B,caf\xe9,1,d,1,7,Peru\n3,B,\"caf\xe9\",1,d,1,7,Peru\n4,B,\0,1,d,1,7,Peru\n",
    ]
    .concat();
    let found = read(&text);
    assert_eq!(
        found.reasons(),
        [
            "3: not valid UTF-8 (give options encoding)",
            "4: not valid UTF-8 (give options encoding)",
            "5: the line holds a NUL byte"
        ]
    );
    assert_eq!(found.rejects[0].raw, "2,B,caf\\xE9,1,d,1,7,Peru");
    let found = read_with("t.csv", &text, json!({"encoding": "cp1252"})).unwrap();
    assert_eq!(found.rows[1].1[2], "caf\u{e9}");
    assert_eq!(found.rows[2].1[2], "caf\u{e9}");
    assert_eq!(found.raws[1], "2,B,caf\u{e9},1,d,1,7,Peru");
    assert_eq!(found.reasons(), ["5: the line holds a NUL byte"]);
}

#[test]
fn other_encodings_are_decoded_before_they_are_split() {
    // in Shift_JIS the second byte of this character is `|`, in GBK `\` and letters occur
    let text = csv("1,A,\u{30dd}\u{30df}\u{8868},2,d,3,7,\u{65e5}\u{672c}\n").replace(',', "|");
    for encoding in [
        "shift_jis",
        "gb18030",
        "gbk",
        "big5",
        "euc-jp",
        "iso-2022-jp",
        "utf-8",
    ] {
        let known = encoding_rs::Encoding::for_label(encoding.as_bytes()).unwrap();
        let (bytes, _, lost) = known.encode(&text);
        if lost {
            assert_eq!(encoding, "big5");
            continue;
        }
        let found = read_with("t.csv", &bytes, json!({"encoding": encoding})).unwrap();
        assert_eq!(found.rows[0].1[2], "\u{30dd}\u{30df}\u{8868}", "{encoding}");
        assert_eq!(found.rows[0].1[7], "\u{65e5}\u{672c}", "{encoding}");
    }
    // a sequence that the encoding does not have costs its line
    let mut bytes = csv("1,A,x").into_bytes();
    bytes.extend_from_slice(b"\x81\x20,2,d,3,7,y\n");
    bytes.extend_from_slice(LINE.as_bytes());
    let found = read_with("t.csv", &bytes, json!({"encoding": "shift_jis"})).unwrap();
    assert_eq!(found.reasons(), ["2: not valid Shift_JIS"]);
    assert_eq!(found.rows.len(), 1);
}

#[test]
fn utf_16_is_read_by_its_mark_or_the_option() {
    let text = csv(&"1,A,\u{20ac}\u{1f600},2,d,3,7,France\n".repeat(30_000));
    let wide = |big: bool| -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|u| {
                if big {
                    u.to_be_bytes()
                } else {
                    u.to_le_bytes()
                }
            })
            .collect()
    };
    for (mark, big, option) in [
        (&b"\xff\xfe"[..], false, json!({})),
        (b"\xfe\xff", true, json!({"encoding": "cp1252"})),
        (b"", false, json!({"encoding": "utf-16le"})),
        (b"", true, json!({"encoding": "utf-16be"})),
    ] {
        let found = read_with("t.csv", &[mark, &wide(big)].concat(), option).unwrap();
        assert_eq!((found.rows.len(), found.rejects.len()), (30_000, 0));
        assert!(found.rows.iter().all(|r| r.1[2] == "\u{20ac}\u{1f600}"));
    }
    let error = read_with("t.csv", &wide(false), json!({})).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("looks like UTF-16 without a byte order mark")
    );
    assert!(error.hint().unwrap().contains("utf-16le"));
    // cut in the middle of a unit
    let mut cut = [&b"\xff\xfe"[..], &wide(false)].concat();
    cut.pop();
    let found = read_with("t.csv", &cut, json!({})).unwrap();
    assert_eq!((found.rows.len(), found.reasons().len()), (29_999, 1));
    assert!(found.reasons()[0].contains("not valid UTF-16LE"));
}

#[test]
fn a_file_that_is_no_csv_is_refused_with_the_reason() {
    let junk: Vec<u8> = (0..20_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 & 0x7f)
        .collect();
    for (bytes, words) in [
        (&junk[..], "looks like binary data (it holds NUL bytes)"),
        (b"\n\n\r\n", "\"t.csv\" is empty"),
        (
            b"a\xff,b\n1,2\n",
            "the header of \"t.csv\" is not valid UTF-8",
        ),
        (
            b"\"a,b\n1,2\n",
            "the header of \"t.csv\" has an unbalanced quote",
        ),
        (b"Invoice,b\r1,2\r", "carriage return without a line feed"),
    ] {
        let error = read_with("t.csv", bytes, json!({})).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.class(), Class::BadData);
        assert!(error.hint().is_some());
    }
    let wide = (0..2_000)
        .map(|i| i.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let error = read_with("t.csv", wide.as_bytes(), json!({})).unwrap_err();
    assert_eq!(error.to_string(), "2000 columns, the limit is 1600");
    let error = read_with("t.csv", &vec![b'x'; 3 << 20], json!({})).unwrap_err();
    assert!(error.to_string().contains("is longer than 1048576 bytes"));
}

#[test]
fn a_cancel_is_obeyed() {
    let text = csv(LINE);
    let (m, o) = (Mapping::default(), Options::default());
    assert!(matches!(
        open_file(
            file_of(text.as_bytes()),
            "t.csv",
            &m,
            &o,
            &Probe::stopping_after(0)
        ),
        Err(IngestError::Stopped(Stop::Cancelled))
    ));
    let mut source = open_file(file_of(text.as_bytes()), "t.csv", &m, &o, &Free).unwrap();
    let error = source
        .next_batch(&mut RawBatch::new(0), &Probe::stopping_after(0))
        .unwrap_err();
    assert_eq!(error.class(), Class::Cancelled);
}
