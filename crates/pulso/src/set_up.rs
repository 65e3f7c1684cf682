//! Makes topics, templates and aliases on the servers of the configuration.

use pulso_runtime::{CommonArgs, stores};

use crate::output::print;

pub(crate) async fn set_up(common: &CommonArgs) -> anyhow::Result<()> {
    let config = common.start()?;
    for line in stores::set_up(&config).await? {
        print(&format!("{line}\n"))?;
    }
    Ok(())
}
