#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use crate::control::testing::Probe;
use crate::control::{Free, Stop};
use crate::error::{Class, Classified};
use crate::ingest::testing::{Read as Lines, file_of, read_with};
use crate::ingest::{Mapping, Options, RawBatch, open_file};

const HEADER: &str = "Invoice,StockCode,Quantity,InvoiceDate,Price\n";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).unwrap()
}

fn read(name: &str, bytes: &[u8]) -> Result<Lines, IngestError> {
    read_with(name, bytes, json!({}))
}

fn lines(n: usize) -> Vec<u8> {
    let mut text = HEADER.as_bytes().to_vec();
    for i in 0..n {
        writeln!(text, "{i},A{},1,2011-01-01,{}", i % 97, i * 7 % 1_000).unwrap();
    }
    text
}

#[test]
fn packed_files_give_what_plain_files_give() {
    let text = lines(100_000);
    let (one, two) = text.split_at(1_000_003);
    let plain = read("t.csv", &text).unwrap();
    assert_eq!(plain.rows.len(), 100_000);
    let named = GzBuilder::new()
        .filename("sales.csv")
        .comment("an export")
        .extra(vec![1, 2, 3]);
    let mut header = named.write(Vec::new(), Compression::fast());
    header.write_all(one).unwrap();
    let header = header.finish().unwrap();
    let skippable = [&b"\x50\x2a\x4d\x18\x03\0\0\0abc"[..], &zstd(&text)].concat();
    for (name, bytes) in [
        ("t.csv.gz", gzip(&text)),
        ("t.csv.gz", [gzip(one), gzip(b""), gzip(two)].concat()),
        ("t.csv.gz", [header, gzip(two)].concat()),
        ("t.csv.gz", [gzip(&text), vec![0; 1_000]].concat()),
        ("t.csv.zst", zstd(&text)),
        ("t.csv.zst", [zstd(one), zstd(b""), zstd(two)].concat()),
        ("t.csv.zst", skippable),
    ] {
        let found = read(name, &bytes).unwrap();
        assert_eq!(
            (found.rows == plain.rows, found.raws == plain.raws),
            (true, true),
            "{name}"
        );
        assert_eq!(found.hash, <[u8; 32]>::from(Sha256::digest(&bytes)));
    }
    assert_eq!(plain.hash, <[u8; 32]>::from(Sha256::digest(&text)));
}

#[test]
fn a_cut_or_changed_stream_is_an_error_and_not_an_end() {
    let text = lines(2_000);
    for (name, whole) in [("t.csv.gz", gzip(&text)), ("t.csv.zst", zstd(&text))] {
        for cut in (5..whole.len())
            .step_by(101)
            .chain(whole.len() - 9..whole.len())
        {
            let error = read(name, &whole[..cut]).unwrap_err();
            assert_eq!(error.class(), Class::BadData, "{name} at {cut}: {error}");
            assert!(
                error.to_string().contains("cut off"),
                "{name} at {cut}: {error}"
            );
        }
        let error = read(name, &[&whole[..], b"more"].concat()).unwrap_err();
        assert_eq!(error.class(), Class::BadData, "{error}");
    }
    let mut wrong = gzip(&text);
    let at = wrong.len() - 6;
    wrong[at] ^= 1;
    let error = read("t.csv.gz", &wrong).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"t.csv.gz\" is damaged: the gzip checksum does not match"
    );
    assert!(error.hint().is_some());
}

#[test]
fn a_bomb_is_refused_before_it_is_whole() {
    // one line without an end
    let mut writer = zstd::Encoder::new(Vec::new(), 1).unwrap();
    writer.write_all(HEADER.as_bytes()).unwrap();
    let block = vec![b'x'; 1 << 20];
    (0..600).for_each(|_| writer.write_all(&block).unwrap());
    let bytes = writer.finish().unwrap();
    let error = read("t.csv.zst", &bytes).unwrap_err();
    assert_eq!(error.class(), Class::LimitExceeded, "{error}");
    assert!(
        matches!(error, IngestError::Explodes { out, .. } if out < 260 << 20),
        "{error}"
    );
}

#[test]
fn a_window_over_the_limit_is_refused() {
    let text = lines(1_000);
    for (log, fits) in [(27, true), (28, false)] {
        let mut writer = zstd::Encoder::new(Vec::new(), 1).unwrap();
        writer.window_log(log).unwrap();
        writer.write_all(&text).unwrap();
        let bytes = writer.finish().unwrap();
        match read("t.csv.zst", &bytes) {
            Ok(found) => assert!(fits && found.rows.len() == 1_000),
            Err(error) => {
                assert!(!fits);
                assert_eq!(
                    error.to_string(),
                    "\"t.csv.zst\" needs a zstd window of more than 134217728 bytes"
                );
                assert_eq!(error.class(), Class::LimitExceeded);
                assert!(error.hint().unwrap().contains("without --long"));
            }
        }
    }
}

#[test]
fn a_stream_of_empty_members_can_be_cancelled() {
    let bytes = [
        gzip(HEADER.as_bytes()),
        gzip(b"").repeat(50_000),
        gzip(b"1,A,1,d,2\n"),
    ]
    .concat();
    assert_eq!(read("t.csv.gz", &bytes).unwrap().rows.len(), 1);
    let (m, o) = (Mapping::default(), Options::default());
    let mut source = open_file(file_of(&bytes), "t.csv.gz", &m, &o, &Free).unwrap();
    let stop = Probe::stopping_after(10);
    let error = source.next_batch(&mut RawBatch::new(0), &stop).unwrap_err();
    assert!(matches!(error, IngestError::Stopped(Stop::Cancelled)));
}

proptest! {
    #[test]
    fn any_bytes_after_the_magic_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), changed in any::<prop::sample::Index>(), to in any::<u8>()) {
        for (name, magic) in [("t.csv.gz", &b"\x1f\x8b\x08"[..]), ("t.csv.zst", b"\x28\xb5\x2f\xfd")] {
            let _ = read(name, &[magic, &bytes].concat());
        }
        let text = lines(50);
        for (name, mut whole) in [("t.csv.gz", gzip(&text)), ("t.csv.zst", zstd(&text))] {
            let at = changed.index(whole.len());
            whole[at] = to;
            if let Ok(found) = read(name, &whole) {
                prop_assert!(found.rows.len() + found.rejects.len() <= text.len());
            }
        }
    }
}
