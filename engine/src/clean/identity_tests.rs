//! What makes two raw lines the same line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::cleaner_tests::{GOOD, clean, clean_with, first, push};
use super::line::LineBatch;
use super::rules::Rules;
use super::{Cleaner, Formats};
use crate::control::Free;
use crate::ingest::RawBatch;

#[test]
fn the_identity_is_that_of_the_source() {
    let hash = |changes: &[(usize, &str)]| first(&clean(changes).unwrap()).hash;
    let plain = hash(&[]);
    for same in [
        (0, " 489434 "),
        (1, "85048\u{a0}"),
        (2, "GLASS BALL  "),
        (3, "12.0"),
        (4, "2009-12-01T07:45Z"),
        (5, "£6.950"),
        (6, "13085"),
    ] {
        assert_eq!(hash(&[same]), plain, "{same:?}");
    }
    for other in [
        (0, "489435"),
        (1, "85048A"),
        (2, "Glass Ball"),
        (3, "13"),
        (4, "2009-12-01"),
        (5, "6.96"),
        (6, ""),
        (7, "U.K."),
    ] {
        assert_ne!(hash(&[other]), plain, "{other:?}");
    }
    assert_eq!(hash(&[(7, "")]), hash(&[(7, "NULL")]));
    assert_ne!(hash(&[(7, "")]), hash(&[(7, "Unspecified")]));
    let without_rules =
        clean_with(Rules::none(), &Formats::default(), &[(7, Some(b"U.K."))]).unwrap();
    assert_eq!(first(&without_rules).hash, hash(&[(7, "U.K.")]));
    assert_eq!(
        (
            first(&without_rules).country,
            first(&clean(&[(7, "U.K.")]).unwrap()).country
        ),
        ("U.K.", "United Kingdom")
    );
}

#[test]
fn extra_columns_are_part_of_the_identity_by_their_names() {
    let hash = |names: &[&str], values: &[Option<&[u8]>]| {
        let names: Vec<String> = names.iter().map(|&n| n.to_owned()).collect();
        let mut batch = RawBatch::new(names.len());
        push(&mut batch, &GOOD.map(|v| Some(v.as_bytes())), values);
        let (mut out, mut rejects) = (LineBatch::default(), Vec::new());
        let mut cleaner = Cleaner::new(Rules::none(), &Formats::default(), &names).unwrap();
        cleaner
            .clean(&batch, &mut out, &mut rejects, &Free)
            .unwrap();
        match rejects.first() {
            Some(reject) => Err(reject.reason.clone()),
            None => Ok(out.hash[0]),
        }
    };
    let both = hash(&["a", "b"], &[Some(b"1"), Some(b"2")]);
    assert_eq!(hash(&["b", "a"], &[Some(b" 2"), Some(b"1 ")]), both);
    for other in [
        hash(&[], &[]),
        hash(&["a", "b"], &[Some(b"2"), Some(b"1")]),
        hash(&["a", "b"], &[Some(b"1"), None]),
        hash(&["a", "b"], &[Some(b"1"), Some(b"")]),
        hash(&["a", "c"], &[Some(b"1"), Some(b"2")]),
    ] {
        assert_ne!(other, both);
    }
    assert_ne!(hash(&["a"], &[None]), hash(&["a"], &[Some(b"")]));
    assert_eq!(
        hash(&["till"], &[Some(b"\xff")]),
        Err("the column \"till\" is not valid UTF-8".into())
    );
}
