//! Where each value of a site file is, for those who judge it.

use std::{collections::BTreeMap, path::Path};

use omega_core::values::Sha256;
use toml::de::DeTable;

use super::{
    Site, SiteError,
    reading::{Child, of_table, of_value},
};
use crate::lint::{Position, SourceFile};

/// A site file, and where each of its values is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlacedSite {
    /// The site.
    pub site: Site,
    /// The places of its values.
    pub places: SitePlaces,
    /// The file; none if there is none.
    pub source: Option<SourceFile>,
}

/// The places of the values of a site file.
#[derive(Clone, Debug, Default)]
pub struct SitePlaces {
    file: String,
    places: BTreeMap<Vec<String>, (usize, usize)>,
}

impl PlacedSite {
    /// Reads the site file at `path`.
    ///
    /// # Errors
    ///
    /// Points at the first mistake.
    pub fn read(path: &Path) -> Result<Self, SiteError> {
        let mut read = Self::parse(path, &SiteError::or_input(path)?)?;
        read.site.directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        Ok(read)
    }

    /// Reads `text`, which came from `path`.
    ///
    /// # Errors
    ///
    /// Points at the first mistake.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SiteError> {
        let mut site = Site::parse(path, text)?;
        site.sha256 = Some(Sha256::of(text.as_bytes()));
        let name = path.display().to_string();
        let places = SitePlaces::of(&name, text);
        Ok(Self { site, places, source: Some(SourceFile { name, text: text.to_owned() }) })
    }

    /// Returns a site of which nothing is said: every value is the default.
    ///
    /// # Errors
    ///
    /// None: an empty file has no mistake.
    pub fn unnamed() -> Result<Self, SiteError> {
        let site = Site::parse(Path::new(""), "")?;
        Ok(Self { site, places: SitePlaces::default(), source: None })
    }
}

impl SitePlaces {
    /// Reads where the values of `text` are. `file`: its name.
    pub fn of(file: &str, text: &str) -> Self {
        let starts: Vec<usize> =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let line_and_column = |offset: usize| {
            let line = starts.partition_point(|start| *start <= offset);
            let start = starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
            (line, text.get(start..offset).unwrap_or_default().chars().count() + 1)
        };
        let (table, _) = DeTable::parse_recoverable(text);
        let mut places = BTreeMap::new();
        let mut walk = vec![(Vec::new(), of_table(table.get_ref()))];
        while let Some((before, all)) = walk.pop() {
            for Child { name, key, value } in all {
                let keys: Vec<String> = before.iter().cloned().chain([name]).collect();
                let span = if value.span().is_empty() { key } else { value.span() };
                places.insert(keys.clone(), line_and_column(span.start));
                walk.push((keys, of_value(value.get_ref())));
            }
        }
        Self { file: file.to_owned(), places }
    }

    /// Returns where the value of these keys is, if the file has it. An element of an array is named by its
    /// number, from 0.
    pub fn exact<K: AsRef<str>>(&self, keys: &[K]) -> Option<Position> {
        let keys: Vec<String> = keys.iter().map(|key| key.as_ref().to_owned()).collect();
        let (line, column) = *self.places.get(&keys)?;
        Some(Position { file: self.file.clone(), line, column })
    }

    /// Returns where the value is, or else the innermost table of its keys that the file has, or else the
    /// beginning of the file. None: there is no file.
    pub fn nearest<K: AsRef<str>>(&self, keys: &[K]) -> Option<Position> {
        let begin = (!self.file.is_empty()).then(|| Position {
            file: self.file.clone(),
            line: 1,
            column: 1,
        });
        let mut parts = (1..=keys.len()).rev().filter_map(|length| self.exact(keys.get(..length)?));
        parts.next().or(begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_place() {
        let text = "[network]\npool = \"10.20.0.0/16\"\nranges = [\"10.12.0.0/16\",\n  \"10.13.0.0/16\"]\n\n\
                    [template.\"k8s v1\"]\nlabels = { a = 1, fixed_subnet_cidr = \"10.20.1.0/24\" }\n";
        let places = SitePlaces::of("omega.toml", text);
        let at = |keys: &[&str]| {
            places.exact(keys).map(|at| format!("{}:{}:{}", at.file, at.line, at.column))
        };
        assert_eq!(at(&["network", "pool"]).unwrap(), "omega.toml:2:8");
        assert_eq!(at(&["network", "ranges", "1"]).unwrap(), "omega.toml:4:3");
        let label = ["template", "k8s v1", "labels", "fixed_subnet_cidr"];
        assert_eq!(at(&label).unwrap(), "omega.toml:7:39");
        assert_eq!(at(&["network", "tenants"]), None);
        let near = |keys: &[&str]| places.nearest(keys).map(|at| (at.line, at.column)).unwrap();
        assert_eq!(near(&["template", "k8s v1", "image"]), (6, 1));
        assert_eq!(near(&["driver", "version"]), (1, 1));
        assert_eq!(SitePlaces::default().nearest(&["driver"]), None);
    }
}
