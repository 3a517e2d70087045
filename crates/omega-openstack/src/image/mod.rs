//! Glance: images, staged as one stream that is checked as it goes.

mod change;
mod checked;
mod client;
mod cluster_image;
mod delete_image;
mod download;
mod existing_image;
mod listed_image;
mod manifest;
mod qcow2;
mod source;
mod source_error;
mod spec;
mod stage_image;
mod wire;

pub use change::ImageChange;
pub use client::{Images, Upload};
pub use cluster_image::ClusterImage;
pub use delete_image::{DeleteImage, ImageDeletion, ImageLeft};
pub use download::{DownloadOptions, Downloads};
pub use listed_image::ListedImage;
pub use manifest::{InvalidManifest, Manifest, ManifestEntry};
pub use source::{ImageSource, InvalidSource, SourceInfo};
pub use source_error::SourceError;
pub use spec::{ImageName, InvalidImage, KubernetesVersion};
pub use stage_image::{ImageObserved, StagedImage, stage_image};
pub use wire::{Image, ImageTask, SOURCE_SHA512};

#[cfg(test)]
mod checked_tests;
#[cfg(test)]
mod download_tests;
#[cfg(test)]
mod manifest_tests;
#[cfg(test)]
mod reported_tests;
#[cfg(test)]
mod tests;
