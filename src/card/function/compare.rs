//! Questions about values, and choosing between them.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Arguments, Datum, scalar_text};

type Answer<'v> = Result<Datum<'v>, String>;

pub(super) fn default<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let is_empty = matches!(arguments.datum(0), Datum::Value(value) if value.as_str() == Some(""));
    let place = usize::from(arguments.datum(0).is_lacking() || is_empty);
    Ok(arguments.take(place))
}

pub(super) fn and<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let last = arguments.values.len() - 1;
    let place = arguments
        .values
        .iter()
        .position(|value| !value.is_truthy())
        .unwrap_or(last);
    Ok(arguments.take(place))
}

pub(super) fn or<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let last = arguments.values.len() - 1;
    let place = arguments.values.iter().position(Datum::is_truthy).unwrap_or(last);
    Ok(arguments.take(place))
}

pub(super) fn not<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(!arguments.datum(0).is_truthy()))
}

pub(super) fn eq<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(are_equal(arguments)))
}

pub(super) fn ne<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(!are_equal(arguments)))
}

pub(super) fn gt<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(order(arguments) == Some(Ordering::Greater)))
}

pub(super) fn ge<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(matches!(
        order(arguments),
        Some(Ordering::Greater | Ordering::Equal)
    )))
}

pub(super) fn lt<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(order(arguments) == Some(Ordering::Less)))
}

pub(super) fn le<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(matches!(
        order(arguments),
        Some(Ordering::Less | Ordering::Equal)
    )))
}

pub(super) fn contains<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let wanted = arguments.take(1);
    let found = match arguments.datum(0) {
        Datum::Missing => false,
        Datum::Markdown(markdown) => markdown.plain.contains(&*wanted.text()),
        Datum::Value(value) => match value.as_ref() {
            Value::Array(items) => {
                let wanted = wanted.into_value();
                items.iter().any(|item| same(item, &wanted))
            }
            Value::Object(fields) => fields.contains_key(&*wanted.text()),
            Value::Null => false,
            scalar => !wanted.is_lacking() && scalar_text(scalar).contains(&*wanted.text()),
        },
    };
    Ok(Datum::owned(found))
}

pub(super) fn starts_with<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(arguments.text(0).starts_with(&*arguments.text(1))))
}

pub(super) fn ends_with<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(arguments.text(0).ends_with(&*arguments.text(1))))
}

fn are_equal(arguments: &mut Arguments<'_, '_>) -> bool {
    let (a, b) = (arguments.take(0).into_value(), arguments.take(1).into_value());
    same(&a, &b)
}

/// Equal, where `5`, `5.0` and `"5"` are one value.
fn same(a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    let is_scalar = |value: &Value| matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_));
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => is_scalar(a) && is_scalar(b) && scalar_text(a) == scalar_text(b),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// None when one of them is missing.
fn order(arguments: &mut Arguments<'_, '_>) -> Option<Ordering> {
    if arguments.datum(0).is_lacking() || arguments.datum(1).is_lacking() {
        return None;
    }
    let (a, b) = (arguments.take(0).into_value(), arguments.take(1).into_value());
    match (number(&a), number(&b)) {
        (Some(a), Some(b)) => a.partial_cmp(&b),
        _ => Some(scalar_text(&a).cmp(&scalar_text(&b))),
    }
}
