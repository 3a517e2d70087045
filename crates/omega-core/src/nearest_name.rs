/// Returns the one of `names` that was probably meant by `name`.
///
/// None if there is no such name: at most a third of the letters may differ. Case does not count.
pub fn nearest_name<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    names
        .into_iter()
        .map(|known| (strsim::levenshtein(&name, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= name.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::nearest_name;

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["kubeconfig", "project", "security_group", "sources"];
        for (name, expected) in [
            ("kubeconfg", Some("kubeconfig")),
            ("KubeConfig", Some("kubeconfig")),
            ("source", Some("sources")),
            ("password", None),
            ("", None),
        ] {
            assert_eq!(nearest_name(name, names), expected, "{name}");
        }
    }
}
