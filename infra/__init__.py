"""The Pulumi program: what exists on AWS, and who may touch what."""
