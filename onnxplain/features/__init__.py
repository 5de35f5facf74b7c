"""What the network has learned: weights, feature maps, what its units and classes look for."""
