/// What a storage node says about itself.
module walrus::node_metadata;

use std::string::String;
use sui::vec_map::{Self, VecMap};

// === Structs ===

/// Description of a storage node.
public struct NodeMetadata has copy, drop, store {
    image_url: String,
    project_url: String,
    description: String,
    extra_fields: VecMap<String, String>,
}

// === Public functions ===

/// A description without extra fields.
public fun new(image_url: String, project_url: String, description: String): NodeMetadata {
    NodeMetadata { image_url, project_url, description, extra_fields: vec_map::empty() }
}

/// Sets the URL of the node's image.
public fun set_image_url(self: &mut NodeMetadata, image_url: String) {
    self.image_url = image_url;
}

/// Sets the URL of the operator's project.
public fun set_project_url(self: &mut NodeMetadata, project_url: String) {
    self.project_url = project_url;
}

/// Sets the description.
public fun set_description(self: &mut NodeMetadata, description: String) {
    self.description = description;
}

/// Sets all extra fields.
public fun set_extra_fields(self: &mut NodeMetadata, extra_fields: VecMap<String, String>) {
    self.extra_fields = extra_fields;
}

/// URL of the node's image.
public fun image_url(self: &NodeMetadata): String {
    self.image_url
}

/// URL of the operator's project.
public fun project_url(self: &NodeMetadata): String {
    self.project_url
}

/// The description.
public fun description(self: &NodeMetadata): String {
    self.description
}

/// The extra fields.
public fun extra_fields(self: &NodeMetadata): &VecMap<String, String> {
    &self.extra_fields
}
