//! Operations on the cloud, and the teardown of all of it.

use std::{sync::Arc, time::Duration};

use omega::{
    core::{Failure, FailureClass, Item, Section, Step, TargetPlan, run::Job, step},
    run::Approved,
    teardown::{
        Teardown, TeardownClients,
        maas::{Maas, MaasProgram},
    },
};
use omega_core::{Label as _, values::Sha512};
use omega_openstack::{
    image::{ImageSource, Images, StagedImage},
    network::{Cidr, Flow, Ports, Protocol, SgRule, Traffic},
};

use super::{Ended, SITE, own};
use crate::{
    outcome::Outcome,
    station::{FILES, Station},
};

async fn applied(station: &Station, name: &str, label: String, one: Box<dyn Step>) -> Ended {
    let section = Section::new("", name, vec![Item::Step(one)]);
    let job = Job::new(name, SITE, vec![TargetPlan::shared(label, vec![section])]);
    Ok(Outcome::of(&station.engine().apply(&job, Approved::Now).await?))
}

pub(crate) async fn ensure_sg_rule(station: &Station) -> Ended {
    let cloud = station.connect().cloud().await?;
    let ports = Ports::one(6443).map_err(own)?;
    let tcp: Protocol = "tcp".parse().map_err(own)?;
    let peer: Cidr = "10.20.0.0/16".parse().map_err(own)?;
    let flow = Flow::new(Traffic::Ports(tcp, ports), peer).map_err(own)?;
    let rule = SgRule::ingress("capi-mgmt-sg", flow);
    applied(station, "ensure-sg-rule", cloud.network.label(), step(&cloud.network, rule)).await
}

/// The bytes of an image: the head of a qcow2 of version 3, and what follows.
pub(crate) fn qcow2() -> Vec<u8> {
    let mut bytes = vec![0; 200_000];
    let mut put = |at: usize, value: &[u8]| {
        bytes.iter_mut().skip(at).zip(value).for_each(|(to, from)| *to = *from);
    };
    put(0, b"QFI\xfb");
    put(4, &3_u32.to_be_bytes());
    put(20, &16_u32.to_be_bytes());
    put(24, &(1_u64 << 30).to_be_bytes());
    put(96, &4_u32.to_be_bytes());
    put(100, &104_u32.to_be_bytes());
    bytes
}

pub(crate) async fn stage_file(station: &Station) -> Ended {
    let path = station.machine.home.join("image.qcow2");
    std::fs::write(&path, qcow2()).map_err(own)?;
    stage_image(station, ImageSource::file(&path)).await
}

pub(crate) async fn stage_url(station: &Station) -> Ended {
    let url = format!("http://{}:{FILES}/image.qcow2", station.address);
    stage_image(station, ImageSource::url(&url).map_err(own)?).await
}

async fn stage_image(station: &Station, source: ImageSource) -> Ended {
    let cloud = station.connect().cloud().await?;
    let digest = Sha512::of(&qcow2());
    let (name, version) = ("ubuntu-jammy-kube-v1.34.8", "v1.34.8");
    let image =
        StagedImage::new(name.parse().map_err(own)?, version.parse().map_err(own)?, digest, source);
    let images = Arc::new(Images::new(Arc::clone(&cloud.narrowed)));
    applied(station, "stage-image", images.label(), step(&images, image)).await
}

pub(crate) async fn teardown(station: &Station) -> Ended {
    let connect = station.connect();
    let controller = connect.controller(None).await?;
    let program = MaasProgram {
        program: station.programs.path("maas"),
        profile: "admin".to_owned(),
        within: station.site.timeouts.ask,
    };
    let none = Failure::new(FailureClass::Usage, "the site file names no cloud");
    let maas = Maas::new(Arc::new(program), "admin");
    let clients = TeardownClients::new(controller, none).with_maas(maas);
    let wanted = Teardown {
        model: "openstack".to_owned(),
        storage: None,
        bundle: None,
        accepted: omega::teardown::TEARDOWN_RULES.iter().map(|rule| (*rule).to_owned()).collect(),
        within: Duration::from_secs(30),
    };
    let found = wanted.find(clients, &station.runs).await?;
    let job = found.job(SITE);
    Ok(Outcome::of(&station.engine().apply(&job, Approved::Now).await?))
}
