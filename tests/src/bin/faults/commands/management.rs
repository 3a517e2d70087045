//! Operations on the management cluster.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use omega::{
    core::{Item, Section, TargetPlan, run::Job},
    run::Approved,
    stuck_delete::StuckDelete,
};
use omega_capi::access::{DriverRights, Mint, MintedKubeconfig, Reach, mint_steps};
use omega_core::Label as _;
use omega_driver::Overrides;

use super::{Ended, SITE, own};
use crate::{outcome::Outcome, station::Station};

pub(crate) async fn mint_kubeconfig(station: &Station) -> Ended {
    let kubeconfig = station.own_kubeconfig()?;
    let management = station.connect().management(&kubeconfig).await?;
    let now = jiff::Timestamp::now();
    let mint = Arc::new(Mint::new(management.clone(), &kubeconfig.facts, now));
    let namespace = "magnum-a".parse().map_err(own)?;
    let wanted = MintedKubeconfig {
        rights: DriverRights {
            account: "omega/magnum-driver".parse().map_err(own)?,
            reach: Reach::Namespaces(BTreeSet::from([namespace])),
            driver: "1.4.0".parse().map_err(own)?,
            overrides: Overrides::default(),
            autoscaler: false,
            additive: false,
        },
        path: station.machine.home.join("minted.kubeconfig"),
        lifetime: 36_000,
        renew_before: None,
        server: None,
    };
    let steps = mint_steps(&mint, wanted).await?;
    let items = steps.into_iter().map(Item::Step).collect();
    let section = Section::new("", "mint-kubeconfig", items);
    let target = TargetPlan::shared(management.label(), vec![section]);
    let job = Job::new("mint-kubeconfig", SITE, vec![target]);
    Ok(Outcome::of(&station.engine().apply(&job, Approved::Now).await?))
}

pub(crate) async fn release_stuck_delete(station: &Station) -> Ended {
    let connect = station.connect();
    let clients = connect.without_units(&station.kubeconfig()?).await?;
    let project = station.site_project();
    let stuck = StuckDelete {
        cluster: "c1".to_owned(),
        namespace: Some(format!("magnum-{project}").parse().map_err(own)?),
        credential: None,
        patience: Duration::from_mins(10),
        wait: Duration::from_secs(1),
    };
    let release = stuck.find(&connect, &clients).await?;
    let job = release.job(SITE, &clients);
    Ok(Outcome::of(&station.engine().apply(&job, Approved::Now).await?))
}
