#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

/// Type 2, uncompressed 300, compressed 7, a dictionary page (field 7) of 40 values in encoding 0; then another byte.
const DICTIONARY: [u8; 15] = [
    0x15, 4, 0x15, 0xd8, 4, 0x15, 14, 0x4c, 0x15, 80, 0x15, 0, 0, 0, 99,
];

const BOTH: [Origin; 2] = [Origin::Foreign, Origin::Own];

fn children(bytes: &[u8], origin: Origin) -> Result<Vec<i32>, Fault> {
    let mut counts = Vec::new();
    footer(bytes, origin, |n| {
        counts.push(n);
        Ok(())
    })
    .map(|_| counts)
}

/// The dictionary page with a field put before its own.
fn with_field(field: &[u8]) -> Vec<u8> {
    [field, &[0x05, 2], &DICTIONARY[1..14]].concat()
}

#[test]
fn a_page_header_is_read() {
    let expected = PageHeader {
        length: 14,
        kind: 2,
        uncompressed: 300,
        compressed: 7,
        data: None,
        dictionary: Some(Values {
            count: 40,
            encoding: 0,
        }),
        data_v2: None,
    };
    for origin in BOTH {
        assert_eq!(page_header(&DICTIONARY, origin), Ok(expected));
        for cut in 0..14 {
            assert_eq!(page_header(&DICTIONARY[..cut], origin), Err(Fault::Short));
        }
    }
    // version 2 (field 8): the encoding is its fourth field
    let v2 = [
        0x15, 6, 0x15, 2, 0x15, 2, 0x5c, 0x15, 10, 0x35, 16, 0x15, 0, 0, 0,
    ];
    let page = page_header(&v2, Origin::Foreign).unwrap();
    let values = Values {
        count: 5,
        encoding: 8,
    };
    assert_eq!(
        (page.kind, page.data_v2, page.data),
        (3, Some(values), None)
    );
}

#[test]
fn a_header_without_what_must_be_there_is_refused() {
    for bytes in [
        &[0x15, 4, 0x15, 2, 0][..],
        &[0x15, 4, 0x15, 2, 0x15, 2, 0x4c, 0x15, 80, 0, 0],
    ] {
        assert_eq!(page_header(bytes, Origin::Foreign), Err(INCOMPLETE));
    }
}

#[test]
fn a_string_that_claims_too_much_is_refused() {
    // field 5 (a data page) with field 5 (statistics) with field 1: a binary of 2^40 bytes
    let data = [0x5c, 0x5c, 0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    assert_eq!(
        page_header(&data, Origin::Foreign),
        Err(Fault::Wrong("a string is too long"))
    );
}

#[test]
fn lists_and_depths_that_claim_too_much_are_refused() {
    // field 2, a list of 2^31 - 1 structures
    let list = [0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 7];
    // lists in lists in lists, and structures in structures
    let lists = [0x19; 201];
    let structs = [0x1c; 100_000];
    for origin in BOTH {
        // they are not there, and nothing was reserved for them
        assert_eq!(children(&list, origin), Err(Fault::Short));
        for deep in [&lists[..], &structs] {
            assert_eq!(
                children(deep, origin),
                Err(Fault::Wrong("structures are nested too deeply"))
            );
        }
    }
}

/// The crate reads a field by its number alone, and keeps the low bits of a number that is too large.
#[test]
fn what_the_crate_would_take_for_something_else_is_refused() {
    let wrong = |what| Err(Fault::Wrong(what));
    for origin in BOTH {
        // the number of children as 64 bits, or as a number that is 200 in its low 32 bits
        let wide = [0x29, 0x1c, 0x56, 2, 0, 0];
        assert_eq!(children(&wide, origin), wrong("a field is of another type"));
        let large = [0x29, 0x1c, 0x55, 0x90, 0x83, 0x80, 0x80, 0x20, 0, 0];
        assert_eq!(children(&large, origin), wrong("a number is too large"));
        let negative = [0x29, 0x1c, 0x55, 1, 0, 0];
        assert_eq!(children(&negative, origin), Ok(vec![-1]));
        // a schema that is a string, a list of numbers
        assert_eq!(
            children(&[0x28, 1, 0, 0], origin),
            wrong("a field is of another type")
        );
        assert_eq!(
            children(&[0x29, 0x15, 2, 0], origin),
            wrong("a field is of another type")
        );
        // field 65,537, which is 1 in its low 16 bits
        assert_eq!(
            children(&[0x05, 0x82, 0x80, 8, 2, 0], origin),
            wrong("a field's number is too large")
        );
        // a list of two flags, which the crate takes for no bytes
        let flags = [0x19, 0x21, 1, 1, 0];
        assert_eq!(children(&flags, origin), wrong("a list of flags"));
    }
}

#[test]
fn the_lists_of_a_footer_are_weighed() {
    // field 4, two row groups; in each, field 1: three columns; in each, field 3, a structure with field 2: four numbers,
    // and field 13: two structures
    let column = [0x3c, 0x29, 0x45, 0, 0, 0, 0, 0xb9, 0x2c, 0, 0, 0, 0];
    let group = [&[0x19, 0x3c][..], &column, &column, &column, &[0]].concat();
    let bytes = [&[0x49, 0x2c][..], &group, &group, &[0]].concat();
    for origin in BOTH {
        assert_eq!(
            footer(&bytes, origin, |_| Ok(())),
            Ok((2 + 6) * LARGE + 6 * (4 + 2) * SMALL)
        );
    }
    // statistics of a page's header that hold a list of 2,000 numbers
    let list = [&[0x19, 0xf5, 0xd0, 0x0f][..], &[0; 2_000]].concat();
    let header = with_field(&[&[0x5c, 0x5c][..], &list, &[0, 0x15, 2, 0]].concat());
    assert_eq!(page_header(&header, Origin::Foreign), Err(Fault::TooMany));
}

#[test]
fn our_own_writer_is_held_to_its_ways() {
    let own = |bytes: &[u8]| page_header(bytes, Origin::Own);
    let foreign =
        |bytes: &[u8]| page_header(bytes, Origin::Foreign).map(|p| p.dictionary.is_some());
    // the kind twice
    let twice = with_field(&[0x15, 0]);
    assert_eq!(foreign(&twice), Ok(true));
    assert_eq!(
        own(&twice),
        Err(Fault::Wrong("the fields are not in order"))
    );
    // field 20, a flag
    let unusual = [&DICTIONARY[..13], &[0xd1, 0]].concat();
    assert_eq!(foreign(&unusual), Ok(true));
    assert_eq!(
        own(&unusual),
        Err(Fault::Wrong("a page with unusual fields"))
    );
    // field 1, a map of one byte to another; a UUID
    let map = [0x1b, 1, 0x33, 7, 7, 0];
    let uuid = [&[0x1d][..], &[9; 16], &[0]].concat();
    for bytes in [&map[..], &uuid] {
        assert_eq!(children(bytes, Origin::Foreign), Ok(Vec::new()));
        assert_eq!(
            children(bytes, Origin::Own),
            Err(Fault::Wrong("a type that does not exist"))
        );
    }
}
