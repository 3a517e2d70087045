use std::{fs, path::Path};

use omega_core::{Failure, FailureClass, kubeconfig::Kubeconfig, values::Sha256};
use omega_juju::Sources;

use super::{
    Connect,
    kubeconfig::{RELATIVE, unreadable},
};

/// What may be sent to the units.
#[derive(Default)]
pub(crate) struct Payloads {
    pub(crate) sources: Sources,
    /// The size of helm, in bytes; 0 if the site names no file of it.
    pub(crate) helm_size: usize,
}

impl Connect<'_> {
    /// Returns what the graft may send to the units, of the site's files.
    ///
    /// # Errors
    ///
    /// Fails if one can't be read, or has another digest than the site file says.
    pub(crate) fn payloads(&self, kubeconfig: &Kubeconfig) -> Result<Payloads, Failure> {
        let mut sources = Sources::default();
        sources.add(kubeconfig.bytes.clone());
        self.add_wheel(&mut sources)?;
        let helm_size = self.add_helm(&mut sources)?;
        Ok(Payloads { sources, helm_size })
    }

    /// Returns the same for a verification, which sends nothing and so reads none of the files.
    pub(crate) fn no_payloads(&self) -> Payloads {
        let helm = self.site.helm().ok().and_then(|helm| helm.file.as_ref());
        let size = helm.and_then(|file| fs::metadata(self.path(file)).ok()).map(|file| file.len());
        let helm_size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
        Payloads { helm_size, ..Payloads::default() }
    }

    /// Adds the driver's wheel to what may be sent to a unit, if the site names one.
    ///
    /// # Errors
    ///
    /// Fails if it can't be read, or has another digest than the site file says.
    pub fn add_wheel(&self, sources: &mut Sources) -> Result<(), Failure> {
        if let Ok(driver) = self.site.driver()
            && let (Some(wheel), Some(sha256)) = (&driver.wheel, driver.sha256)
        {
            self.pinned(sources, wheel, sha256, "the driver's wheel", "driver.sha256")?;
        }
        Ok(())
    }

    /// Adds helm, if the site names a file of it, and returns its size in bytes.
    ///
    /// # Errors
    ///
    /// Fails if it can't be read, or has another digest than the site file says.
    pub fn add_helm(&self, sources: &mut Sources) -> Result<usize, Failure> {
        if let Ok(helm) = self.site.helm()
            && let Some(file) = &helm.file
        {
            return self.pinned(sources, file, helm.sha256, "helm", "helm.sha256");
        }
        Ok(0)
    }

    /// Adds a file that the site pins, and returns its size.
    fn pinned(
        &self,
        sources: &mut Sources,
        path: &Path,
        wanted: Sha256,
        what: &str,
        key: &str,
    ) -> Result<usize, Failure> {
        let path = self.path(path);
        let (found, bytes) =
            sources.add_file(&path).map_err(|error| unreadable(&path, what, &error, RELATIVE))?;
        if found == wanted {
            return Ok(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        let why = format!("the file {} does not match {key}", path.display());
        Err(Failure {
            expected: Some(format!("sha256 {wanted}")),
            found: Some(format!("sha256 {found}")),
            ..Failure::new(FailureClass::Refused, why)
        }
        .next(format!("get the file again, or correct {key} in the site file")))
    }
}
