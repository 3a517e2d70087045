use std::path::Path;

use omega_core::{Failure, FailureClass, kubeconfig::Kubeconfig, values::Sha256};
use omega_juju::Sources;

use super::{
    Connect,
    kubeconfig::{RELATIVE, unreadable},
};

impl Connect<'_> {
    /// Returns the files that may be sent to a unit: the kubeconfig, the driver's wheel and helm, if the
    /// site names them; and the size of helm in bytes.
    ///
    /// # Errors
    ///
    /// Fails if a file can't be read, or does not have the digest that the site pins.
    pub fn sources(&self, kubeconfig: Option<&Kubeconfig>) -> Result<(Sources, usize), Failure> {
        let mut sources = Sources::default();
        if let Some(kubeconfig) = kubeconfig {
            sources.add(kubeconfig.bytes.clone());
        }
        if let Ok(driver) = self.site.driver()
            && let (Some(wheel), Some(sha256)) = (&driver.wheel, driver.sha256)
        {
            self.pinned(&mut sources, wheel, sha256, "the driver's wheel", "driver.sha256")?;
        }
        let helm = self.site.helm().ok().and_then(|helm| Some((helm.file.as_ref()?, helm.sha256)));
        let size = helm
            .map(|(file, sha256)| self.pinned(&mut sources, file, sha256, "helm", "helm.sha256"));
        Ok((sources, size.transpose()?.unwrap_or_default()))
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
        let (found, bytes) = sources
            .add_file(&path)
            .map_err(|error| unreadable(&path, what, &error).next(RELATIVE))?;
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
