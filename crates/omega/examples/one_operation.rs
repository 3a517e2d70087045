//! One operation: plan, apply, apply again without effect, and undo.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use omega::{
    core::{Context, Delta, Describe as _, ensure, plan},
    juju::{Sources, operations::InjectConfigDir, sim::Start},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A real unit: Unit::new("magnum/0", channel, sources), with a channel by Juju or SSH.
    let unit = Start::Fresh.unit("magnum/0").client(Sources::default());
    let (ctx, desired) = (Context::default(), InjectConfigDir::graft());

    let planned = plan(&unit, &desired).await?;
    if let Delta::Changes(changes) = planned.delta() {
        for change in changes {
            println!("{}", change.describe());
        }
    }
    let undo = planned.undo().ok_or("this change can be undone")?;
    println!("changed: {}", planned.apply(&ctx, &unit).await?.changed());
    println!("changed again: {}", ensure(&ctx, &unit, &desired).await?.changed());
    println!("undone: {}", ensure(&ctx, &unit, &undo).await?.changed());
    Ok(())
}
