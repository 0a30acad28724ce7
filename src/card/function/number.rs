//! Numbers.

use serde_json::Value;

use super::{Arguments, Datum, cut, list};

type Answer<'v> = Result<Datum<'v>, String>;

pub(super) fn plural<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let count = match arguments.datum(0) {
        Datum::Value(value) if value.is_array() || value.is_object() => list::size(arguments.datum(0)).to_string(),
        datum => datum.text().trim().to_owned(),
    };
    let one = arguments.text(1);
    let noun = if count == "1" {
        one.into_owned()
    } else {
        match arguments.datum(2) {
            Datum::Missing => format!("{one}s"),
            many => many.text().into_owned(),
        }
    };
    Ok(Datum::owned(format!("{count} {noun}")))
}

pub(super) fn number<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let written = arguments.text(0);
    let decimals = match arguments.datum(1) {
        Datum::Missing => None,
        Datum::Value(_) | Datum::Markdown(_) => Some(arguments.size(1, "the number of decimals")?.min(10)),
    };
    let value: f64 = match written.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => value,
        _ => return Err(format!("`{}` is no number", cut(&written))),
    };
    let digits = match (decimals, arguments.datum(0)) {
        (Some(decimals), _) => format!("{value:.decimals$}"),
        // Whole numbers keep all their digits, which a floating point number would not.
        (None, Datum::Value(exact)) if matches!(exact.as_ref(), Value::Number(n) if !n.is_f64()) => exact.to_string(),
        (None, _) if value.abs() < 1e15 => value.to_string(),
        (None, _) => return Ok(Datum::owned(written.trim())),
    };
    Ok(Datum::owned(grouped(&digits)))
}

/// `-1234567.25` -> `-1,234,567.25`
fn grouped(digits: &str) -> String {
    let (sign, rest) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    let (whole, fraction) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(fraction);
    out
}
