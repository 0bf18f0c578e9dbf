//! The values of Arrow columns as text.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, BinaryViewArray, FixedSizeBinaryArray, PrimitiveArray, StringViewArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, TimeUnit};

use crate::calendar::civil_of_day;

/// A column whose values can be written as text one by one.
pub(super) enum Cells<'a> {
    Text(&'a StringViewArray),
    Bytes(&'a BinaryViewArray),
    Fixed(&'a FixedSizeBinaryArray),
    Single(&'a PrimitiveArray<Float32Type>),
    Double(&'a PrimitiveArray<Float64Type>),
    /// Values, their number in a second, and seconds to add for the wall clock of the time zone.
    Time {
        column: &'a dyn Array,
        values: &'a [i64],
        per_second: i64,
        offset: i64,
    },
    /// A column of the type Null: nothing but NULLs.
    Nothing,
    /// Whatever arrow-cast can write: whole numbers, decimals, dates, booleans, times of day.
    Other(&'a dyn Array, ArrayFormatter<'a>),
}

/// What became of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    Value,
    Null,
    /// More bytes than are allowed.
    TooLong,
    /// The system has no memory for it.
    NoRoom,
}

const FORMAT: FormatOptions<'static> = FormatOptions::new();

impl<'a> Cells<'a> {
    pub(super) fn new(column: &'a dyn Array) -> Result<Cells<'a>, ArrowError> {
        Ok(match column.data_type() {
            DataType::Null => Cells::Nothing,
            DataType::Utf8View => Cells::Text(column.as_string_view()),
            DataType::BinaryView => Cells::Bytes(column.as_binary_view()),
            DataType::FixedSizeBinary(_) => Cells::Fixed(column.as_fixed_size_binary()),
            DataType::Float32 => Cells::Single(column.as_primitive()),
            DataType::Float64 => Cells::Double(column.as_primitive()),
            DataType::Timestamp(unit, zone) => {
                let (values, per_second): (&[i64], i64) = match unit {
                    TimeUnit::Second => (column.as_primitive::<TimestampSecondType>().values(), 1),
                    TimeUnit::Millisecond => (
                        column.as_primitive::<TimestampMillisecondType>().values(),
                        1_000,
                    ),
                    TimeUnit::Microsecond => (
                        column.as_primitive::<TimestampMicrosecondType>().values(),
                        1_000_000,
                    ),
                    TimeUnit::Nanosecond => (
                        column.as_primitive::<TimestampNanosecondType>().values(),
                        1_000_000_000,
                    ),
                };
                let offset = zone.as_deref().and_then(offset).unwrap_or(0);
                Cells::Time {
                    column,
                    values,
                    per_second,
                    offset,
                }
            }
            _ => Cells::Other(column, ArrayFormatter::try_new(column, &FORMAT)?),
        })
    }

    /// Appends the value of a row, of at most `most` bytes. A float that is no number is a NULL: so pandas spells it.
    pub(super) fn write(
        &self,
        row: usize,
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<Wrote, ArrowError> {
        let bytes = match self {
            Cells::Text(column) if column.is_valid(row) => column.value(row).as_bytes(),
            Cells::Bytes(column) if column.is_valid(row) => column.value(row),
            // Ids and hashes, mostly (UUID, line_hash of a lake): no text.
            Cells::Fixed(column) if column.is_valid(row) => {
                let bytes = column.value(row);
                if 2 * bytes.len() > most {
                    return Ok(Wrote::TooLong);
                }
                if out.try_reserve(2 * bytes.len()).is_err() {
                    return Ok(Wrote::NoRoom);
                }
                let digit = |n: u8| char::from_digit(n.into(), 16).map_or(b'0', |c| c as u8);
                out.extend(bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]));
                return Ok(Wrote::Value);
            }
            // writing to memory cannot fail
            Cells::Single(column) if column.is_valid(row) && !column.value(row).is_nan() => {
                return Ok(
                    write!(out, "{}", column.value(row)).map_or(Wrote::Null, |()| Wrote::Value)
                );
            }
            Cells::Double(column) if column.is_valid(row) && !column.value(row).is_nan() => {
                return Ok(
                    write!(out, "{}", column.value(row)).map_or(Wrote::Null, |()| Wrote::Value)
                );
            }
            Cells::Time {
                column,
                values,
                per_second,
                offset,
            } if column.is_valid(row) => {
                let value = values.get(row).copied().unwrap_or(0);
                timestamp(value, *per_second, *offset, out);
                return Ok(Wrote::Value);
            }
            Cells::Other(column, formatter) if column.is_valid(row) => {
                return match write!(out, "{}", formatter.value(row)) {
                    Ok(()) => Ok(Wrote::Value),
                    Err(_) => Err(ArrowError::CastError(format!(
                        "a {} cannot be shown",
                        column.data_type()
                    ))),
                };
            }
            _ => return Ok(Wrote::Null),
        };
        if bytes.len() > most {
            return Ok(Wrote::TooLong);
        }
        if out.try_reserve(bytes.len()).is_err() {
            return Ok(Wrote::NoRoom);
        }
        out.extend_from_slice(bytes);
        Ok(Wrote::Value)
    }
}

/// Seconds to add to UTC for the zones whose rules are known: UTC itself and fixed offsets.
pub(super) fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "UTC" | "utc" | "Etc/UTC" | "GMT" | "Z") {
        return Some(0);
    }
    let (sign, digits) = match zone.as_bytes() {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let digit = |b: &u8| b.is_ascii_digit().then(|| i64::from(b - b'0'));
    let (h, m) = match digits {
        [a, b] => (digit(a)? * 10 + digit(b)?, 0),
        [a, b, b':', c, d] | [a, b, c, d] => {
            (digit(a)? * 10 + digit(b)?, digit(c)? * 10 + digit(d)?)
        }
        _ => return None,
    };
    (h < 24 && m < 60).then_some(sign * (h * 3_600 + m * 60))
}

/// Writes `YYYY-MM-DD HH:MM:SS`, with six more digits where they are not all zero; what is finer is cut off.
fn timestamp(value: i64, per_second: i64, offset: i64, out: &mut Vec<u8>) {
    let (seconds, part) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let seconds = seconds.saturating_add(offset);
    // parts of 10^3, 10^6 or 10^9 as microseconds
    let micros = if per_second <= 1_000_000 {
        part * (1_000_000 / per_second)
    } else {
        part / (per_second / 1_000_000)
    };
    let (days, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_of_day(days);
    let (h, m, s) = (clock / 3_600, clock / 60 % 60, clock % 60);
    let written = if micros == 0 {
        write!(out, "{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}")
    } else {
        write!(
            out,
            "{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}.{micros:06}"
        )
    };
    debug_assert!(written.is_ok(), "writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: i64, per_second: i64, offset: i64) -> String {
        let mut out = Vec::new();
        timestamp(value, per_second, offset, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn timestamps_of_every_unit() {
        // date -u -d @1260000000: 2009-12-05 08:00:00
        assert_eq!(shown(1_260_000_000, 1, 0), "2009-12-05 08:00:00");
        assert_eq!(
            shown(1_260_000_000_250, 1_000, 0),
            "2009-12-05 08:00:00.250000"
        );
        assert_eq!(
            shown(1_260_000_000_000_001, 1_000_000, -3_600),
            "2009-12-05 07:00:00.000001"
        );
        assert_eq!(
            shown(1_260_000_000_000_000_999, 1_000_000_000, 0),
            "2009-12-05 08:00:00"
        );
        assert_eq!(shown(-1, 1, 0), "1969-12-31 23:59:59");
        assert_eq!(shown(-1, 1_000, 0), "1969-12-31 23:59:59.999000");
        assert_eq!(shown(951_782_400, 1, 0), "2000-02-29 00:00:00");
        for extreme in [i64::MIN, i64::MAX] {
            assert!(shown(extreme, 1, 3_600).len() > 19);
        }
    }

    #[test]
    fn zones_with_a_fixed_offset_are_known() {
        for (zone, seconds) in [
            ("UTC", Some(0)),
            ("+02:00", Some(7_200)),
            ("-0530", Some(-19_800)),
            ("+01", Some(3_600)),
            ("+99:00", None),
        ] {
            assert_eq!(offset(zone), seconds, "{zone}");
        }
        assert_eq!(offset("Europe/London"), None);
    }
}
