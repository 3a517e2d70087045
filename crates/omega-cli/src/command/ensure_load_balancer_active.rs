//! `ensure-load-balancer-active`

use std::sync::Arc;

use clap::{Args, builder::NonEmptyStringValueParser};
use omega::{
    core::{Failure, FailureClass, Item, Label as _, Section, TargetPlan, run::Status, step},
    openstack::load_balancer::{ActiveLoadBalancer, FailedOver, LoadBalancerAdmin},
};

use crate::{
    app::App,
    cli::{SiteFile, WriteArgs},
};

/// `ensure-load-balancer-active`
#[derive(Debug, Args)]
pub(crate) struct LoadBalancerArgs {
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// The load balancer, by name or id, of any project.
    #[arg(long, value_name = "NAME|ID", value_parser = NonEmptyStringValueParser::new())]
    load_balancer: String,
    /// Fail it over although it is ACTIVE. An outage, if it has one amphora (topology SINGLE).
    #[arg(long)]
    failover: bool,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
}

impl App {
    /// Needs `[cloud]`, with the role `admin` or `load-balancer_admin`: the login's own project is used,
    /// not `management.project`.
    pub(super) async fn ensure_load_balancer_active(
        &self,
        args: &LoadBalancerArgs,
    ) -> Result<Status, Failure> {
        let at = &args.site.site;
        let _lock = (!args.write.plan).then(|| self.runs.lock(at, &self.task)).transpose()?;
        let site = Self::site(at)?;
        let cloud = self.connect(&site).cloud().await?;
        let admin = LoadBalancerAdmin::new(Arc::clone(&cloud.operator)).await;
        let admin = Arc::new(admin.map_err(|error| {
            let failure = Failure::from_error("could not use Octavia as an administrator", &error);
            let lacks = matches!(error, omega::openstack::Error::LacksRole { .. });
            let class = if lacks { FailureClass::Refused } else { failure.class };
            Failure { class, ..failure }
        })?);
        let name = &args.load_balancer;
        let wanted = if args.failover {
            step(&admin, FailedOver::from_now(&admin, name).await?)
        } else {
            step(&admin, ActiveLoadBalancer { balancer: name.clone() })
        };
        let section = Section::new("", &self.task, vec![Item::Step(wanted)]);
        let target = TargetPlan::shared(admin.label(), vec![section]);
        self.one((at, args.write), vec![target], cloud.endpoints(), cloud.counts()).await
    }
}
