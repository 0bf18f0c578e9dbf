//! Values in PostgreSQL's own binary form, built on worker threads so that the main thread only passes pointers.

/// Days from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
pub const EPOCH_DAYS: i32 = 10_957;
/// Microseconds of a day.
pub const DAY_MICROS: i64 = 86_400_000_000;
/// The days to PostgreSQL's epoch in microseconds.
pub const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * DAY_MICROS;

/// A `date` argument of a query, from days since 1970.
pub fn date(day: i32) -> pgrx::datum::DatumWithOid<'static> {
    // SAFETY: a date is an integer, the days since PostgreSQL's epoch.
    unsafe { pgrx::datum::DatumWithOid::new(day - EPOCH_DAYS, pgrx::pg_sys::DATEOID) }
}

/// A `numeric` without its varlena header, taken apart (numeric.c, "NumericShort" and "NumericLong").
struct Numeric<'a> {
    negative: bool,
    /// The power of 10,000 of the first digit.
    weight: i32,
    /// Digits in base 10,000, two bytes each.
    digits: &'a [u8],
}

impl<'a> Numeric<'a> {
    /// `Err` with what is no number: NaN or an infinity.
    fn parse(body: &'a [u8]) -> Option<Result<Numeric<'a>, f64>> {
        let (head, rest) = body.split_first_chunk::<2>()?;
        let head = u16::from_ne_bytes(*head);
        Some(Ok(match head & 0xC000 {
            0xC000 => {
                return Some(Err(match head & 0xF000 {
                    0xD000 => f64::INFINITY,
                    0xF000 => f64::NEG_INFINITY,
                    _ => f64::NAN,
                }));
            }
            0x8000 => {
                let low = i32::from(head & 0x3F);
                Numeric {
                    negative: head & 0x2000 != 0,
                    weight: if head & 0x40 != 0 { low - 64 } else { low },
                    digits: rest,
                }
            }
            sign => {
                let (weight, digits) = rest.split_first_chunk::<2>()?;
                Numeric {
                    negative: sign == 0x4000,
                    weight: i32::from(i16::from_ne_bytes(*weight)),
                    digits,
                }
            }
        }))
    }

    fn digits(&self) -> impl Iterator<Item = i64> {
        let pairs = self.digits.as_chunks::<2>().0;
        pairs.iter().map(|p| i64::from(i16::from_ne_bytes(*p)))
    }
}

/// What a `numeric` is in ten-thousandths, rounded half away from zero; `None` for infinity and what is no number. `body` is
/// the value without its varlena header.
pub fn ten_thousandths(body: &[u8]) -> Option<i64> {
    let numeric = Numeric::parse(body)?.ok()?;
    let mut sum = 0i64;
    // The place of the first digit: 0 for ten-thousandths.
    let mut place = numeric.weight + 1;
    for digit in numeric.digits() {
        if place >= 0 {
            sum = sum.saturating_mul(10_000).saturating_add(digit);
        } else {
            sum = sum.saturating_add(i64::from(place == -1 && digit >= 5_000));
            break;
        }
        place -= 1;
    }
    // Digits that are zero at the end are not there.
    for _ in 0..=place {
        sum = sum.saturating_mul(10_000);
        if sum == 0 {
            break;
        }
    }
    Some(if numeric.negative { -sum } else { sum })
}

/// What a `numeric` is as a double, the nearest one; `None` for one of more digits than can be told at once. `body` is the
/// value without its varlena header.
pub fn double(body: &[u8]) -> Option<f64> {
    let numeric = match Numeric::parse(body)? {
        Ok(numeric) => numeric,
        Err(special) => return Some(special),
    };
    let (mut mantissa, mut digits) = (0i64, 0i32);
    for digit in numeric.digits() {
        mantissa = mantissa.checked_mul(10_000)?.checked_add(digit)?;
        digits += 1;
    }
    // A whole number and a power of ten that a double holds exactly give the nearest quotient or product.
    let power = 4 * (numeric.weight + 1 - digits);
    if mantissa > 1 << 53 || power.abs() > 22 {
        return (mantissa == 0).then_some(0.0);
    }
    let value = if power < 0 {
        mantissa as f64 / 10f64.powi(-power)
    } else {
        mantissa as f64 * 10f64.powi(power)
    };
    Some(if numeric.negative { -value } else { value })
}

/// A buffer of varlena values; offsets into it stay valid while it grows.
#[derive(Debug, Default)]
pub struct Varlena {
    bytes: Vec<u8>,
}

impl Varlena {
    /// Empties the buffer and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The bytes of the value that starts at `offset`, header included.
    pub fn at(&self, offset: u32) -> Option<&[u8]> {
        self.bytes.get(offset as usize..)
    }

    /// Appends a text value; gives its offset.
    pub fn text(&mut self, value: &str) -> u32 {
        self.value(value.as_bytes())
    }

    /// Appends a `numeric` of `mantissa / 10^scale`, without trailing zeros; gives its offset.
    pub fn numeric(&mut self, mantissa: i128, scale: u32) -> u32 {
        let mut body = [0u8; 64];
        let length = encode_numeric(mantissa, scale, &mut body);
        self.value(body.get(..length).unwrap_or(&[]))
    }

    fn value(&mut self, body: &[u8]) -> u32 {
        let short = body.len() + 1;
        if short <= 0x7f {
            let offset = self.bytes.len();
            self.bytes.push(header_short(short));
            self.bytes.extend_from_slice(body);
            return u32::try_from(offset).unwrap_or(u32::MAX);
        }
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&header_long(body.len() + 4));
        self.bytes.extend_from_slice(body);
        u32::try_from(offset).unwrap_or(u32::MAX)
    }
}

// The header's place of the flag bits depends on the byte order (postgres.h, "varatt_1b" and "varatt_4b").
#[cfg(target_endian = "little")]
fn header_short(length: usize) -> u8 {
    ((length as u8) << 1) | 1
}

#[cfg(target_endian = "big")]
fn header_short(length: usize) -> u8 {
    (length as u8) | 0x80
}

#[cfg(target_endian = "little")]
fn header_long(length: usize) -> [u8; 4] {
    ((length as u32) << 2).to_ne_bytes()
}

#[cfg(target_endian = "big")]
fn header_long(length: usize) -> [u8; 4] {
    ((length as u32) & 0x3FFF_FFFF).to_ne_bytes()
}

/// The body of a `numeric` in the short format (numeric.c, "NumericShort"): a header of sign, display scale and weight,
/// then digits in base 10,000, without leading and trailing zero digits.
fn encode_numeric(mantissa: i128, scale: u32, out: &mut [u8; 64]) -> usize {
    let mut value = mantissa.unsigned_abs();
    let mut scale = scale;
    while scale > 0 && value.is_multiple_of(10) {
        value /= 10;
        scale -= 1;
    }
    // Groups of four decimals. The last one is filled up to a whole group by itself, for a value of 38 digits would
    // overflow when all of it is.
    let groups = scale.div_ceil(4);
    let mut digits = [0i16; 12];
    let mut count = 0usize;
    let mut put_digit = |digit: u128| {
        if let Some(slot) = digits.get_mut(count) {
            *slot = digit as i16;
        }
        count += 1;
    };
    if !scale.is_multiple_of(4) && value > 0 {
        let unit = 10u128.pow(scale % 4);
        put_digit(value % unit * (10_000 / unit));
        value /= unit;
    }
    while value > 0 {
        put_digit(value % 10_000);
        value /= 10_000;
    }
    // digits[0] is the lowest group; the weight is the power of the highest.
    let weight = count as i32 - groups as i32 - 1;
    let lowest = digits
        .iter()
        .take(count)
        .position(|&d| d != 0)
        .unwrap_or(count);
    let (sign, weight) = if count == 0 {
        (0u16, 0)
    } else {
        (if mantissa < 0 { 0x2000 } else { 0 }, weight)
    };
    let header = 0x8000u16
        | sign
        | ((scale as u16) << 7)
        | (if weight < 0 { 0x0040 } else { 0 })
        | ((weight as u16) & 0x003F);
    let mut length = 0usize;
    let mut put = |bytes: [u8; 2]| {
        if let Some(slot) = out.get_mut(length..length + 2) {
            slot.copy_from_slice(&bytes);
            length += 2;
        }
    };
    put(header.to_ne_bytes());
    for &digit in digits.iter().take(count).skip(lowest).rev() {
        put(digit.to_ne_bytes());
    }
    length
}
