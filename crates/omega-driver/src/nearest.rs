//! «Did you mean …?»

/// Returns the name that is most like `name`, if one is.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    names
        .into_iter()
        .map(|near| (strsim::jaro_winkler(&name, &near.to_lowercase()), near))
        .filter(|(like, _)| *like > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, near)| near)
}
