//! One file for each rule, or for the rules of one judgement that others have too.

mod default_nodes;
mod image_properties;
mod network_plugin;
mod node_network;
mod other_driver;
mod overlap;
mod resolver;
mod template_chart;
mod template_values;

use super::{
    super::{LintFinding, Rule},
    Input,
};

type Check = fn(&Input<'_>) -> Vec<LintFinding>;

/// Every rule, in the order of the decisions.
pub(super) const ALL: [(&[Rule], Check); 9] = [
    (&[node_network::RULE], node_network::check),
    (&[default_nodes::RULE], default_nodes::check),
    (&[overlap::RULE], overlap::check),
    (&[resolver::RULE], resolver::check),
    (&[network_plugin::RULE], network_plugin::check),
    (&[other_driver::RULE], other_driver::check),
    (&[template_chart::RULE], template_chart::check),
    (&template_values::RULES, template_values::check),
    (&[image_properties::RULE], image_properties::check),
];
