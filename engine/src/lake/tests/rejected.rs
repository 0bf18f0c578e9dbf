//! Rejected lines as files.

use super::sample::Dice;
use crate::control::Free;
use crate::error::{Class, Classified};
use crate::ingest::{MAX_RAW, MAX_REASON, Reject};
use crate::lake::{LakeError, REJECT_LINE, RejectReader, write_rejects};

fn rejects(n: u64) -> Vec<Reject> {
    let make = |i| Reject {
        line_no: i * 3 + 1,
        reason: format!("unit_price is not a number: \"N/A{i}\""),
        raw: format!("{i},\u{1},\"quoted\\\",\r\n\t\u{e9}\u{1f600},\\xFF"),
    };
    (0..n).map(make).collect()
}

fn write(rejects: &[Reject]) -> Vec<u8> {
    let (bytes, written) = write_rejects(Vec::new(), &mut rejects.iter().cloned(), &Free).unwrap();
    assert_eq!(written.rows, rejects.len() as u64);
    assert_eq!(
        (written.bytes, written.crc32c),
        (bytes.len() as u64, crc32c::crc32c(&bytes))
    );
    bytes
}

fn read(bytes: &[u8], max_line: usize) -> Result<Vec<Reject>, LakeError> {
    let mut reader = RejectReader::new(bytes, max_line, &Free)?;
    std::iter::from_fn(|| reader.next(&Free).transpose()).collect()
}

#[test]
fn rejects_come_back() {
    for n in [1, 2, 5_000] {
        let all = rejects(n);
        let bytes = write(&all);
        assert_eq!(read(&bytes, 1_000).unwrap(), all);
        assert_eq!(bytes, write(&all));
    }
}

#[test]
fn another_tool_sees_plain_json_lines() {
    let text = zstd::decode_all(&write(&rejects(2))[..]).unwrap();
    let first = text.split(|&b| b == b'\n').next().unwrap();
    let value: serde_json::Value = serde_json::from_slice(first).unwrap();
    assert_eq!(value["line_no"], 1);
    assert_eq!(value["reason"], "unit_price is not a number: \"N/A0\"");
}

#[test]
fn long_lines_and_bombs_are_bounded() {
    let long = serde_json::json!({"line_no": 1, "reason": "", "raw": "x".repeat(50_000_000)});
    let bytes = zstd::encode_all(format!("{long}\n").as_bytes(), 3).unwrap();
    assert!(bytes.len() < 100_000);
    let error = read(&bytes, 1 << 20).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("rejected line 1: it does not end within 1048576 bytes"),
        "{error}"
    );
    let error = RejectReader::new(&bytes[..], 2 << 30, &Free)
        .map(drop)
        .unwrap_err();
    assert_eq!(error.class(), Class::OutOfMemory);
}

#[test]
fn whatever_is_written_can_be_read() {
    // A control character takes six bytes in JSON; both fields are over their limits.
    let long = Reject {
        line_no: u64::MAX,
        reason: "\u{1}".repeat(1_000_000),
        raw: "\u{1}".repeat(10_000_000),
    };
    let found = read(&write(std::slice::from_ref(&long)), REJECT_LINE).unwrap();
    assert_eq!(found, [long.clone().bounded()]);
    assert!(found[0].raw.len() <= MAX_RAW && found[0].raw.ends_with("more bytes are not kept)"));
    // What is within its limits is kept whole.
    let most = Reject {
        reason: "\u{1}".repeat(MAX_REASON),
        raw: "\u{1}".repeat(MAX_RAW),
        ..long
    };
    assert_eq!(
        read(&write(std::slice::from_ref(&most)), REJECT_LINE).unwrap(),
        [most]
    );
}

#[test]
fn damaged_rejects_are_noticed() {
    let all = rejects(200);
    let bytes = write(&all);
    for n in 0..bytes.len() {
        assert_eq!(
            read(&bytes[..n], 1_000).unwrap_err().class(),
            Class::Corrupted,
            "{n}"
        );
    }
    let mut dice = Dice(3);
    for _ in 0..1_000 {
        let mut damaged = bytes.clone();
        let at = dice.roll(bytes.len() as u64) as usize;
        damaged[at] ^= 1 + dice.roll(255) as u8;
        if let Ok(found) = read(&damaged, 1_000) {
            assert!(found == all, "byte {at}");
        }
    }
    for text in [
        "{}\n",
        "{\"line_no\":1,\"reason\":\"\\u0000\",\"raw\":\"\"}\n",
        "[1]\n",
        "\n",
    ] {
        let bytes = zstd::encode_all(text.as_bytes(), 1).unwrap();
        assert_eq!(
            read(&bytes, 1_000).unwrap_err().class(),
            Class::Corrupted,
            "{text}"
        );
    }
}
