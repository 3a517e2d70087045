//! What omega knows of magnum-capi-helm, the driver that makes Magnum's clusters with Cluster API.
//!
//! One place for each fact, with its source in the driver: which releases there are and what each
//! does ([`DriverRelease`]), its options ([`options`]), the one that can break it
//! ([`api_resources`]), what it reads on the management cluster ([`driver_reads`]) and must be
//! allowed there ([`driver_needs`]), what it calls things ([`naming`]), which labels it looks at
//! ([`labels`]), and what it needs around it ([`requirements`]). Nothing here does any input or
//! output.
//!
//! Sources are named by the file and line in the package of a release: `driver.py:895` is
//! `magnum_capi_helm/driver.py`, line 895.
//!
//! # Where things were before
//!
//! | before | here |
//! |---|---|
//! | core `api_resources::{Override, OverrideError}` | [`Override`], [`OverrideError`] |
//! | core `api_resources::Overrides::parse` | [`Overrides::of_value`]: what oslo.config hands on |
//! | core `api_resources::Overrides::of_line` | [`Overrides::of_line`]: what stands in a file, or in the site file |
//! | capi `check_coherence::unreadable`: `matches!(error, Value)` | [`OverrideError::is_importable`] |
//! | core `api_resources::unquoted` | [`options::read_line`] |
//! | core `api_resources::CLASSES` | [`ReadClass::ALL`] and [`ReadClass::name`] |
//! | `overrides.0.get(class.name())` | [`Overrides::of`] |
//! | juju `operations::{ApiResources, ApiResourcesError}` | [`ApiResources`], [`ApiResourcesError`] (now an enumeration); [`ApiResources::overrides`] is new |
//! | juju `operations::{CapiHelm, CapiHelmError}` | [`CapiHelm`], [`CapiHelmError`]; `kubeconfig_file` is a `String`, `render` takes `&DriverRelease` |
//! | juju `operations::capi_helm::{known, check}` | [`options::options`], [`OptionSpec::check`](options::OptionSpec::check) |
//! | juju `operations::api_resources::nearest` | gone: nothing else used it |
//! | juju `data/magnum-capi-helm-options.txt` | `data/magnum-capi-helm-options.txt` of this crate |
//! | juju `magnum::{DRIVER, ENTRY_POINT, DRIVERS_GROUP}` | [`requirements::DISTRIBUTION`], [`requirements::ENTRY_POINT`], [`requirements::DRIVERS_GROUP`] |
//! | juju `magnum::SECTION` | [`Section::CapiHelm`](options::Section::CapiHelm)`.name()` or [`options::SECTION`] |
//! | juju `magnum::{conductor, api}` | stay, made of [`requirements::CONDUCTOR`] and [`requirements::API`]; so do the paths of the unit |
//! | juju `pin_driver`: `Version`, `release([1, 3, 0])`, `release([3, 10])` | [`DriverRelease`], [`DriverRelease::takes_tokens`], [`DriverRelease::python_floor`] |
//! | juju `pin_driver::old`: who leaves application credentials | [`DriverRelease::leaves_credentials_of`] |
//! | juju `pin_driver::old`: v1alpha6 | [`DriverRelease::reads_provider_at`] |
//! | capi `Driver`, `Driver::V1_4_0`, `Driver::ALL` | [`DriverRelease`] (not `Copy`), [`DriverRelease::v1_4_0`], [`DriverRelease::known`] |
//! | (new) what is assumed of a release that nobody read | [`DriverRelease::assumed_like`], [`DriverRelease::assumption`] |
//! | capi `UnknownDriver`, from `parse` | [`UnknownRelease`], from [`DriverRelease::require_known`] |
//! | capi `Driver::{reads_overrides, takes_tokens, sends_network_driver, default_chart}` | the same on [`DriverRelease`] |
//! | capi `driver_labels::first_to_read` | [`labels::first_to_read`], [`DriverRelease::reads_label`] |
//! | capi `templates`: `"kube_tag"`, `ALLOWED_CIDRS`, `CHART`, `TemplateFacts::ours` | [`labels::said_elsewhere`], [`labels::ALLOWED_CIDRS`], [`labels::CHART_VERSION`], [`requirements::provides`] |
//! | capi `driver_reads::{Answer404, Read, ReadClass, driver_reads}`, `served::GroupVersion` | [`Answer404`], [`Read`], [`ReadClass`], [`driver_reads`], [`GroupVersion`] |
//! | capi `compatibility::ignored` | [`Overrides::without_effect`] |
//! | capi `match read.class { .. => "get", .. => "list" }` | [`ReadClass::verb`] |
//! | capi `access::driver_needs::{Need, driver_needs}` | [`Need`], [`driver_needs`]; `Reach` and `rules` stay |
//! | capi `health::python` | [`python`] |
//! | capi `health_reads::Names::{namespace, object}` | [`NamespacePrefix::namespace`], [`StackId::object`] |
//! | capi `workload::choose_cluster::sanitized` | [`StackId::can_be_of`], [`naming::sanitized`] |
//! | capi and cli `format!("{stack}-cloud-credentials")` | [`StackId::cloud_credentials`] |
//! | capi `format!("{name}-kubeconfig")` | [`StackId::kubeconfig`] |
//! | capi `prove_rights`: `magnum.openstack.org%2Fcluster-uuid` | [`naming::CLUSTER_UUID_LABEL`] |
//! | openstack `Cluster::helm_namespace(prefix)` | [`NamespacePrefix::namespace`] of its `project_id` |
//! | openstack `Cluster::is_capi` | [`StackId::is_helm_release`] |
//! | cli `site.capi_helm.get("namespace_prefix").map_or("magnum", ..)`, three times | [`NamespacePrefix::of_options`] |
//! | cli `release_stuck_delete::project_of` | [`naming::project_of`] |
//! | cli `Overrides::parse(site's line)` in `command/access.rs` | [`Overrides::of_line`]: the line is a line there too |

pub mod api_resources;
pub mod labels;
pub mod naming;
mod nearest;
pub mod options;
mod oslo_config;
pub mod python;
mod reads;
mod release;
pub mod requirements;
mod rights;

pub use api_resources::{
    ApiResources, ApiResourcesError, Override, OverrideError, Overrides, WithoutEffect,
};
pub use naming::{NamespacePrefix, StackId};
pub use options::{CapiHelm, CapiHelmError};
pub use reads::{Answer404, GroupVersion, Read, ReadClass, driver_reads};
pub use release::{DriverRelease, InvalidRelease, UnknownRelease};
pub use rights::{Need, driver_needs};
