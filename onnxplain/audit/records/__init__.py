"""What a record of an audit holds, as typed objects beside its JSON Schema."""
