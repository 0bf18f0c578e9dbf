//! Dates in all forms; chrono is the independent judge.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::datetime::DateParser;
use chrono::{DateTime, NaiveDateTime, Timelike};
use proptest::prelude::*;

fn parser(formats: &[&str]) -> DateParser {
    let formats: Vec<String> = formats.iter().map(|&f| f.to_owned()).collect();
    DateParser::new(&formats).unwrap()
}

/// The moment as chrono reads it from its own ISO form.
fn at(iso: &str) -> Option<i64> {
    Some(
        iso.parse::<NaiveDateTime>()
            .unwrap()
            .and_utc()
            .timestamp_micros(),
    )
}

#[test]
fn iso_in_its_variants() {
    for (text, want) in [
        ("2009-12-01", "2009-12-01T00:00:00"),
        ("20091201", "2009-12-01T00:00:00"),
        ("2009/12/01", "2009-12-01T00:00:00"),
        ("2009/12/01 07:45", "2009-12-01T07:45:00"),
        ("2009-12-01 07:45", "2009-12-01T07:45:00"),
        ("2009-12-01T07:45", "2009-12-01T07:45:00"),
        ("2009-12-01 07:45:59", "2009-12-01T07:45:59"),
        (" 2009-12-01 07:45:59\u{a0}", "2009-12-01T07:45:59"),
        ("2009-12-01 07:45:59.5", "2009-12-01T07:45:59.5"),
        (
            "2009-12-01 07:45:59.123456789",
            "2009-12-01T07:45:59.123456",
        ),
        ("2009-12-01T23:45:59Z", "2009-12-01T23:45:59"),
        ("2009-12-01 23:45+05", "2009-12-01T23:45:00"),
        ("2009-12-01 23:45:00.25-0530", "2009-12-01T23:45:00.25"),
        ("2009-12-01T23:45:59+01:00", "2009-12-01T23:45:59"),
        ("2000-02-29", "2000-02-29T00:00:00"),
        ("1900-01-01", "1900-01-01T00:00:00"),
        ("2199-12-31 23:59:59.999999", "2199-12-31T23:59:59.999999"),
    ] {
        assert_eq!(parser(&[]).parse(text), at(want), "{text}");
    }
}

#[test]
fn what_is_no_date() {
    for text in [
        "",
        "2009",
        "2009-12",
        "2009-12-1",
        "2009-1-05",
        "2009-12/01",
        "2009-02-30",
        "1900-02-29",
        "2009-13-01",
        "2009-00-01",
        "2009-12-00",
        "1899-12-31",
        "2200-01-01",
        "2009-12-01 ",
        "2009-12-01 7:45",
        "2009-12-01 24:00",
        "2009-12-01 23:60",
        "2009-12-01 23:59:60",
        "2009-12-01 07:45:",
        "2009-12-01 07:45:1",
        "2009-12-01 07:45:10.",
        "2009-12-01 07:45:10.1234567890",
        "2009-12-01 07",
        "2009-12-01T",
        "2009-12-01x07:45",
        "2009-12-01 07:45 x",
        "2009-12-01 07:45+1",
        "2009-12-01 07:45+01:",
        "2009-12-01 07:45+99:00",
        "2009-12-01Z",
        "200912011",
        "2009120a",
        "12/14/2009 8:34",
        "N/A",
        "40148.5",
        "２００９-12-01",
        "2009-12-0é",
    ] {
        let got = parser(&[]).parse(text);
        assert_eq!(
            got,
            if text == "2009-12-01 " {
                at("2009-12-01T00:00:00")
            } else {
                None
            },
            "{text}"
        );
    }
}

#[test]
fn templates_of_both_kinds() {
    let want = at("2009-12-04T08:05:07");
    for (format, text) in [
        ("MM/DD/YYYY HH24:MI:SS", "12/04/2009 08:05:07"),
        ("MM/DD/YYYY HH24:MI:SS", "12/4/2009 8:5:7"),
        ("mm/dd/yyyy hh24:mi:ss", "12/4/2009   8:05:07"),
        ("FMDD.FMMM.YY HH:MI:SS", "4.12.09 8:05:07"),
        ("DD Mon YYYY HH12:MI:SS AM", "04 DEC 2009 08:05:07 am"),
        (
            "Month DD, YYYY HH:MI:SS PM",
            "December 4, 2009 8:05:07 A.M.",
        ),
        ("YYYYMMDDHH24MISS", "20091204080507"),
        ("YYYY-MM-DDTHH24:MI:SS", "2009-12-04T08:05:07"),
        (
            "DD\"th of \"Month YYYY HH24:MI:SS",
            "4th of december 2009 8:05:07",
        ),
        ("%d.%m.%Y %H:%M:%S", "04.12.2009 08:05:07"),
        ("%-d/%-m/%y %T", "4/12/09 08:05:07"),
        ("%b %e %Y %I:%M:%S %p", "Dec 4 2009 08:05:07 AM"),
        ("%FT%T%z", "2009-12-04T08:05:07+0200"),
        ("%Y%m%dT%H%M%S", "20091204T080507"),
    ] {
        assert_eq!(parser(&[format]).parse(text), want, "{format}: {text}");
    }
    assert_eq!(
        parser(&["MM/DD/YYYY"]).parse("12/14/2009"),
        at("2009-12-14T00:00:00")
    );
    assert_eq!(
        parser(&["%D %R"]).parse("12/14/09 23:59"),
        at("2009-12-14T23:59:00")
    );
    assert_eq!(
        parser(&["DD/MM/YY"]).parse("01/02/70"),
        at("1970-02-01T00:00:00")
    );
    assert_eq!(
        parser(&["DD/MM/YY"]).parse("01/02/69"),
        at("2069-02-01T00:00:00")
    );
    for (text, want) in [
        ("12:00 AM", "00:00"),
        ("12:30 pm", "12:30"),
        ("1:00 PM", "13:00"),
        ("11:59 PM", "23:59"),
    ] {
        let read = parser(&["DD/MM/YYYY HH:MI AM"]).parse(&format!("01/02/2010 {text}"));
        assert_eq!(read, at(&format!("2010-02-01T{want}:00")), "{text}");
    }
    assert_eq!(
        parser(&["DD/MM/YYYY HH24:MI:SS.MS"]).parse("1/2/2010 0:00:01.5"),
        at("2010-02-01T00:00:01.5")
    );
    assert_eq!(
        parser(&["DD/MM/YYYY HH24:MI:SS.US"]).parse("1/2/2010 0:00:01.000005"),
        at("2010-02-01T00:00:01.000005")
    );
}

#[test]
fn the_whole_text_must_match_a_template() {
    let dirty = parser(&["MM/DD/YYYY HH24:MI"]);
    assert_eq!(dirty.parse("12/14/2009 8:34"), at("2009-12-14T08:34:00"));
    // ISO is tried last.
    assert_eq!(dirty.parse("2009-12-14"), at("2009-12-14T00:00:00"));
    for text in [
        "12/14/2009",
        "12/14/2009 8:34:00",
        "12/14/2009 8:34 x",
        "14/12/2009 8:34",
        "12/14/09 8:34",
        "112/14/2009 8:34",
        "",
    ] {
        assert_eq!(dirty.parse(text), None, "{text}");
    }
    assert_eq!(parser(&["YYYYMMDD"]).parse("2009121"), None);
    assert_eq!(
        parser(&["DD/MM/YYYY HH:MI AM"]).parse("1/2/2010 13:00 PM"),
        None
    );
    assert_eq!(
        parser(&["DD/MM/YYYY HH:MI AM"]).parse("1/2/2010 0:10 AM"),
        None
    );
}

#[test]
fn formats_are_tried_in_their_order() {
    let both = ["DD/MM/YYYY", "MM/DD/YYYY"];
    assert_eq!(parser(&both).parse("01/02/2010"), at("2010-02-01T00:00:00"));
    assert_eq!(parser(&both).parse("12/14/2009"), at("2009-12-14T00:00:00"));
    assert_eq!(
        parser(&[both[1], both[0]]).parse("01/02/2010"),
        at("2010-01-02T00:00:00")
    );
}

#[test]
fn what_a_format_finds_impossible_is_not_tried_as_iso() {
    // The thirteenth of February, which in this format does not exist.
    for format in ["YYYY/DD/MM", "%Y/%d/%m"] {
        assert_eq!(parser(&[format]).parse("2011/02/13"), None);
        assert!(!parser(&[format]).is_other_form("2011/02/13"));
        assert_eq!(
            parser(&[format]).parse("2011/13/02"),
            at("2011-02-13T00:00:00")
        );
    }
    assert_eq!(parser(&["DDMMYYYY"]).parse("20110213"), None);
    // Without its time the text has another form, and could be either day.
    let with_time = parser(&["YYYY-DD-MM HH24:MI"]);
    assert_eq!(with_time.parse("2011-02-03"), None);
    assert!(with_time.is_other_form("2011-02-03"));
    // Another format may find it possible, and where the order is that of ISO, both say the same.
    assert_eq!(
        parser(&["YYYY/DD/MM", "YYYY/MM/DD"]).parse("2011/02/13"),
        at("2011-02-13T00:00:00")
    );
    assert_eq!(
        parser(&["YYYY-MM-DD HH24:MI"]).parse("2011-02-13"),
        at("2011-02-13T00:00:00")
    );
}

#[test]
fn a_bad_format_names_the_part() {
    for (format, part) in [
        ("DD/QQ/YYYY", "unknown part \"QQ\""),
        ("%d.%m.%Y %Q", "unknown part \"%Q\""),
        ("%d.%m.%Y %", "a % stands at its end"),
        ("MM/YYYY", "it has no day"),
        ("12/14/2009", "it has no year"),
        ("", "it has no year"),
        ("DD/MM/YYYY YY", "the year stands in it twice"),
        ("DD/MM/Mon/YYYY", "the month stands in it twice"),
        ("DD/MM/YYYY HH12:MI", "hours of 12 need AM or PM"),
        (
            "DD/MM/YYYY HH24:MI AM",
            "hours of 24 do not go with AM or PM",
        ),
        ("DD/MM/YYYY MI", "it has a minute but no hour"),
        ("DD/MM/YYYY HH24:MI TZ", "unknown part \"TZ\""),
        ("DD \"of MM YYYY", "a quotation mark is not closed"),
    ] {
        let error = DateParser::new(&[format.to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the date format {format:?} cannot be used: {part}")
        );
    }
    assert!(DateParser::new(&["Y".repeat(101)]).is_err());
    assert!(DateParser::new(&vec!["DD/MM/YYYY".to_owned(); 21]).is_err());
}

#[test]
fn another_form_is_told_from_nonsense_and_from_impossible_days() {
    for text in [
        "12/14/2009 8:34",
        "14.12.09",
        "14 Dec 2009",
        "December 14, 2009",
        "2009-1-5",
        "2009/1/5 7:00",
    ] {
        assert!(parser(&[]).is_other_form(text), "{text}");
    }
    for text in [
        "",
        "N/A",
        "2009-02-30",
        "2009-02-30 07:00",
        "40148",
        "abc def ghi",
        "Dec Dec Dec",
        "/1/2/3",
    ] {
        assert!(!parser(&[]).is_other_form(text), "{text}");
    }
    assert!(!parser(&["MM/DD/YYYY"]).is_other_form("14/12/2009"));
    assert!(parser(&["MM/DD/YYYY"]).is_other_form("14.12.2009"));
}

proptest! {
    #[test]
    fn what_chrono_writes_we_read(micros in -2_208_988_800_000_000_i64..7_258_118_400_000_000) {
        let moment = DateTime::from_timestamp_micros(micros).unwrap().naive_utc();
        let none = parser(&[]);
        prop_assert_eq!(none.parse(&moment.format("%Y-%m-%d %H:%M:%S%.6f").to_string()), Some(micros));
        prop_assert_eq!(none.parse(&moment.format("%Y-%m-%dT%H:%M:%S%.9f+02:00").to_string()), Some(micros));
        let minute = moment.with_second(0).unwrap().with_nanosecond(0).unwrap();
        let want = Some(minute.and_utc().timestamp_micros());
        for (ours, theirs) in [
            ("MM/DD/YYYY HH24:MI", "%m/%d/%Y %H:%M"),
            ("MM/DD/YYYY HH24:MI", "%-m/%-d/%Y %-H:%M"),
            ("DD Month YYYY HH12:MI AM", "%d %B %Y %I:%M %p"),
            ("%d-%b-%Y %I:%M%p", "%d-%b-%Y %I:%M%p"),
            ("%Y%m%d%H%M", "%Y%m%d%H%M"),
        ] {
            prop_assert_eq!(parser(&[ours]).parse(&minute.format(theirs).to_string()), want, "{}", ours);
        }
    }

    #[test]
    fn any_text_and_any_format_is_survived(text in ".{0,30}", format in "[%A-Za-z0-9 :/.\"é-]{0,20}") {
        if let Ok(p) = DateParser::new(&[format, "%d.%m.%Y %H:%M:%S.%f %p".replace("%H", "%I")]) {
            let _ = (p.parse(&text), p.is_other_form(&text));
        }
    }
}
