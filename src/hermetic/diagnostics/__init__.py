"""What is wrong with an installation, in codes that people and programs can act on."""
