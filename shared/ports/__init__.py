"""What the use cases need of the world, with what each promises when the world is down."""
