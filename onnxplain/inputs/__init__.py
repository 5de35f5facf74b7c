"""From pictures and side files to model inputs."""
