//! Manifests: back to the same, and refused when they contradict themselves.

use serde_json::{Value, json};

use crate::error::{Class, Classified};
use crate::lake::manifest::MAX_BYTES;
use crate::lake::{
    BatchRecord, FileRecord, LakeError, Manifest, RejectsRecord, data_path, rejects_path,
};

fn manifest() -> Manifest {
    let file = |month, rows, amount: &str| FileRecord {
        path: data_path(2010, month, 7, 0),
        year: 2010,
        month,
        rows,
        amount: amount.into(),
        bytes: 1_234,
        crc32c: u32::MAX,
    };
    Manifest {
        format: 1,
        batch: BatchRecord {
            batch_id: 7,
            source: "/data/übung.csv".into(),
            content_hash: Some("ab12".into()),
            started_at: "2026-10-19T10:00:00.123456+00:00".into(),
            finished_at: "2026-10-19T10:00:09+00:00".into(),
            rows_read: 15,
            rows_loaded: 10,
            rows_duplicate: 3,
            rows_rejected: 2,
            amount_read: "98.7654321000".into(),
            amount_loaded: "100.5".into(),
            amount_duplicate: "-1.7345679".into(),
            gross_revenue: "120".into(),
            net_revenue: "100.50".into(),
            first_date: Some("2010-01-31".into()),
            last_date: Some("2010-02-01".into()),
            mapping: json!({"Invoice": "invoice_no"}),
            options: json!({"date_format": ["%d/%m/%Y"], "rules": true}),
            loaded_by: "analyst".into(),
        },
        files: vec![file(1, 4, "-20.25"), file(2, 6, "120.7500000000")],
        rejects: Some(RejectsRecord {
            path: rejects_path(7),
            rows: 2,
            bytes: 99,
            crc32c: 5,
        }),
    }
}

#[test]
fn a_manifest_comes_back() {
    let one = manifest();
    assert_eq!(Manifest::parse(&one.to_json()).unwrap(), one);
    assert_eq!(one.to_json(), manifest().to_json());
}

#[test]
fn a_batch_that_loaded_nothing_has_a_manifest_too() {
    let mut m = manifest();
    m.files.clear();
    m.rejects = None;
    let b = &mut m.batch;
    (
        b.rows_read,
        b.rows_loaded,
        b.rows_duplicate,
        b.rows_rejected,
    ) = (3, 0, 3, 0);
    (b.amount_read, b.amount_loaded) = (b.amount_duplicate.clone(), "0".into());
    (b.first_date, b.last_date, b.content_hash) = (None, None, None);
    assert_eq!(Manifest::parse(&m.to_json()).unwrap(), m);
}

#[test]
fn contradictions_are_refused() {
    let changes: [(&str, Value); 30] = [
        ("/batch/batch_id", json!(-7)),
        ("/batch/batch_id", json!(8)),
        ("/batch/rows_read", json!(16)),
        ("/batch/rows_loaded", json!(11)),
        ("/batch/rows_duplicate", json!(u64::MAX)),
        ("/batch/rows_rejected", json!(-2)),
        ("/batch/amount_read", json!("98.7654321001")),
        ("/batch/amount_loaded", json!("NaN")),
        ("/batch/amount_duplicate", json!("")),
        ("/batch/gross_revenue", json!("1e9")),
        ("/batch/net_revenue", json!(1.5)),
        ("/batch/first_date", json!(null)),
        ("/batch/first_date", json!("2010-02-02")),
        ("/batch/last_date", json!("2010-13-01")),
        ("/batch/last_date", json!("2011-é1-1")),
        ("/batch/source", json!("a\0b")),
        ("/batch/mapping", json!([1])),
        ("/batch/options", json!({"a": "\0"})),
        ("/batch/loaded_by", json!(null)),
        ("/files/0/path", json!("../../etc/passwd")),
        (
            "/files/0/path",
            json!("year=2010/month=01/../batch-00000007-0.parquet"),
        ),
        (
            "/files/0/path",
            json!("year=2010/month=02/batch-00000007-0.parquet"),
        ),
        ("/files/0/year", json!(2011)),
        ("/files/0/rows", json!(5)),
        ("/files/0/amount", json!("-20.26")),
        ("/files/0/crc32c", json!(1_u64 << 32)),
        (
            "/files/1",
            serde_json::to_value(&manifest().files[0]).unwrap(),
        ),
        (
            "/rejects/path",
            json!("_retailscope/batch-00000008.rejects.jsonl.zst"),
        ),
        ("/rejects/rows", json!(1)),
        ("/rejects", json!(null)),
    ];
    for (place, value) in changes {
        let mut json: Value = serde_json::from_slice(&manifest().to_json()).unwrap();
        *json.pointer_mut(place).unwrap() = value.clone();
        let error = Manifest::parse(json.to_string().as_bytes()).expect_err(place);
        assert_eq!(error.class(), Class::Corrupted, "{place} {value}: {error}");
    }
}

#[test]
fn hostile_bytes_are_refused() {
    let json = manifest().to_json();
    for n in 0..json.len() - 2 {
        assert!(Manifest::parse(&json[..n]).is_err(), "{n}");
    }
    let deep = format!("{{\"format\":1,\"batch\":{}", "[".repeat(1_000_000));
    assert!(Manifest::parse(deep.as_bytes()).is_err());
    assert!(Manifest::parse(&vec![b' '; MAX_BYTES + 1]).is_err());
    let mut nested = json!({});
    for _ in 0..20 {
        nested = json!({ "a": nested });
    }
    let mut m = manifest();
    m.batch.options = nested;
    assert!(Manifest::parse(&m.to_json()).is_err());
    let mut unknown: Value = serde_json::from_slice(&json).unwrap();
    unknown["extra"] = json!(1);
    assert!(Manifest::parse(unknown.to_string().as_bytes()).is_err());
}

#[test]
fn the_version_is_looked_at_first() {
    let error = Manifest::parse(br#"{"format": 2, "new": {"shape": []}}"#).unwrap_err();
    assert!(
        matches!(&error, LakeError::UnknownVersion { found, known: 1 } if found == "2"),
        "{error}"
    );
    assert!(matches!(
        Manifest::parse(br#"{"format": "1"}"#),
        Err(LakeError::UnknownVersion { .. })
    ));
    assert!(matches!(
        Manifest::parse(b"{}"),
        Err(LakeError::NotALakeFile(_))
    ));
}
