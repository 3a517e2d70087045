//! Rules that are wrong on purpose: the comparison must notice each of them.

use serde_json::{Map, Value};

use crate::Case;

/// A rule's name, and what a reader that has it wrong would see of a case.
pub(crate) struct Plant(pub(crate) &'static str, pub(crate) fn(&mut Case));

impl Plant {
    pub(crate) const ALL: &'static [Self] = &[
        Self("a key with a hyphen is passed over", |case| {
            each_map(case, &|map| map.retain(|key, _| !key.contains('-')));
        }),
        Self("domains beside auth are passed over", |case| {
            each_cloud(case, &|cloud| cloud.retain(|key, _| !key.contains("domain")));
        }),
        Self("a lone domain is passed over", |case| {
            each_map(case, &|map| map.retain(|key, _| !key.starts_with("domain")));
        }),
        Self("the region of the variables is passed over", |case| {
            case.variables.remove("OS_REGION_NAME");
        }),
        Self("the interface of the variables is passed over", |case| {
            case.variables.remove("OS_INTERFACE");
        }),
        Self("the CA of the variables is passed over", |case| {
            case.variables.remove("OS_CACERT");
        }),
        Self("a neighbour that is no YAML is passed over", |case| case.odd = None),
        Self("the values of a region are passed over", |case| {
            each_cloud(case, &|cloud| {
                if let Some(Value::Array(regions)) = cloud.get_mut("regions") {
                    for region in regions.iter_mut().filter_map(Value::as_object_mut) {
                        region.remove("values");
                    }
                }
            });
        }),
        Self("overrides are passed over", |case| {
            each_cloud(case, &|cloud| cloud.retain(|key, _| !key.contains("endpoint")));
            case.variables.retain(|name, _| !name.contains("ENDPOINT"));
        }),
        Self("verify below auth counts", |case| {
            each_cloud(case, &|cloud| {
                let auth = cloud.get_mut("auth").and_then(Value::as_object_mut);
                if let Some(verify) = auth.and_then(|auth| auth.remove("verify")) {
                    cloud.insert("verify".to_owned(), verify);
                }
            });
        }),
        Self("verify is passed over beside insecure", |case| {
            each_cloud(case, &|cloud| {
                if cloud.contains_key("insecure") {
                    cloud.remove("verify");
                }
            });
        }),
        Self("secure.yaml is passed over", |case| case.secure = None),
        Self("the first of several interfaces is the only one", |case| {
            each_cloud(case, &|cloud| {
                if let Some(Value::Array(names)) = cloud.get_mut("interface") {
                    names.truncate(1);
                }
            });
        }),
    ];
}

fn each_cloud(case: &mut Case, change: &dyn Fn(&mut Map<String, Value>)) {
    let files = case.clouds.iter_mut().chain(&mut case.secure);
    let clouds = files.filter_map(|file| file.get_mut("clouds")?.as_object_mut());
    clouds.flat_map(|clouds| clouds.values_mut()).filter_map(Value::as_object_mut).for_each(change);
}

/// The cloud and what is below `auth`.
fn each_map(case: &mut Case, change: &dyn Fn(&mut Map<String, Value>)) {
    each_cloud(case, &|cloud| {
        change(cloud);
        if let Some(auth) = cloud.get_mut("auth").and_then(Value::as_object_mut) {
            change(auth);
        }
    });
}
