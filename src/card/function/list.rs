//! Lists.

use std::borrow::Cow;

use serde_json::Value;

use super::{Arguments, Datum, scalar_text};
use crate::card::evaluate::MOST_ITEMS;

type Answer<'v> = Result<Datum<'v>, String>;

/// How many things a value is.
pub(super) fn size(datum: &Datum<'_>) -> usize {
    match datum {
        Datum::Missing => 0,
        Datum::Markdown(markdown) => markdown.plain.chars().count(),
        Datum::Value(value) => match value.as_ref() {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            Value::String(text) => text.chars().count(),
            Value::Null => 0,
            Value::Bool(_) | Value::Number(_) => 1,
        },
    }
}

pub(super) fn count<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    Ok(Datum::owned(size(arguments.datum(0))))
}

pub(super) fn first<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let list = arguments.take(0);
    Ok(item(list, |items| items.first(), |items| items.into_iter().next()))
}

pub(super) fn last<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let list = arguments.take(0);
    Ok(item(list, |items| items.last(), |mut items| items.pop()))
}

/// One item of a list; a single value is its own only item.
fn item<'v>(
    list: Datum<'v>,
    borrowed: fn(&[Value]) -> Option<&Value>,
    owned: fn(Vec<Value>) -> Option<Value>,
) -> Datum<'v> {
    match list {
        Datum::Value(Cow::Borrowed(Value::Array(items))) => {
            borrowed(items).map_or(Datum::Missing, |item| Datum::Value(Cow::Borrowed(item)))
        }
        Datum::Value(Cow::Owned(Value::Array(items))) => owned(items).map_or(Datum::Missing, Datum::owned),
        other => other,
    }
}

pub(super) fn join<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let list = arguments.take(0).into_value();
    let separator = match arguments.datum(1) {
        Datum::Missing => Cow::Borrowed(", "),
        given => given.text(),
    };
    let field = arguments.named("field").map(Datum::text);
    let Value::Array(items) = &*list else {
        return Ok(Datum::owned(scalar_text(&list)));
    };
    let texts: Vec<String> = items
        .iter()
        .take(MOST_ITEMS)
        .filter_map(|item| match &field {
            Some(field) => item.get(&**field),
            None => Some(item),
        })
        .map(scalar_text)
        .collect();
    Ok(Datum::owned(texts.join(&separator)))
}

pub(super) fn lookup<'v>(arguments: &mut Arguments<'v, '_>) -> Answer<'v> {
    let name = arguments.text(1).into_owned();
    let find = |value: &Value| match value {
        Value::Object(fields) => fields.get(&name).cloned(),
        Value::Array(items) => name.parse::<usize>().ok().and_then(|at| items.get(at)).cloned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    let within = arguments.take(0).into_value();
    match find(&within) {
        Some(value) => Ok(Datum::owned(value)),
        None => Err(format!("there is no `{}`", super::cut(&name))),
    }
}
